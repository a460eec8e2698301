"""The samples of Cohere's answers, as clients get them."""

from typing import Any

import pytest
from tests.plugins.recorded import chunks_of, load, read, replay
from tests.providers import CASES, MINIMAL

from xmc.schema import ProviderError, Response, Task, WireReply

CASE = CASES["cohere"]


def decoded(name: str, task: Task = Task.CHAT, status: int = 200, **request: Any) -> Response | ProviderError:
    reply = WireReply(status, {}, read(f"cohere/{name}"))
    return CASE.exchange(task, {**MINIMAL[task], **request}).decode([reply])


def message_of(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    found = decoded(name)
    assert isinstance(found, Response), found
    (choice,) = found.body["choices"]
    return choice["message"], {"finish": choice["finish_reason"], "logprobs": choice["logprobs"], **found.body}


def test_a_text() -> None:
    message, rest = message_of("chat-v2-basic.response.json")
    assert message == {"role": "assistant", "content": "Hej!"}
    assert (rest["finish"], rest["object"], rest["model"]) == ("stop", "chat.completion", "the-model")
    assert rest["usage"] == {
        "prompt_tokens": 75, "completion_tokens": 5, "total_tokens": 80, "prompt_tokens_details": {"cached_tokens": 16},
    }  # fmt: skip


def test_19_calls_have_their_plan_and_no_content() -> None:
    message, rest = message_of("chat-v2-tools.response.json")
    sample = load("cohere/chat-v2-tools.response.json")["message"]
    assert (message["content"], message["reasoning_content"]) == (None, sample["tool_plan"])
    assert message["tool_calls"] == sample["tool_calls"]
    assert rest["finish"] == "tool_calls"


def test_thinking_and_log_probabilities() -> None:
    message, rest = message_of("chat-v2-thinking.response.json")
    assert (message["content"], message["reasoning_content"]) == ("Hej!", "A greeting is wanted.")
    assert rest["logprobs"]["content"] == [
        {"token": "Hej", "logprob": -0.02, "bytes": [72, 101, 106], "top_logprobs": []}
    ]


def deltas_of(name: str) -> list[dict[str, Any]]:
    return [part["delta"] for chunk in chunks_of(CASE, read(f"cohere/{name}")) for part in chunk["choices"]]


def test_a_stream_with_a_citation() -> None:
    deltas = deltas_of("chat-v2-stream.sse")
    assert [delta.get("role") for delta in deltas] == ["assistant"] + [None] * (len(deltas) - 1)
    assert "".join(delta.get("content") or "" for delta in deltas) == "Hej!"
    (citation,) = [delta["citations"][0] for delta in deltas if "citations" in delta]
    assert (citation["index"], citation["text"]) == (0, "Hej")
    last = chunks_of(CASE, read("cohere/chat-v2-stream.sse"))[-1]
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 80)


def test_17_a_stream_of_calls_of_which_one_has_no_arguments() -> None:
    deltas = deltas_of("chat-v2-stream-tools.sse")
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == "I will check."
    fragments = [one for delta in deltas for one in delta.get("tool_calls", ())]
    told = {0: "", 1: ""}
    for one in fragments:
        told[one["index"]] += one["function"].get("arguments", "")
    assert told == {0: '{"city":"Lund"}', 1: "{}"}
    assert [one["id"] for one in fragments if "id" in one] == ["get_weather_a1", "now_b2"]


def test_a_stream_of_thoughts_and_text() -> None:
    deltas = deltas_of("chat-v2-stream-thinking.sse")
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == "hmm"
    assert "".join(delta.get("content") or "" for delta in deltas) == "Hej"


def test_a_stream_that_ends_with_an_error() -> None:
    *_, error = replay(CASE, read("cohere/chat-v2-stream-error.sse"))
    assert isinstance(error, ProviderError)
    assert (error.status, error.message, error.code) == (502, "internal error while generating", "error")


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_31_embeddings_in_the_encoding_that_was_asked_for(encoding: str) -> None:
    found = decoded("embeddings-v2.response.json", Task.EMBEDDINGS, input=["hej", "tjena"], encoding_format=encoding)
    assert isinstance(found, Response), found
    sample = load("cohere/embeddings-v2.response.json")
    rows = [row["embedding"] for row in found.body["data"]]
    assert rows == sample["embeddings"]["float"] if encoding == "float" else all(isinstance(row, str) for row in rows)
    assert found.body["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


def test_embeddings_that_come_in_base64_are_read() -> None:
    found = decoded("embeddings-v2-base64.response.json", Task.EMBEDDINGS, input=["hej", "tjena"])
    assert isinstance(found, Response), found
    assert [row["embedding"] for row in found.body["data"]] == [[0.5, -0.25, 0.125], [0.0, 1.0, -1.0]]


def test_embeddings_in_the_form_of_version_1_are_read() -> None:
    sample = load("cohere/embeddings-v1.response.json")
    found = decoded("embeddings-v1.response.json", Task.EMBEDDINGS, input=["a"] * len(sample["embeddings"]))
    assert isinstance(found, Response), found
    assert [row["embedding"] for row in found.body["data"]] == sample["embeddings"]


@pytest.mark.parametrize("status", [400, 429])
def test_errors_keep_their_words(status: int) -> None:
    error = decoded(f"error-{status}.response.json", status=status)
    assert isinstance(error, ProviderError)
    sample = load(f"cohere/error-{status}.response.json")
    assert (error.status, error.message, error.request_id) == (status, sample["message"], sample["id"])


@pytest.mark.parametrize("reason", ["ERROR", "TIMEOUT"])
def test_an_answer_that_failed_is_an_error(reason: str) -> None:
    body = f'{{"id": "x", "message": {{"role": "assistant"}}, "finish_reason": "{reason}"}}'.encode()
    found = CASE.exchange(Task.CHAT, MINIMAL[Task.CHAT]).decode([WireReply(200, {}, body)])
    assert isinstance(found, ProviderError)
    assert (found.status, found.code) == ({"ERROR": 502, "TIMEOUT": 504}[reason], reason.lower())
