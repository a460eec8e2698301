"""The providers of the matrix: how each is made to call an upstream of the test, and what that answers.

A new provider needs a `Row` here, a cell for each parameter of `values.py` in its `capabilities.json` (under `mapped`
with the place where it ends up), and `make docs`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.matrix.cell import Sent
from tests.plugins.recorded import read
from tests.providers import CASES, Case

from xmc.schema import Task


def _asked_in_body(sent: Sent) -> bool:
    return isinstance(sent.body, dict) and sent.body.get("stream") is True


@dataclass(frozen=True)
class Row:
    """One provider. `base` is the key of its configuration that holds a URL.

    `whole` and `stream` are samples of its upstream. `values` replace those that would mean nothing to it, or that it
    takes on another scale; `config` is what else it needs for a task, and `least` the smallest request that its samples
    answer, if not any other.
    """

    case: Case
    base: str
    whole: Mapping[Task, str]
    stream: Mapping[Task, str]
    content_type: str = "text/event-stream"
    streams: Callable[[Sent], bool] = _asked_in_body
    values: Mapping[str, Any] = field(default_factory=dict)
    least: Mapping[Task, Mapping[str, Any]] = field(default_factory=dict)
    config: Mapping[Task, Mapping[str, Any]] = field(default_factory=dict)
    path: str = "/v1"

    def sample(self, samples: Mapping[Task, str], task: Task) -> bytes:
        return read(samples[task]) if task in samples else b""


_OPENAI_WHOLE = {
    Task.CHAT: "openai/chat-basic.response.json",
    Task.COMPLETIONS: "openai/completions-basic.response.json",
    Task.EMBEDDINGS: "openai/embeddings-float.response.json",
}
_OPENAI_STREAM = {
    Task.CHAT: "openai/chat-stream.sse",
    Task.COMPLETIONS: "openai/completions-stream.sse",
}

ROWS: dict[str, Row] = {
    "ai21labs": Row(
        CASES["ai21labs"],
        "ai21labs_api_base",
        dict.fromkeys((Task.CHAT, Task.COMPLETIONS), "ai21labs/chat-basic.response.json"),
        dict.fromkeys((Task.CHAT, Task.COMPLETIONS), "ai21labs/chat-stream.sse"),
    ),
    "amazon-bedrock": Row(
        CASES["amazon-bedrock"],
        "bedrock_api_base",
        {
            **dict.fromkeys((Task.CHAT, Task.COMPLETIONS), "amazon-bedrock/chat-converse-basic.response.json"),
            Task.EMBEDDINGS: "amazon-bedrock/embeddings-invoke-cohere-v3.response.json",
        },
        dict.fromkeys((Task.CHAT, Task.COMPLETIONS), "amazon-bedrock/chat-converse-basic.response.eventstream"),
        content_type="application/vnd.amazon.eventstream",
        streams=lambda sent: sent.url.endswith("-stream"),
        values={"input": ["one", "two"]},
        least={Task.EMBEDDINGS: {"input": ["hello", "world"]}},
        path="",
    ),
    "anthropic": Row(
        CASES["anthropic"],
        "anthropic_api_base",
        dict.fromkeys((Task.CHAT, Task.COMPLETIONS), "anthropic/chat-basic.response.json"),
        dict.fromkeys((Task.CHAT, Task.COMPLETIONS), "anthropic/chat-basic.response.sse"),
    ),
    "custom": Row(CASES["custom"], "custom_provider_url", _OPENAI_WHOLE, _OPENAI_STREAM),
    "google-cloud-vertex-ai": Row(
        CASES["google-cloud-vertex-ai"],
        "vertex_api_base",
        {
            **dict.fromkeys((Task.CHAT, Task.COMPLETIONS), "google-cloud-vertex-ai/chat-gemini-basic.response.json"),
            Task.EMBEDDINGS: "google-cloud-vertex-ai/embeddings-predict.response.json",
        },
        dict.fromkeys((Task.CHAT, Task.COMPLETIONS), "google-cloud-vertex-ai/chat-gemini-basic.response.sse"),
        streams=lambda sent: ":streamGenerateContent" in sent.url,
        values={"input": ["one", "two"]},
        least={Task.EMBEDDINGS: {"input": ["hello", "world"]}},
    ),
    "openai": Row(CASES["openai"], "openai_api_base", _OPENAI_WHOLE, _OPENAI_STREAM),
}
