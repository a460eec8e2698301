"""The read-only side of the management API: documents of what the table holds, seen through a caller's permissions.

Each endpoint's document was made by the compiler and is redacted; here it gets what only a running gateway knows.
Source: Databricks REST API, serving endpoints "list" and "get"; OpenAI API, "list models".
"""

from hashlib import sha256
from typing import Any

from xmc.runtime.callers import Caller
from xmc.runtime.errors import PermissionDeniedError, UnknownEndpointError
from xmc.schema import Endpoint, Table

# A list row's served entities show only these, as the vendor's do.
_SUMMARY_ENTITY = ("name", "external_model", "entity_name", "entity_version", "foundation_model")
_DETAIL_ONLY = ("permission_level", "pending_config", "route_optimized")


def list_document(table: Table, caller: Caller, loaded_at_ms: int) -> dict[str, Any]:
    """Return `{"endpoints": [summary, …]}` of the endpoints that the caller may query; the key is always there.

    `loaded_at_ms` is when the table was loaded, Unix milliseconds; it stands for creation and last update.
    """
    return {
        "endpoints": [
            _summary(_detail(endpoint, loaded_at_ms)) for endpoint in table.endpoints if caller.may_query(endpoint.name)
        ]
    }


def get_document(table: Table, name: str, caller: Caller, loaded_at_ms: int) -> dict[str, Any]:
    """Return the detailed document of one endpoint.

    Raises:
        UnknownEndpointError: the table has no endpoint of that name.
        PermissionDeniedError: the caller may not query it.
    """
    for endpoint in table.endpoints:
        if endpoint.name == name:
            if not caller.may_query(name):
                raise PermissionDeniedError(f"{caller.name!r} may not see or query the endpoint {name!r}")
            return _detail(endpoint, loaded_at_ms)
    raise UnknownEndpointError(name)


def models_document(table: Table, caller: Caller, loaded_at_ms: int) -> dict[str, Any]:
    """Return OpenAI's list of models: the names that `model` may have on the OpenAI paths, i.e. endpoint names."""
    return {
        "object": "list",
        "data": [
            {"id": endpoint.name, "object": "model", "created": loaded_at_ms // 1000, "owned_by": "xmc"}
            for endpoint in table.endpoints
            if caller.may_query(endpoint.name)
        ],
    }


def endpoint_id(name: str) -> str:
    """Return the id of an endpoint: 32 hex digits that depend on its name alone, so they outlive every reload.

    >>> endpoint_id("chat") == endpoint_id("chat") != endpoint_id("Chat")
    True
    """
    return sha256(b"xmc endpoint " + name.encode()).hexdigest()[:32]


def _detail(endpoint: Endpoint, loaded_at_ms: int) -> dict[str, Any]:
    times = {"creation_timestamp": loaded_at_ms, "last_updated_timestamp": loaded_at_ms}
    config = dict(endpoint.document.get("config") or {})
    config["served_entities"] = [
        {
            **entity,
            "creation_timestamp": loaded_at_ms,
            "state": {"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""},
        }
        for entity in config.get("served_entities", ())
    ]
    return {
        "tags": [],
        "ai_gateway": {},
        "pending_config": None,
        "route_optimized": False,
        **endpoint.document,
        **times,
        "name": endpoint.name,
        "id": endpoint_id(endpoint.name),
        "config": config,
        "task": str(endpoint.task),
        "endpoint_type": "EXTERNAL_MODEL",
        # A table is swapped in whole, so an endpoint that is served is never between two configurations.
        "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
        "permission_level": "CAN_QUERY",
    }


def _summary(detail: dict[str, Any]) -> dict[str, Any]:
    row = {key: value for key, value in detail.items() if key not in _DETAIL_ONLY}
    entities = detail["config"]["served_entities"]
    short = [{key: entity[key] for key in _SUMMARY_ENTITY if key in entity} for entity in entities]
    row["config"] = {"served_entities": short}
    return row
