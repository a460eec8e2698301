"""The JSON Schema validator that says what is wrong with a value. Imported only once something does not fit.

jsonschema's validator of draft 2020-12, with four keywords of our own.
"""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators

from xmc.compiler.accept_leaf import is_off
from xmc.schema import JsonObject


def validator(schema: JsonObject) -> Any:
    """Return the validator of a schema."""
    return _VALIDATOR(schema)


def _not_enforced(validator: Any, text: str, instance: Any, schema: Any) -> Iterator[ValidationError]:  # noqa: ARG001 - jsonschema's signature
    if not is_off(instance):
        yield ValidationError(text)


def _any_case(validator: Any, names: list[str], instance: Any, schema: Any) -> Iterator[ValidationError]:  # noqa: ARG001 - jsonschema's signature
    if isinstance(instance, str) and instance.lower() not in names:
        yield ValidationError("not one of the names")


def _not_external(validator: Any, text: str, instance: Any, schema: Any) -> Iterator[ValidationError]:  # noqa: ARG001 - jsonschema's signature
    yield ValidationError("not an external model")


_VALIDATOR: Any = validators.extend(  # type: ignore[no-untyped-call]  # its stub is bare
    Draft202012Validator,
    {
        "x-xmc-any-case": _any_case,
        "x-xmc-not-enforced": _not_enforced,
        "x-xmc-no-effect": _not_enforced,
        "x-xmc-not-external": _not_external,
    },
)
