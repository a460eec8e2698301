"""From an error of the jsonschema package to a diagnostic in the user's words, at the user's place."""

from collections.abc import Callable, Iterable
from typing import Any

from xmc.compiler.condition import condition_is_wrong, is_conditional
from xmc.compiler.node import Mapping, Node, Path, Scalar, follow
from xmc.compiler.report import Report
from xmc.compiler.shown import seen
from xmc.compiler.suggest import did_you_mean, nearest, odd_space
from xmc.schema import JsonObject, Label

Error = Any
"""A `jsonschema.ValidationError`; `Any`, because its attributes are typed as possibly unset, which ours never are."""

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_SIDES = {"min": "at least", "max": "at most"}
_UNITS = {"Length": " character(s)", "Items": " item(s)", "Properties": " key(s)"}
_FIRST = (
    "x-xmc-not-enforced",
    "x-xmc-not-external",
    "x-xmc-no-effect",
    "additionalProperties",
    "required",
    "x-xmc-any-case",
)

NAME_PATTERN = "^[A-Za-z0-9_-]{1,63}$"


def explain(report: Report, errors: Iterable[Error], base: Path = (), schema: JsonObject | None = None) -> None:
    """Report the errors of one validation; `base` is the path of the value that was validated.

    With its `schema`, what is only asked for because another key is wrong is not reported.
    """
    order = {keyword: rank for rank, keyword in enumerate(_FIRST)}
    ranked = sorted(errors, key=lambda error: order.get(str(error.validator), len(order)))
    _report(report, base, (error for error in ranked if not is_conditional(error)))
    conditional = [
        error
        for error in ranked
        if is_conditional(error) and not condition_is_wrong(report, (*base, *error.absolute_path), error, schema)
    ]
    _report(report, base, conditional)


def _report(report: Report, base: Path, errors: Iterable[Error]) -> None:
    for error in errors:
        path = (*base, *error.absolute_path)
        if not report.is_wrong(path) and not _is_left_to_references(follow(report.root, path), error.schema):
            _KEYWORDS.get(str(error.validator), _other)(report, path, error)


def _is_left_to_references(node: Node, schema: Any) -> bool:
    """What `references` says about a value is the root cause: braces anywhere, anything in a reference's place."""
    if not isinstance(node, Scalar):
        return False
    is_reference = isinstance(schema, dict) and schema.get("x-xmc-secret") == "reference"
    return is_reference or (isinstance(node.value, str) and "{{" in node.value)


def either_or(report: Report, path: Path, keys: tuple[str, ...]) -> None:
    """Report that several of these keys, of which exactly one is wanted, are there, or that none is."""
    node = follow(report.root, path)
    present = [entry for entry in node.entries if entry.key in keys] if isinstance(node, Mapping) else []
    names = " or ".join(f"`{key}`" for key in keys)
    if not present:
        if any((*path, key) in report.wrong for key in keys):  # it is there, mistyped
            return
        report.add("XMC208", (*path, keys[0]), f"one of {names} is needed", hint=f"add {names}", at="opening")
    elif len(present) > 1:
        first = Label(present[0].key_span, f"`{present[0].key}` stands here")
        message = f"only one of {names} can be given"
        place = (*path, present[1].key)
        if place not in report.wrong:
            report.add("XMC207", place, message, hint="keep one of them", labels=(first,), at="key")


def _hint(error: Error) -> str | None:
    hint = error.schema.get("x-xmc-hint") if isinstance(error.schema, dict) else None
    return str(hint) if hint else None


def _unknown(report: Report, path: Path, error: Error) -> None:
    schema: Any = error.schema
    known = set(schema.get("properties", {}))
    sensible = {key for key in known if "x-xmc-not-external" not in schema["properties"][key]}
    node = follow(report.root, path)
    missing = sensible - {entry.key for entry in node.entries} if isinstance(node, Mapping) else sensible
    for key in error.instance:
        place = (*path, key)
        if key in known or report.is_wrong(place):
            continue
        where = f" in `{report.name(path)}`" if path else ""
        hint = did_you_mean(key, missing if nearest(key, missing) else sensible)
        space = odd_space(key)
        if space is not None:
            hint = f"it holds {space}, which is no space to YAML: write plain spaces"
        report.add("XMC201", place, f"unknown key `{key}`{where}", hint=hint, at="key")
        guess = nearest(key, missing)
        if guess is not None:  # the typing mistake is why the other key is missing
            report.mark((*path, guess))


def _missing(report: Report, path: Path, error: Error) -> None:
    node = follow(report.root, path)
    for key in error.validator_value:
        place = (*path, key)
        if key in error.instance or report.is_wrong(place):
            continue
        if isinstance(node, Mapping) and key in node.index:
            report.add("XMC202", place, f"`{key}` has no value", hint="give it one", at="key")
        elif (mistyped := _mistyped(report, path, key, error.schema)) is not None:
            where = f" in `{report.name(path)}`" if path else ""
            report.add(
                "XMC201", (*path, mistyped), f"unknown key `{mistyped}`{where}", hint=f"did you mean {key!r}?", at="key"
            )
            report.mark(place)
        else:
            where = f" in `{report.name(path)}`" if path else ""
            report.add(
                "XMC202", place, f"`{key}` is missing{where}", hint=_hint(error) or f"add `{key}:`", at="opening"
            )


def _mistyped(report: Report, path: Path, key: str, schema: Any) -> str | None:
    """Return the key that stands where `key` is missed, where the schema lets any key stand."""
    node = follow(report.root, path)
    known = schema.get("properties", {}) if isinstance(schema, dict) else {}
    if key not in known:  # a part of a schema, which does not know all keys
        return None
    others = [entry.key for entry in node.entries if entry.key not in known] if isinstance(node, Mapping) else []
    return nearest(key, [other for other in others if not report.is_wrong((*path, other))])


def _type(report: Report, path: Path, error: Error) -> None:
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    node = follow(report.root, path)
    names = " or ".join(_TYPES.get(str(name), str(name)) for name in wanted)
    hint = _hint(error)
    schema: Any = error.schema
    if hint is None and "string" in wanted and isinstance(node, Scalar) and node.plain:
        shown = seen(node, schema)
        hint = "quote it, so that YAML reads it as text" if shown == "this value" else f'quote it: "{node.text}"'
    name = report.name(path) or "a spec"
    report.add("XMC203", path, f"`{name}` must be {names}, not {seen(node, schema)}", hint=hint)


def _enum(report: Report, path: Path, error: Error) -> None:
    allowed = [error.validator_value] if error.validator == "const" else error.validator_value
    node = follow(report.root, path)
    schema: Any = error.schema
    value = node.value if isinstance(node, Scalar) else None
    hint = _hint(error)
    if hint is None and isinstance(value, str):
        hint = did_you_mean(value, [str(one) for one in allowed])
    names = ", ".join(str(one) for one in allowed)
    report.add("XMC204", path, f"`{report.name(path)}` is {seen(node, schema)}; it can be {names}", hint=hint)


def _pattern(report: Report, path: Path, error: Error) -> None:
    node = follow(report.root, path)
    shown = seen(node, dict(error.schema) if isinstance(error.schema, dict) else {})
    if error.validator_value == NAME_PATTERN:
        message = f"{shown} cannot be a name: letters, digits, - and _ only, 1 to 63 of them"
        report.add("XMC212", path, message, hint="choose another name")
    else:
        message = f"`{report.name(path)}` is {shown}, which does not match {error.validator_value}"
        report.add("XMC204", path, message, hint=_hint(error))


def _limit(report: Report, path: Path, error: Error) -> None:
    keyword, limit = str(error.validator), error.validator_value
    side = _SIDES[keyword.removeprefix("exclusive").lower()[:3]]
    unit = next((unit for part, unit in _UNITS.items() if part in keyword), "")
    verb = "have" if unit else "be"
    if keyword.startswith("exclusive"):
        side = "more than" if side == "at least" else "less than"
    schema: Any = error.schema
    shown = seen(follow(report.root, path), schema)
    message = f"`{report.name(path)}` is {shown}; it must {verb} {side} {limit}{unit}"
    report.add("XMC204", path, message, hint=_hint(error))


def _branches(report: Report, path: Path, error: Error) -> None:
    """`oneOf` and `anyOf`: an either-or of keys where it is one, else the complaints of the nearest branch."""
    branches = error.validator_value
    if all(len(branch.get("required", ())) == 1 for branch in branches):
        either_or(report, path, tuple(branch["required"][0] for branch in branches))
        return
    by_branch: dict[Any, list[Error]] = {}
    for inner in error.context or ():
        by_branch.setdefault(inner.schema_path[0], []).append(inner)
    if not by_branch:
        report.add("XMC204", path, f"`{report.name(path)}` fits several of its forms at once", hint=_hint(error))
        return
    nearest_branch = min(by_branch.values(), key=len)
    explain(report, nearest_branch)


def _not(report: Report, path: Path, error: Error) -> None:
    keys = error.validator_value.get("required", ()) if isinstance(error.validator_value, dict) else ()
    if len(keys) > 1:
        either_or(report, path, tuple(keys))
    else:
        _other(report, path, error)


def _dependent(report: Report, path: Path, error: Error) -> None:
    for key, others in error.validator_value.items():
        for other in others if key in error.instance else ():
            if other not in error.instance and not report.is_wrong((*path, other)):
                message = f"`{other}` is missing; `{key}` needs it"
                report.add("XMC202", (*path, other), message, hint=f"add `{other}:`", at="opening")


def _not_enforced(report: Report, path: Path, error: Error) -> None:
    message = f"`{report.name(path)}` is not enforced in this version: {error.validator_value}"
    report.add("XMC205", path, message, hint="remove it, or switch it off", at="key")


def _no_effect(report: Report, path: Path, error: Error) -> None:
    message = f"`{report.name(path)}` has no effect: {error.validator_value}"
    report.add("XMC206", path, message, hint="remove it", at="key")


def _not_external(report: Report, path: Path, error: Error) -> None:  # noqa: ARG001 - one signature for all
    message = f"`{path[-1]}` belongs to models that Databricks hosts; xmc serves external models"
    report.add("XMC210", path, message, hint="describe the model by `external_model:`", at="key")
    if path[-1] == "served_models":
        report.mark((*path[:-1], "served_entities"))
    else:  # all such keys of an entity are one mistake
        report.mark(path[:-1])


def _other(report: Report, path: Path, error: Error) -> None:
    if error.validator is None:  # a schema that is plainly false
        report.add("XMC201", path, f"`{path[-1]}` cannot be given here", hint=_hint(error), at="key")
        return
    if error.validator == "propertyNames":
        return
    message = f"`{report.name(path) or 'the spec'}` does not fit its schema ({error.validator})"
    report.add("XMC204", path, message, hint=_hint(error))


_KEYWORDS: dict[str, Callable[[Report, Path, Error], None]] = {
    "additionalProperties": _unknown,
    "unevaluatedProperties": _unknown,
    "required": _missing,
    "dependentRequired": _dependent,
    "type": _type,
    "enum": _enum,
    "x-xmc-any-case": _enum,
    "const": _enum,
    "pattern": _pattern,
    "oneOf": _branches,
    "anyOf": _branches,
    "not": _not,
    "x-xmc-not-enforced": _not_enforced,
    "x-xmc-no-effect": _no_effect,
    "x-xmc-not-external": _not_external,
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _limit),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _limit),
}
