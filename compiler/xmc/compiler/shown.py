"""How a value is shown in a message; never what stands where a secret may stand."""

from typing import Any

from xmc.compiler.node import Broken, Mapping, Node, Sequence
from xmc.schema import JsonObject

_LONGEST_SHOWN = 80


def seen(node: Node, schema: JsonObject) -> str:
    """Return how a value is shown in a message; never what stands where a secret may stand."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Broken) or holds_secret(schema):
        return "this value"
    text = repr(node.value) if isinstance(node.value, str) else node.text or "nothing"
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def holds_secret(schema: Any) -> bool:
    """Tell whether a secret may stand in what a schema describes."""
    if isinstance(schema, dict):
        return "x-xmc-secret" in schema or any(holds_secret(part) for part in schema.values())
    return isinstance(schema, list) and any(holds_secret(part) for part in schema)
