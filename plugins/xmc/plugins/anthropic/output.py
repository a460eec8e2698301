"""From OpenAI's `response_format` to Anthropic's `output_config.format`.

The API takes a part of JSON Schema. The rest is not lost: what cannot be enforced (limits, patterns, defaults) goes
into the description of its place, for the model to read, as the vendor's own client does it.
Source: Anthropic API documentation, "Structured outputs", "JSON Schema limitations".
"""

from collections.abc import Mapping
from typing import Any

from xmc.plugins.translation.refused import RefusedError, mapping_at, unsupported

JSON_INSTRUCTION = "Answer with one JSON object and nothing else: no prose, no code fence."
"""Stands at the end of the system prompt for `json_object`, of which Anthropic has no counterpart."""

_FORMATS = frozenset({
    "date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid",
})  # fmt: skip
_SCHEMA = "response_format.json_schema.schema"


def encode_format(response_format: Any) -> tuple[dict[str, Any] | None, str | None]:
    """Return `output_config.format` and an instruction for the system prompt; either may be None.

    Raises:
        RefusedError: an unknown type, or a schema that has no type where one must be.
    """
    if response_format is None:
        return None, None
    given = mapping_at(response_format, "response_format")
    kind = given.get("type")
    if kind == "text":
        return None, None
    if kind == "json_object":
        return None, JSON_INSTRUCTION
    if kind != "json_schema":
        raise unsupported("response_format.type", f"Anthropic has no response format {kind!r}")
    named = mapping_at(given.get("json_schema"), "response_format.json_schema")
    schema = named.get("schema")
    if schema is None:
        return None, JSON_INSTRUCTION
    encoded = encode_schema(schema, _SCHEMA)
    about = named.get("description")
    if isinstance(about, str) and about and "description" not in encoded and "$ref" not in encoded:
        encoded["description"] = about
    return {"type": "json_schema", "schema": encoded}, None


def encode_schema(schema: Any, path: str) -> dict[str, Any]:
    """Rewrite a JSON Schema into the part that the API takes; every object is closed, `oneOf` becomes `anyOf`.

    Raises:
        RefusedError: not a schema object, or one that says neither what it is nor what it is one of.
    """
    rest = dict(mapping_at(schema, path))
    encoded: dict[str, Any] = {}
    if "$defs" in rest:
        encoded["$defs"] = _encode_each(rest.pop("$defs"), f"{path}.$defs")
    if "$ref" in rest:
        encoded["$ref"] = rest["$ref"]
        return encoded
    _move_kind(rest, encoded, path)
    for key in ("description", "title"):
        if rest.get(key) is not None:
            encoded[key] = rest.pop(key)
    _move_inside(rest, encoded, path)
    if rest:
        note = "{" + ", ".join(f"{key}: {value}" for key, value in rest.items()) + "}"
        encoded["description"] = "\n\n".join(filter(None, (encoded.get("description"), note)))
    return encoded


def _move_kind(rest: dict[str, Any], encoded: dict[str, Any], path: str) -> None:
    """Move what a schema is: literals, alternatives, or a type. Several types become alternatives."""
    kind = rest.pop("type", None)
    alternatives = {key: rest.pop(key, None) for key in ("anyOf", "oneOf", "allOf")}
    if _is_literals(rest.get("enum")) and rest["enum"]:
        encoded["enum"] = rest.pop("enum")
    if "const" in rest and _is_literals([rest["const"]]):
        encoded["const"] = rest.pop("const")
    for key, options in alternatives.items():
        if isinstance(options, list):
            where = f"{path}.{key}"
            name = "allOf" if key == "allOf" else "anyOf"
            encoded[name] = [encode_schema(option, f"{where}[{i}]") for i, option in enumerate(options)]
            return
    if encoded.keys() & {"enum", "const"}:
        return
    if isinstance(kind, list):
        own = {key: rest.pop(key) for key in list(rest) if key not in {"description", "title"}}
        encoded["anyOf"] = [encode_schema({**_own_of(own, one), "type": one}, path) for one in kind]
        return
    if not isinstance(kind, str):
        raise RefusedError(f"`{path}` has no `type`, which Anthropic wants everywhere", path)
    encoded["type"] = kind


def _move_inside(rest: dict[str, Any], encoded: dict[str, Any], path: str) -> None:
    """Move what belongs to a type, as far as the API enforces it."""
    match encoded.get("type"):
        case "object":
            encoded["properties"] = _encode_each(rest.pop("properties", {}), f"{path}.properties")
            rest.pop("additionalProperties", None)
            encoded["additionalProperties"] = False
            if rest.get("required") is not None:
                encoded["required"] = rest.pop("required")
        case "array":
            if "items" in rest:
                encoded["items"] = encode_schema(rest.pop("items"), f"{path}.items")
            _move(rest, encoded, "minItems", enforced=rest.get("minItems") in (0, 1))
        case "string":
            known = rest.get("format")
            _move(rest, encoded, "format", enforced=isinstance(known, str) and known in _FORMATS)


def _move(rest: dict[str, Any], encoded: dict[str, Any], key: str, *, enforced: bool) -> None:
    """Move what the API enforces; what it does not goes to the end of what the description tells."""
    value = rest.pop(key, None)
    if value is not None:
        (encoded if enforced else rest)[key] = value


def _own_of(keys: Mapping[str, Any], kind: Any) -> dict[str, Any]:
    """Return what several types have in common, for one of them; `null` takes nothing."""
    return {} if kind == "null" else dict(keys)


def _encode_each(schemas: Any, path: str) -> dict[str, Any]:
    return {name: encode_schema(one, f"{path}.{name}") for name, one in mapping_at(schemas, path).items()}


def _is_literals(values: Any) -> bool:
    return isinstance(values, list) and all(value is None or isinstance(value, str | int | float) for value in values)
