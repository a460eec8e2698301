"""The three tasks that an endpoint can serve."""

from enum import StrEnum


class Task(StrEnum):
    """A Databricks task name, as written in `external_model.task`."""

    CHAT = "llm/v1/chat"
    COMPLETIONS = "llm/v1/completions"
    EMBEDDINGS = "llm/v1/embeddings"
