"""Whether a value fits a JSON Schema, yes or no: a schema becomes nested functions, once, and jsonschema is not needed.

Almost every value of a spec fits, and jsonschema (45 ms to import, ten times slower) is only needed to say what is
wrong with those that do not. It stays the judge: what is known here answers exactly as the validator in `judge` does,
which is a law in the tests, and a schema with anything else in it (a stranger's keyword, a reference into another file)
has no such function. Values are plain data, as `node.plain` makes them.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from xmc.compiler.accept_leaf import LEAVES, Fits, UnknownError, list_of, mapping_of
from xmc.schema import JsonObject

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_POINTER = re.compile(r"#(?:/[A-Za-z0-9_$-]+)+")
_SAY_NOTHING = frozenset({
    "$comment", "$defs", "default", "deprecated", "description", "else", "examples", "format", "then", "title",
    "x-xmc-hint", "x-xmc-per-key", "x-xmc-secret",
})  # fmt: skip
"""Keywords that make no value wrong; `then` and `else` count with the `if` beside them."""


def acceptor(schema: JsonObject) -> Fits | None:
    """Return the function that tells whether a value fits; None if something in the schema is not known here."""
    try:
        return _Compiler(schema).fits(schema)
    except (UnknownError, re.error, RecursionError):
        return None


class _Compiler:
    """Compiles the parts of one schema. What is referred to is compiled once, and may refer to itself."""

    def __init__(self, root: JsonObject) -> None:
        self._root = root
        self._referred: dict[str, Fits | None] = {}

    def fits(self, schema: Any) -> Fits:
        """Compile a schema. Raises `UnknownError`."""
        if isinstance(schema, bool):
            return _anything if schema else _nothing
        return _all([self._keyword(name, schema) for name in mapping_of(schema) if name not in _SAY_NOTHING])

    def _keyword(self, name: str, schema: JsonObject) -> Fits:
        operand = schema[name]
        if name in LEAVES:
            return LEAVES[name](operand)
        if name in _BRANCHES:
            return _BRANCHES[name](operand, self.fits)
        match name:
            case "additionalProperties":
                return _additional(self.fits(operand), schema)
            case "if":
                return _either(self.fits(operand), *(self.fits(schema.get(name, True)) for name in ("then", "else")))
            case "$ref":
                return self._refer(operand)
            case "$schema" if operand == _DRAFT:
                return _anything
            case "$id" if schema is self._root:
                return _anything
        raise UnknownError(name)

    def _refer(self, pointer: Any) -> Fits:
        """Compile what a local reference leads to. One that leads to a schema it stands in finds it later."""
        if not isinstance(pointer, str) or not _POINTER.fullmatch(pointer):
            raise UnknownError(pointer)
        referred = self._referred
        if pointer not in referred:
            referred[pointer] = None
            target: Any = self._root
            for step in pointer[2:].split("/"):
                target = mapping_of(target).get(step)
                if isinstance(target, dict) and "$id" in target:  # references in it lead elsewhere
                    raise UnknownError(pointer)
            referred[pointer] = self.fits(target)
        found = referred[pointer]
        return found or (lambda value: (referred[pointer] or _nothing)(value))  # noqa: PLW0108 - it is set later


def _anything(value: object) -> bool:  # noqa: ARG001 - as every check
    return True


def _nothing(value: object) -> bool:  # noqa: ARG001 - as every check
    return False


def _all(checks: list[Fits]) -> Fits:
    """Return the check that all of them make; of one and two, which is what most schemas have, without a loop."""
    checks = [check for check in checks if check is not _anything]
    match checks:
        case []:
            return _anything
        case [only]:
            return only
        case [first, second]:
            return lambda value: first(value) and second(value)

    def check(value: Any) -> bool:
        for one in checks:  # noqa: SIM110 - a generator costs more than most checks
            if not one(value):
                return False
        return True

    return check


# --- keywords that hold schemas; `fits` compiles one -----------------------------------------------------------------

_Make = Callable[[Any], Fits]


def _properties(operand: Any, fits: _Make) -> Fits:
    checks = {name: fits(part) for name, part in mapping_of(operand).items()}
    find = {name: check for name, check in checks.items() if check is not _anything}.get

    def check(value: Any) -> bool:
        if isinstance(value, dict):
            for name, part in value.items():
                one = find(name)
                if one is not None and not one(part):
                    return False
        return True

    return check


def _pattern_properties(operand: Any, fits: _Make) -> Fits:
    checks = [(re.compile(pattern).search, fits(part)) for pattern, part in mapping_of(operand).items()]
    return lambda value: (
        not isinstance(value, dict)
        or all(check(part) for search, check in checks for name, part in value.items() if search(name))
    )


def _additional(check: Fits, schema: JsonObject) -> Fits:
    """`additionalProperties`: whatever the two keywords for properties leave over must pass the check."""
    known = frozenset(mapping_of(schema.get("properties", {})))
    patterns: Mapping[str, Any] = mapping_of(schema.get("patternProperties", {}))
    search = re.compile("|".join(patterns)).search if any(patterns) else None
    if check is _nothing and search is None:
        return lambda value: not isinstance(value, dict) or value.keys() <= known
    return lambda value: (
        not isinstance(value, dict)
        or all(
            name in known or (search is not None and search(name) is not None) or check(part)
            for name, part in value.items()
        )
    )


def _property_names(operand: Any, fits: _Make) -> Fits:
    check = fits(operand)
    return lambda value: not isinstance(value, dict) or all(map(check, value))


def _items(operand: Any, fits: _Make) -> Fits:
    check = fits(operand)
    return lambda value: not isinstance(value, list) or all(map(check, value))


def _all_of(operand: Any, fits: _Make) -> Fits:
    return _all([fits(part) for part in list_of(operand)])


def _any_of(operand: Any, fits: _Make) -> Fits:
    checks = [fits(part) for part in list_of(operand)]
    return lambda value: any(check(value) for check in checks)


def _one_of(operand: Any, fits: _Make) -> Fits:
    checks = [fits(part) for part in list_of(operand)]
    return lambda value: sum(check(value) for check in checks) == 1


def _not(operand: Any, fits: _Make) -> Fits:
    check = fits(operand)
    return lambda value: not check(value)


def _either(condition: Fits, then: Fits, other: Fits) -> Fits:
    return lambda value: then(value) if condition(value) else other(value)


_BRANCHES: dict[str, Callable[[Any, _Make], Fits]] = {
    "allOf": _all_of,
    "anyOf": _any_of,
    "items": _items,
    "not": _not,
    "oneOf": _one_of,
    "patternProperties": _pattern_properties,
    "properties": _properties,
    "propertyNames": _property_names,
}
