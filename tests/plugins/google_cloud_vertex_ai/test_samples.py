"""The samples of Vertex AI's answers, whole, streamed and failed, as clients get them."""

from typing import Any

import pytest
from tests.plugins.recorded import answer, events_of, load, read, replay
from tests.providers import CASES, CONTEXT, MINIMAL

from xmc.schema import Exchange, ProviderError, Response, Task, WireReply

CASE = CASES["google-cloud-vertex-ai"]
FOLDER = "google-cloud-vertex-ai"
ASKED = MINIMAL[Task.CHAT]["messages"]


def decoded(name: str, status: int = 200) -> Response | ProviderError:
    return answer(CASE, read(f"{FOLDER}/{name}"), status=status, messages=ASKED)


def body(name: str) -> dict[str, Any]:
    found = decoded(name)
    assert isinstance(found, Response), found
    return found.body


def chunks(name: str) -> list[Any]:
    return list(replay(CASE, read(f"{FOLDER}/{name}")))


def test_27_a_basic_answer_counts_thoughts_and_cache() -> None:
    found = body("chat-gemini-basic.response.json")
    assert found["choices"][0]["message"] == {"role": "assistant", "content": "The Pacific."}
    assert (found["id"], found["model"]) == ("resp-1", "gemini-2.5-flash")
    assert found["usage"] == {
        "prompt_tokens": 12,
        "completion_tokens": 25,
        "total_tokens": 37,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }


def test_27_a_basic_stream_tells_its_usage_once() -> None:
    *said, last = chunks("chat-gemini-basic.response.sse")
    assert "".join(one["choices"][0]["delta"].get("content", "") for one in said) == "The Pacific."
    assert said[-1]["choices"][0]["finish_reason"] == "stop"
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == 20
    assert not any("usage" in one for one in said)


def test_24_25_28_an_answer_with_calls_and_thoughts() -> None:
    (choice,) = body("chat-gemini-tools.response.json")["choices"]
    message = choice["message"]
    assert (message["content"], message["reasoning_content"]) == ("Checking.", "Need both.")
    assert choice["finish_reason"] == "tool_calls"
    assert [call["id"] for call in message["tool_calls"]] == ["call_ID_0_0", "call_ID_0_1"]
    assert [call.get("extra_content") for call in message["tool_calls"]] == [
        {"google": {"thought_signature": "c2ln"}}, None,
    ]  # fmt: skip


def test_23_24_a_stream_with_calls_ends_as_one() -> None:
    *said, last = chunks("chat-gemini-tools.response.sse")
    calls = [call for one in said for call in one["choices"][0]["delta"].get("tool_calls", ())]
    assert [(call["index"], call["function"]["arguments"]) for call in calls] == [
        (0, '{"city":"Oslo"}'), (1, '{"city":"Rome"}'),
    ]  # fmt: skip
    assert "extra_content" in calls[0]
    assert "extra_content" not in calls[1]
    assert said[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert last["usage"]["total_tokens"] == 17


def test_22_a_blocked_prompt_and_a_blocked_answer() -> None:
    for name, word in (("blocked", "PROHIBITED_CONTENT"), ("safety", "SAFETY")):
        found = body(f"chat-gemini-{name}.response.json")
        (choice,) = found["choices"]
        assert (choice["finish_reason"], choice["native_finish_reason"]) == ("content_filter", word)
        assert not choice["message"]["content"]
        assert found["usage"] == {"prompt_tokens": 12, "completion_tokens": 0, "total_tokens": 12}
    assert body("chat-gemini-blocked.response.json")["choices"][0]["message"]["refusal"] == "blocked"


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "INVALID_ARGUMENT"), (403, "PERMISSION_DENIED"), (404, "NOT_FOUND"), (429, "RESOURCE_EXHAUSTED")],
)
def test_errors(status: int, name: str) -> None:
    error = decoded(f"chat-gemini-error-{status}.response.json", status)
    told = load(f"{FOLDER}/chat-gemini-error-{status}.response.json")["error"]
    assert isinstance(error, ProviderError)
    assert (error.status, error.code, error.message) == (status, name, told["message"])
    assert error.details == told.get("details")


def test_12_29_errors_in_a_list_and_in_a_stream() -> None:
    listed = decoded("chat-gemini-error-stream-array.response.json", 429)
    *_, streamed = chunks("chat-gemini-error-midstream.response.sse")
    for error in (listed, streamed):
        assert isinstance(error, ProviderError)
        assert (error.status, error.code) == (429, "RESOURCE_EXHAUSTED")


@pytest.mark.parametrize("name", ["chat-claude-rawpredict.response.json", "chat-claude-streamrawpredict.response.sse"])
def test_claude(name: str) -> None:
    stream = name.endswith(".sse")
    exchange = CASE.adapter(Task.CHAT, "claude-sonnet-4-6").prepare({"messages": ASKED, "stream": stream}, CONTEXT)
    assert isinstance(exchange, Exchange)
    if not stream:
        found = exchange.decode([WireReply(200, {}, read(f"{FOLDER}/{name}"))])
        assert isinstance(found, Response)
        assert found.body["choices"][0]["message"]["content"] == "The Pacific."
        assert found.body["usage"]["total_tokens"] == 30
        return
    assert exchange.decoder is not None
    decoder = exchange.decoder()
    items: list[Any] = [item for event in events_of(read(f"{FOLDER}/{name}")) for item in decoder.feed(event)]
    assert "".join(one["choices"][0]["delta"].get("content", "") for one in items[:-1]) == "The Pacific."
    assert items[-1]["usage"]["total_tokens"] == 30
    assert not decoder.finish()


def test_a_partners_answer() -> None:
    exchange = CASE.adapter(Task.CHAT, "google/gemini-2.5-flash").prepare({"messages": ASKED}, CONTEXT)
    assert isinstance(exchange, Exchange)
    found = exchange.decode([WireReply(200, {}, read(f"{FOLDER}/chat-openapi.response.json"))])
    assert isinstance(found, Response)
    assert found.body["choices"][0]["message"]["content"] == "The Pacific."
    assert found.body["usage"]["extra_properties"] == {"google": {"traffic_type": "ON_DEMAND"}}


@pytest.mark.parametrize(
    ("name", "model", "texts", "vectors", "tokens"),
    [
        ("predict", "text-embedding-005", 2, [[0.1, 0.2], [0.3, 0.4]], 2),
        ("embedcontent", "gemini-embedding-2", 1, [[0.1, 0.2]], 1),
    ],
)
def test_embeddings(name: str, model: str, texts: int, vectors: list[list[float]], tokens: int) -> None:
    exchange: Any = CASE.adapter(Task.EMBEDDINGS, model).prepare({"input": ["x"] * texts}, CONTEXT)
    found = exchange.decode([WireReply(200, {}, read(f"{FOLDER}/embeddings-{name}.response.json"))])
    assert [row["embedding"] for row in found.body["data"]] == vectors
    assert found.body["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
