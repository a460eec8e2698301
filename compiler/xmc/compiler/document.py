"""What a client reads of an endpoint: the detailed REST document, redacted, without what only a gateway knows.

Source: Databricks REST API, "Get a single serving endpoint"; `databricks-sdk` `ServingEndpointDetailed`.
"""

from typing import Any

from xmc.compiler.lift import SUFFIX
from xmc.compiler.node import Mapping, mapping, plain, string
from xmc.compiler.spec import EndpointView, EntityView
from xmc.compiler.traffic import weights
from xmc.plugins import Slot


def endpoint_document(endpoint: EndpointView, configs: list[tuple[EntityView, str, Any]]) -> dict[str, Any]:
    """Return the document of an endpoint without errors.

    `configs` holds, for every entity, its configuration's key and the lifted configuration. References are shown as
    they were written; typed-in values, and the keys that held them, are not there at all.
    """
    node = endpoint.node
    description = string(node.get("description"))
    document: dict[str, Any] = {
        "name": endpoint.name,
        "creator": "xmc",
        "config": {
            "config_version": 1,
            "served_entities": [_entity(entity, key, lifted) for entity, key, lifted in configs],
            "traffic_config": {
                "routes": [
                    {"served_model_name": name, "served_entity_name": name, "traffic_percentage": share}
                    for name, share in weights(endpoint).items()
                ]
            },
        },
        "task": endpoint.entities[0].task,
        "endpoint_type": "EXTERNAL_MODEL",
        "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
        "tags": _tags(node) or _tags(mapping(node.get("config"))) or [],
    }
    if description is not None:
        document["description"] = description
    return document


def _tags(node: Mapping | None) -> Any:
    tags = node.get("tags") if node else None
    return plain(tags) if tags else None


def _entity(entity: EntityView, key: str, lifted: Any) -> dict[str, Any]:
    model = {"name": entity.model, "provider": entity.provider, "task": entity.task, key: _redact(lifted)}
    state = {"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""}
    return {"name": entity.label, "creator": "xmc", "external_model": model, "state": state}


def _redact(value: Any) -> Any:
    """Show slots of references as references, leave slots of typed-in values out, and write fractions as text."""
    if isinstance(value, dict):
        return {
            key: _redact(part)
            for key, part in value.items()
            if not (isinstance(part, Slot) and _is_typed_in(part)) and not key.endswith(SUFFIX)
        }
    if isinstance(value, list):
        return [_redact(part) for part in value]
    if isinstance(value, Slot):
        return f"{{{{secrets/{value.name}}}}}"
    return str(value) if isinstance(value, float) else value


def _is_typed_in(slot: Slot) -> bool:
    return slot.name.startswith("plaintext:")
