"""The samples of Bedrock's answers, whole, streamed and failed, as clients get them."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.plugins.recorded import load, read
from tests.providers import CASES, CONTEXT, MINIMAL

from xmc.plugins import FramingError
from xmc.plugins.aws import EventStreamReader
from xmc.schema import ProviderError, Response, Task, WireReply

CASE = CASES["amazon-bedrock"]
REASONING = [{"type": "thinking", "thinking": "Need both.", "signature": "c2ln"}]


def decoded(name: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response | ProviderError:
    reply = WireReply(status, headers or {}, read(f"amazon-bedrock/{name}"))
    return CASE.exchange(Task.CHAT, MINIMAL[Task.CHAT]).decode([reply])


def streamed(name: str) -> list[Any]:
    exchange = CASE.exchange(Task.CHAT, {**MINIMAL[Task.CHAT], "stream": True})
    assert exchange.decoder is not None
    reader, decoder = EventStreamReader(), exchange.decoder()
    items: list[Any] = []
    for event in reader.feed(read(f"amazon-bedrock/{name}")):
        items += decoder.feed(event)
        if items and isinstance(items[-1], ProviderError):
            return items
    return [*items, *decoder.finish()]


def test_a_basic_answer() -> None:
    found = decoded("chat-converse-basic.response.json")
    assert isinstance(found, Response)
    assert found.body["choices"][0]["message"] == {"role": "assistant", "content": "The Pacific."}
    assert found.body["usage"] == {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


def test_an_answer_with_calls_reasoning_and_cache() -> None:
    found = decoded("chat-converse-tools.response.json")
    assert isinstance(found, Response)
    (choice,) = found.body["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["thinking_blocks"] == REASONING
    assert [call["id"] for call in choice["message"]["tool_calls"]] == ["tooluse_A1", "tooluse_A2"]
    assert found.body["usage"] == {
        "prompt_tokens": 140,
        "completion_tokens": 25,
        "total_tokens": 165,
        "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 10},
    }


def test_43_6_3_a_stream_with_reasoning_and_a_call_without_arguments() -> None:
    chunks = streamed("chat-converse-tools.response.eventstream")
    deltas = [part["delta"] for chunk in chunks for part in chunk["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Checking."
    assert [delta["thinking_blocks"] for delta in deltas if "thinking_blocks" in delta] == [
        [{"index": 0, **REASONING[0]}]
    ]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert [(call["index"], call["function"].get("arguments")) for call in calls] == [
        (0, ""), (0, '{"city":'), (0, '"Oslo"}'), (1, ""), (1, "{}"),
    ]  # fmt: skip
    assert chunks[-1]["usage"]["total_tokens"] == 55


@pytest.mark.parametrize(
    ("name", "status", "code"), [("exception", 429, "throttlingException"), ("error-frame", 500, "InternalError")]
)
def test_12_failures_within_a_stream(name: str, status: int, code: str) -> None:
    error = streamed(f"chat-converse-{name}.response.eventstream")[-1]
    assert isinstance(error, ProviderError)
    assert (error.status, error.code) == (status, code)
    assert error.message


def test_15_a_stream_with_a_wrong_checksum() -> None:
    with pytest.raises(FramingError, match="checksum"):
        streamed("chat-converse-badcrc.response.eventstream")


@pytest.mark.parametrize("status", [400, 403, 429])
def test_errors(status: int) -> None:
    name = f"chat-error-{status}.response.json"
    kind = "SomeException:http://internal.amazon.com/coral/"
    error = decoded(name, status, {"x-amzn-errortype": kind, "x-amzn-requestid": "r1"})
    assert isinstance(error, ProviderError)
    assert (error.status, error.code, error.request_id) == (status, "SomeException", "r1")
    assert error.message == load(f"amazon-bedrock/{name}")["message"]


@pytest.mark.parametrize(
    ("name", "model", "family", "texts", "vectors"),
    [
        ("titan-v1", "amazon.titan-embed-text-v1", "amazon", 1, [[0.1, 0.2, 0.3]]),
        ("titan-v2", "amazon.titan-embed-text-v2:0", "amazon", 1, [[0.1, 0.2, 0.3]]),
        ("cohere-v3", "cohere.embed-english-v3", "cohere", 2, [[0.1, 0.2], [0.3, 0.4]]),
        ("cohere-v3-floats", "cohere.embed-english-v3", "cohere", 2, [[0.1, 0.2], [0.3, 0.4]]),
    ],
)
def test_embeddings(name: str, model: str, family: str, texts: int, vectors: list[list[float]]) -> None:
    adapter = CASE.adapter(Task.EMBEDDINGS, model, bedrock_provider=family)
    exchange: Any = adapter.prepare({"input": ["x"] * texts}, CONTEXT)
    headers = {"x-amzn-bedrock-input-token-count": "7"}
    found = exchange.decode([WireReply(200, headers, read(f"amazon-bedrock/embeddings-invoke-{name}.response.json"))])
    assert [row["embedding"] for row in found.body["data"]] == vectors
    assert found.body["usage"]["total_tokens"] == (1 if family == "amazon" else 7)
