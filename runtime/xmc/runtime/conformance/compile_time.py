"""Checks of what the compiler sees: schema, capability record, `link`, and what they say about themselves."""

import copy
import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from xmc.plugins import Link, Slot
from xmc.runtime.conformance.check import Check, Subject, expect, shown
from xmc.runtime.conformance.law import holds, models
from xmc.schema import Severity, Target, Task, canonical_json

STATUSES = ("yes", "mapped", "dropped", "refused", "unknown")


def config_schema(subject: Subject) -> None:
    """Look at the configuration's schema."""
    schema = subject.provider.config_schema
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        expect(False, f"it is no JSON Schema 2020-12: {error.message}")
    expect(schema.get("additionalProperties") is False, "it takes any key: additionalProperties is not false")
    for task in _tasks(subject):
        typed = _as_typed(subject.config(task))
        wrong = [error.message for error in Draft202012Validator(schema).iter_errors(typed)]
        expect(not wrong, f"it refuses the specimen's own configuration: {shown(wrong)}")
    for name, properties in _secret_fields(schema):
        twin = properties.get(f"{name}_plaintext", {})
        expect(twin.get("x-xmc-secret") == "plaintext", f"`{name}` has no `{name}_plaintext` beside it")


def capabilities(subject: Subject) -> None:
    """Look at the capability record as far as that can be done without sending anything."""
    record = subject.provider.capabilities
    expect(record, "it has no task")
    told = {sample.task for specimen in subject.plugins.specimens(subject.plugin)
            if specimen.provider == subject.specimen.provider for sample in specimen.samples}  # fmt: skip
    for task, column in record.items():
        expect(isinstance(task, Task), f"{task!r} is no task")
        expect(task in told, f"no specimen has a sample for {task}")
        for name, cell in column.items():
            where = f"{name!r} of {task}"
            expect(cell.status in STATUSES, f"{where} has the status {cell.status!r}")
            expect(bool(cell.source.strip()), f"{where} does not say where that was learnt")
            expect(_is_date(cell.date), f"{where} was learnt on {cell.date!r}, which is no date")
            expect(
                bool(cell.field) == (cell.status == "mapped"),
                f"{where}: a field belongs to what is mapped, and only there",
            )


def documentation(subject: Subject) -> None:
    """Look for descriptions of every key."""
    bare = [name for name, schema in _properties(subject.provider.config_schema) if not schema.get("description")]
    expect(not bare, f"keys of the configuration without a description: {', '.join(bare)}")


def link_pure(subject: Subject) -> None:
    """Link twice, and look at what came out."""
    for sample in subject.specimen.samples:
        before = copy.deepcopy(subject.config(sample.task))
        first, second = subject.target(sample), subject.target(sample)
        expect(first == second, "the same entity gives another target each time")
        expect(subject.config(sample.task) == before, "it changed the configuration that it was given")
        expect(first.provider == subject.provider.name, f"the target names the provider {first.provider!r}")
        expect(first.task is sample.task, f"the target is for {first.task}")
        expect(first.auth.scheme in subject.plugins.auth_schemes, f"no scheme {first.auth.scheme!r} is installed")
        subject.framing(first)
        read = msgspec.convert(msgspec.json.decode(canonical_json(msgspec.to_builtins(first))), Target)
        expect(read == first, "what is written to the table is not read back from it")
        stray = set(first.auth.slots.values()) - set(subject.secrets)
        expect(not stray, f"the target names slots that the configuration does not have: {sorted(stray)}")


def link_total(subject: Subject) -> None:
    """Link arbitrary names of models."""

    def law(model: str) -> None:
        for sample in subject.specimen.samples:
            link = subject.link(sample.task, model)
            expect(isinstance(link, Link), f"it returned {type(link).__name__}")
            failed = any(finding.severity is Severity.ERROR for finding in link.findings)
            expect(
                (link.target is None) == failed, f"model {model!r}: either a target or an error, and not both or none"
            )

    holds(models, law)


CHECKS = (
    Check(
        "config-schema",
        "The configuration's schema is closed, takes the specimen's configuration and marks its secrets",
        "otherwise a typing mistake is found by traffic, or a secret ends in the table",
        config_schema,
    ),
    Check(
        "capabilities",
        "The capability record has a sample for each task, and says of each cell where and when it was learnt",
        "otherwise nobody can tell whether a cell is still true",
        capabilities,
    ),
    Check(
        "documentation",
        "Every key of the configuration has a description",
        "editors and `xmc schema` have nothing else to show",
        documentation,
    ),
    Check(
        "link-pure",
        "`link` gives the same target for the same entity, and one that the table can hold",
        "otherwise two machines compile different tables of one spec",
        link_pure,
    ),
    Check(
        "link-total",
        "`link` takes any model's name, and gives a target or an error",
        "otherwise a name that nobody thought of stops the compiler",
        link_total,
    ),
)


def _tasks(subject: Subject) -> set[Task]:
    return {sample.task for sample in subject.specimen.samples}


def _as_typed(config: Any) -> Any:
    """Return a configuration as a user types it: references where the slots are."""
    if isinstance(config, Slot):
        return "{{secrets/kit/key}}"
    if isinstance(config, Mapping):
        return {name: _as_typed(value) for name, value in config.items()}
    return [_as_typed(value) for value in config] if isinstance(config, list) else config


def _properties(schema: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Walk all properties, also of mappings inside."""
    for name, inner in schema.get("properties", {}).items():
        yield name, inner
        yield from _properties(inner)


def _secret_fields(schema: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Walk the fields for references, each with the properties among which it stands."""
    properties = schema.get("properties", {})
    for name, inner in properties.items():
        if inner.get("x-xmc-secret") == "reference":
            yield name, properties
        yield from _secret_fields(inner)


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True
