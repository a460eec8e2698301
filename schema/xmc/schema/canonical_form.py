"""The published JSON Schemas of the canonical form: OpenAI's shape for the three tasks."""

from importlib import resources
from typing import Any, Literal

import msgspec

from xmc.schema.json import JsonObject
from xmc.schema.task import Task

CanonicalKind = Literal["request", "response", "chunk"]


def canonical_schema(task: Task, kind: CanonicalKind) -> JsonObject:
    """Return the JSON Schema 2020-12 of a task's requests, responses or stream chunks.

    Raises:
        LookupError: the task has no such thing; embeddings are never streamed.
    """
    name = f"{task.value.rpartition('/')[2]}.{kind}.schema.json"
    file = resources.files("xmc.schema").joinpath("canonical", name)
    if not file.is_file():
        raise LookupError(f"there is no canonical {kind} of {task.value}")
    schema: dict[str, Any] = msgspec.json.decode(file.read_bytes())
    return schema
