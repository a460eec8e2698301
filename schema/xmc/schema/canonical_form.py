"""The published JSON Schemas of the canonical form: OpenAI's shape for the three tasks."""

from typing import Any, Literal

import msgspec

from xmc.schema.data import read_data
from xmc.schema.json import JsonObject
from xmc.schema.task import Task

CanonicalKind = Literal["request", "response", "chunk"]


def canonical_schema(task: Task, kind: CanonicalKind) -> JsonObject:
    """Return the JSON Schema 2020-12 of a task's requests, responses or stream chunks.

    Raises:
        LookupError: the task has no such thing; embeddings are never streamed.
    """
    name = f"{task.value.rpartition('/')[2]}.{kind}.schema.json"
    try:
        data = read_data("xmc.schema", f"canonical/{name}")
    except OSError:
        raise LookupError(f"there is no canonical {kind} of {task.value}") from None
    schema: dict[str, Any] = msgspec.json.decode(data)
    return schema
