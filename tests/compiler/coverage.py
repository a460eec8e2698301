"""Which properties of the schema of a spec the cases reach."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.compiler.specs import CASES, expected

from xmc.compiler import Source, composed_schema
from xmc.compiler.node import plain
from xmc.compiler.parse import parse
from xmc.plugins import Plugins

_PARTS = ("allOf", "anyOf", "oneOf", "then", "else")
_NEVER_GOOD = "x-xmc-not-external"
"""What carries this is an error wherever it stands."""
GONE = "provider:palm"
"""The configuration of a provider whose API is gone is an error as well."""


def good_cases() -> list[Path]:
    """The cases that compile, with warnings or without."""
    return [case for case in sorted(CASES.glob("*.yaml")) if not any(" error " in line for line in expected(case))]


def bad_cases() -> list[Path]:
    return sorted(set(CASES.glob("*.yaml")) - set(good_cases()))


class Reach:
    """Walks values beside the schema; a property is named `definition.key`, or by its path inside a definition."""

    def __init__(self, plugins: Plugins) -> None:
        self.schema = composed_schema(plugins)
        self.names = {one["$id"]: name for name, one in self.schema["$defs"].items() if "$id" in one}

    def every(self) -> set[str]:
        """Return all properties that a good spec can hold."""
        found = set(self._properties(self.schema, "spec"))
        for name, definition in self.schema["$defs"].items():
            if name != GONE:
                found |= set(self._properties(definition, name))
        return found

    def reached(self, spec: Any) -> set[str]:
        return set(self._walk([(self.schema, "spec")], spec))

    def _properties(self, schema: Any, name: str) -> Iterator[str]:
        for key, part in schema.get("properties", {}).items():
            if not self._is_never_good(part):
                yield f"{name}.{key}"
                yield from self._inside(part, f"{name}.{key}")
        for part in self._parts(schema):
            yield from self._inside(part, name)

    def _inside(self, part: Any, name: str) -> Iterator[str]:
        """What is written in place, not by reference."""
        if isinstance(part, dict) and "$ref" not in part:
            yield from self._properties(part, name)
            for key in ("items", "additionalProperties"):
                yield from self._inside(part.get(key), f"{name}.*")

    def _is_never_good(self, part: Any) -> bool:
        if not isinstance(part, dict):
            return True
        return _NEVER_GOOD in part or any(_NEVER_GOOD in self._resolved(one)[0] for one in self._refs(part))

    def _refs(self, part: Any) -> list[Any]:
        return [one for one in (part, *self._parts(part)) if "$ref" in one]

    def _parts(self, schema: Any) -> Iterator[Any]:
        for key in _PARTS:
            part = schema.get(key, ())
            for one in part if isinstance(part, list) else (part,):
                if isinstance(one, dict):
                    yield one
                    yield from self._parts(one)

    def _resolved(self, schema: Any) -> tuple[Any, str]:
        reference = schema["$ref"]
        name = self.names.get(reference, reference.removeprefix("#/$defs/"))
        return self.schema["$defs"][name], name

    def _walk(self, schemas: list[tuple[Any, str]], value: Any) -> Iterator[str]:
        every = [one for schema, name in schemas for one in self._expanded(schema, name)]
        if isinstance(value, list):
            items = [(one["items"], f"{name}.*") for one, name in every if isinstance(one.get("items"), dict)]
            for item in value:
                yield from self._walk(items, item)
        elif isinstance(value, dict):
            for key, part in value.items():
                known = [(one["properties"][key], name) for one, name in every if key in one.get("properties", {})]
                yield from (f"{name}.{key}" for _, name in known)
                inside = [(one, f"{name}.{key}") for one, name in known]
                if not known:
                    others = [(one.get("additionalProperties"), name) for one, name in every]
                    inside = [(one, f"{name}.*") for one, name in others if isinstance(one, dict)]
                yield from self._walk(inside, part)

    def _expanded(self, schema: Any, name: str) -> Iterator[tuple[Any, str]]:
        if not isinstance(schema, dict):
            return
        yield schema, name
        if "$ref" in schema:
            yield from self._expanded(*self._resolved(schema))
        for part in self._parts(schema):
            if "$ref" in part:
                yield from self._expanded(*self._resolved(part))
            else:
                yield part, name


def value_of(case: Path) -> Any:
    root = parse(Source(case.name, case.read_bytes())).root
    assert root is not None
    return plain(root)


def unreached(reach: Reach, cases: Iterable[Path]) -> set[str]:
    return reach.every() - {one for case in cases for one in reach.reached(value_of(case))}
