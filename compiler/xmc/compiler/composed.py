"""The JSON Schema of a whole spec, for editors, documentation and validators of others.

The compiler itself does not use it: a validator for each provider is several times faster than one that must choose,
and reports a mistake once.
"""

import copy
from typing import Any

from xmc.plugins import Plugins, SecretStore
from xmc.schema import JsonObject, spec_schema

_ABOUT = ("title", "description", "default", "examples")
_EXPRESSION = r"\{\{(?![-\s]*secrets\b)"
"""What an expression in a text begins with, and a secret reference does not."""


def composed_schema(plugins: Plugins) -> dict[str, Any]:
    """Return the JSON Schema of a whole spec, the installed providers' configurations included."""
    schema: dict[str, Any] = _with_nulls(spec_schema())
    definitions = dict(schema["$defs"])
    external = dict(definitions["external_model"])
    properties = dict(external["properties"])
    properties["provider"] = _or_expression({**properties["provider"], "enum": sorted(plugins.providers)})
    choices = []
    for name, provider in plugins.providers.items():
        identifier = f"xmc:provider:{name}"
        definitions[f"provider:{name}"] = {**_with_nulls(_told(provider.config_schema, name)), "$id": identifier}
        properties[provider.config_key] = _or_expression({"$ref": identifier})
        others = {other.config_key: False for other in plugins.providers.values() if other is not provider}
        choices.append(
            {
                "if": {"properties": {"provider": {"const": name}}, "required": ["provider"]},
                "then": {"required": [provider.config_key], "properties": others},
            }
        )
    # What the compiler finds by looking at the whole, and says in better words than a schema could.
    definitions["route"] = {**definitions["route"], **_any_of("served_entity_name", "served_model_name")}
    definitions["endpoint"] = {**definitions["endpoint"], **_any_of("config", "served_entities", "served_models")}
    stores = definitions["secrets"]["properties"]["stores"]["anyOf"][0]
    one_store = stores["additionalProperties"]["anyOf"][0]
    one_store["allOf"] = [_of_kind(kind, store) for kind, store in plugins.secret_stores.items()]
    definitions["external_model"] = {
        **external,
        "properties": properties,
        "additionalProperties": False,
        **({"allOf": choices} if choices else {}),
    }
    schema["$defs"] = definitions
    return schema


def _any_of(*names: str) -> JsonObject:
    return {"anyOf": [{"required": [name]} for name in names]}


def _of_kind(kind: str, store: SecretStore) -> JsonObject:
    """Return what the settings of a store of one kind must be."""
    own = _with_nulls(store.config_schema)
    settings = {**own, "properties": {**own.get("properties", {}), "kind": {"const": kind}}}
    return {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": settings}


def _with_nulls(schema: Any) -> Any:
    """Let every property that may be left out be null, which counts as left out."""
    if isinstance(schema, list):
        return [_with_nulls(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    own = {key: _with_nulls(part) for key, part in schema.items() if key not in {"if", "enum", "const"}}
    own |= {key: schema[key] for key in ("if", "enum", "const") if key in schema}
    if isinstance(own.get("items"), dict):
        own["items"] = _or_expression(own["items"])
    if isinstance(own.get("additionalProperties"), dict):
        own["additionalProperties"] = _or_expression(own["additionalProperties"])
    if isinstance(schema.get("properties"), dict):
        needed = schema.get("required", ())
        own["properties"] = {
            name: _or_expression(part if name in needed else _or_null(part)) for name, part in own["properties"].items()
        }
    return own


def _or_expression(schema: Any) -> Any:
    """Return the schema, or the text of an expression where any text would not do."""
    if not isinstance(schema, dict) or schema.keys() <= set(_ABOUT):
        return schema
    if schema.get("type") == "string" and not schema.keys() & {"enum", "pattern"}:
        return schema
    expression = {"type": "string", "pattern": _EXPRESSION}
    if schema.keys() <= {*_ABOUT, "anyOf"}:
        return {**schema, "anyOf": [*schema["anyOf"], expression]}
    about = {key: schema[key] for key in _ABOUT if key in schema}
    return {**about, "anyOf": [schema, expression]}


def _or_null(schema: Any) -> Any:
    """Return the schema, or null; titles and descriptions stay where editors look for them."""
    if not isinstance(schema, dict) or not schema.keys() & {"$ref", "type", "enum", "const", "anyOf", "oneOf"}:
        return schema
    about = {key: schema[key] for key in _ABOUT if key in schema}
    return {**about, "anyOf": [schema, {"type": "null"}]}


def _told(schema: JsonObject, provider: str) -> JsonObject:
    """Return a configuration's schema with a title for every key, and with an example for every reference."""
    told: dict[str, Any] = copy.deepcopy(dict(schema))
    _tell(told, provider)
    return told


def _tell(schema: Any, provider: str) -> None:
    if isinstance(schema, list):
        for part in schema:
            _tell(part, provider)
    elif isinstance(schema, dict):
        for key, part in schema.get("properties", {}).items():
            if isinstance(part, dict) and part.keys() & {"description", "type"}:
                part.setdefault("title", key.replace("_", " ").capitalize())
                if part.get("x-xmc-secret") == "reference":
                    part.setdefault("examples", [f"{{{{secrets/{provider}/{key}}}}}"])
        for part in schema.values():
            _tell(part, provider)
