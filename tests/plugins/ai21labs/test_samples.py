"""The samples of AI21's answers, as clients get them."""

from typing import Any

import pytest
from tests.plugins.recorded import chunks_of, load, read
from tests.providers import CASES, MINIMAL

from xmc.schema import ProviderError, Response, Task, WireReply

CASE = CASES["ai21labs"]


def decoded(name: str, status: int = 200) -> Response | ProviderError:
    reply = WireReply(status, {}, read(f"ai21labs/{name}"))
    return CASE.exchange(Task.CHAT, MINIMAL[Task.CHAT]).decode([reply])


@pytest.mark.parametrize("name", ["chat-basic", "chat-tools"])
def test_whole_answers(name: str) -> None:
    found = decoded(f"{name}.response.json")
    assert isinstance(found, Response)
    sample = load(f"ai21labs/{name}.response.json")
    assert {key: found.body[key] for key in ("object", "created", "model")} == {
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "the-model",
    }
    assert found.body["usage"] == sample["usage"]
    assert found.body["choices"][0]["finish_reason"] == sample["choices"][0]["finish_reason"]
    for key in ("content", "tool_calls"):
        assert found.body["choices"][0]["message"].get(key) == sample["choices"][0]["message"].get(key)


def test_a_stream_has_its_usage_in_a_chunk_of_its_own() -> None:
    chunks = chunks_of(CASE, read("ai21labs/chat-stream.sse"))
    deltas = [part["delta"] for chunk in chunks for part in chunk["choices"]]
    assert deltas[0]["role"] == "assistant"
    assert "".join(delta.get("content") or "" for delta in deltas) == "Hej!"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("status", [401, 422])
def test_errors_are_flattened(status: int) -> None:
    error = decoded(f"error-{status}.response.json", status)
    assert isinstance(error, ProviderError)
    sample: Any = load(f"ai21labs/error-{status}.response.json")
    told = sample["detail"] if isinstance(sample["detail"], str) else sample["detail"][0]["msg"]
    assert told in error.message
