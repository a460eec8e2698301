"""The keywords of a JSON Schema that hold no schemas: from the operand of each to the function that checks a value.

For `accept`. Each answers exactly as jsonschema does, or raises `UnknownError`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

Fits = Callable[[Any], bool]
"""Tells whether a value fits a schema, or a part of it."""


class UnknownError(Exception):
    """A keyword or an operand that is left to jsonschema."""


def is_off(value: object) -> bool:
    """Tell whether a block asks for nothing: empty, `enabled: false`, NONE, or all of its parts are off.

    >>> is_off({"enabled": False, "catalog_name": "c"}), is_off({"input": {"pii": {"behavior": "NONE"}}}), is_off([1])
    (True, True, False)
    """
    if isinstance(value, dict):
        return value.get("enabled") is False or all(is_off(part) for part in value.values())
    return value is None or value is False or value in ("", "NONE", [])


def mapping_of(operand: Any) -> Mapping[str, Any]:
    """Return an operand that is a mapping."""
    if not isinstance(operand, dict):
        raise UnknownError(operand)
    return operand


def list_of(operand: Any) -> list[Any]:
    """Return an operand that is a list."""
    if not isinstance(operand, list):
        raise UnknownError(operand)
    return operand


def _names(operand: Any) -> tuple[str, ...]:
    if not all(isinstance(name, str) for name in list_of(operand)):
        raise UnknownError(operand)
    return tuple(operand)


def is_text(value: object) -> bool:
    """Tell whether JSON Schema calls a value a string."""
    return isinstance(value, str)


def is_list(value: object) -> bool:
    """Tell whether JSON Schema calls a value an array."""
    return isinstance(value, list)


def is_mapping(value: object) -> bool:
    """Tell whether JSON Schema calls a value an object."""
    return isinstance(value, dict)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return value.is_integer() if isinstance(value, float) else isinstance(value, int) and not isinstance(value, bool)


_TYPES: dict[str, Fits] = {
    "array": is_list,
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "null": lambda value: value is None,
    "number": _is_number,
    "object": is_mapping,
    "string": is_text,
}


def _type(operand: Any) -> Fits:
    names = (operand,) if isinstance(operand, str) else _names(operand)
    if not names or not _TYPES.keys() >= set(names):
        raise UnknownError(operand)
    if len(names) == 1:
        return _TYPES[names[0]]
    checks = [_TYPES[name] for name in names]
    return lambda value: any(check(value) for check in checks)


def _const(operand: Any) -> Fits:
    """JSON tells 1 from true, and not from 1.0. Lists and mappings are left to jsonschema."""
    if isinstance(operand, bool) or operand is None:
        return lambda value: value is operand
    if isinstance(operand, list | dict):
        raise UnknownError(operand)
    return lambda value: value == operand and not isinstance(value, bool)


def _enum(operand: Any) -> Fits:
    if all(isinstance(one, str) for one in list_of(operand)):
        texts = frozenset(operand)
        return lambda value: isinstance(value, str) and value in texts
    checks = [_const(one) for one in operand]
    return lambda value: any(check(value) for check in checks)


def _pattern(operand: Any) -> Fits:
    if not isinstance(operand, str):
        raise UnknownError(operand)
    search = re.compile(operand).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _limit(has_it: Fits, measure: Callable[[Any], Any], *, least: bool) -> Callable[[Any], Fits]:
    """Return a keyword that limits a measure of the values that have it."""

    def make(operand: Any) -> Fits:
        if not _is_number(operand):
            raise UnknownError(operand)
        if least:
            return lambda value: not has_it(value) or measure(value) >= operand
        return lambda value: not has_it(value) or measure(value) <= operand

    return make


def _itself(value: Any) -> Any:
    return value


def _required(operand: Any) -> Fits:
    names = frozenset(_names(operand))
    return lambda value: not isinstance(value, dict) or names <= value.keys()


def _dependent_required(operand: Any) -> Fits:
    needs = [(name, frozenset(_names(others))) for name, others in mapping_of(operand).items()]
    return lambda value: (
        not isinstance(value, dict) or all(others <= value.keys() for name, others in needs if name in value)
    )


def _any_case(operand: Any) -> Fits:
    names = frozenset(_names(operand))
    return lambda value: not isinstance(value, str) or value.lower() in names


def _off(operand: Any) -> Fits:
    del operand
    return is_off


def _never(operand: Any) -> Fits:
    del operand
    return lambda value: False  # noqa: ARG005 - whatever it is


LEAVES: dict[str, Callable[[Any], Fits]] = {
    "const": _const,
    "dependentRequired": _dependent_required,
    "enum": _enum,
    "maxItems": _limit(is_list, len, least=False),
    "maxLength": _limit(is_text, len, least=False),
    "maxProperties": _limit(is_mapping, len, least=False),
    "maximum": _limit(_is_number, _itself, least=False),
    "minItems": _limit(is_list, len, least=True),
    "minLength": _limit(is_text, len, least=True),
    "minProperties": _limit(is_mapping, len, least=True),
    "minimum": _limit(_is_number, _itself, least=True),
    "pattern": _pattern,
    "required": _required,
    "type": _type,
    # Our own; `judge` says what they mean.
    "x-xmc-any-case": _any_case,
    "x-xmc-no-effect": _off,
    "x-xmc-not-enforced": _off,
    "x-xmc-not-external": _never,
}
