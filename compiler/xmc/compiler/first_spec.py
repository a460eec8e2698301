"""The first spec of somebody who has none: one endpoint with one entity, as far as a provider's schema knows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from xmc.compiler.stores import DEFAULT_STORE
from xmc.plugins import Plugins, Provider
from xmc.schema import JsonObject, SecretRef

HEADER = "# yaml-language-server: $schema=xmc.schema.json"
"""First line of a spec that editors check by the file that `xmc schema` prints."""
_REFERENCE = "reference"
_ROUNDS = 16
"""Each round fills in what the one before made necessary; schemas nest less deeply."""


@dataclass(frozen=True, slots=True)
class FirstSpec:
    """What is known of a first spec. `config` holds keys of the provider's configuration; None asks for a reference."""

    provider: str
    model: str
    task: str
    endpoint: str
    store: str = DEFAULT_STORE
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drafted:
    """A spec as text, the references that it holds, and the keys that only its author can fill in."""

    text: str
    references: tuple[str, ...]
    missing: tuple[str, ...]


def draft(wanted: FirstSpec, plugins: Plugins) -> Drafted:
    """Write a first spec: what a schema asks for is filled in where it is a secret, and named where it is not.

    Raises:
        KeyError: no installed plugin has this provider.
    """
    provider = plugins.providers[wanted.provider]
    config, missing = _fill(provider, wanted.config)
    model = {"name": wanted.model, "provider": provider.name, "task": wanted.task, provider.config_key: config}
    spec: dict[str, Any] = {}
    if wanted.store != DEFAULT_STORE:
        spec["secrets"] = {"stores": {wanted.store: {"kind": wanted.store}}}
    spec["endpoints"] = [{"name": wanted.endpoint, "config": {"served_entities": [{"external_model": model}]}}]
    text = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, width=1000)
    return Drafted(f"{HEADER}\n{text}", tuple(_references(config)), missing)


def _fill(provider: Provider, given: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    schema = provider.config_schema
    config = {key: _reference(provider, key) if value is None else value for key, value in given.items()}
    missing: dict[str, None] = {}
    validator = Draft202012Validator(schema)
    for _ in range(_ROUNDS):
        needed = [(path, key) for path, key in _needed(validator, config) if key not in missing]
        if not needed:
            break
        for path, key in needed:
            place: Any = config
            about: Any = schema
            for step in path:
                place, about = place[step], _property(schema, about, step)
            about = _property(schema, about, key)
            if about.get("x-xmc-secret") == _REFERENCE:
                place[key] = _reference(provider, key)
            elif about.get("type") == "object":
                place[key] = {}
            else:
                missing[key] = None
    return config, tuple(missing)


def _needed(validator: Any, config: Mapping[str, Any]) -> list[tuple[tuple[str, ...], str]]:
    """Return the keys that a schema misses, with the paths where; of an either-or the first."""
    found: dict[tuple[tuple[str, ...], str], None] = {}
    for error in validator.iter_errors(config):
        path = tuple(str(step) for step in error.absolute_path)
        wanted: list[Any] = []
        if error.validator == "required":
            wanted = error.validator_value
        elif error.validator in {"oneOf", "anyOf"}:
            branches = [branch.get("required", []) for branch in error.validator_value]
            if not any(set(branch) <= set(error.instance) for branch in branches):
                wanted = branches[0]
        found.update({(path, key): None for key in wanted if key not in error.instance})
    return list(found)


def _property(root: JsonObject, schema: Any, key: str) -> Any:
    found = schema.get("properties", {}).get(key, {})
    reference = found.get("$ref")
    if reference is None:
        return found
    target: Any = root
    for step in reference.removeprefix("#/").split("/"):
        target = target[step]
    return {**target, **found}


def _reference(provider: Provider, key: str) -> str:
    """Return a reference that reads well: the scope is the provider, its name is not said again in the key."""
    words = key.split("_")
    first = provider.name.split("-")[0]
    short = words[1:] if words[0] == first and len(words) > 1 else words
    return f"{{{{secrets/{provider.name}/{'-'.join(short)}}}}}"


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [one for part in value.values() for one in _references(part)]
    return [value] if isinstance(value, str) and SecretRef.parse(value) else []
