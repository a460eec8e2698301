"""Streams as the API's documentation and other servers send them, and errors in answers."""

import json
from typing import Any

import pytest
from tests.plugins.anthropic.asking import HELLO, decoded, prepared
from tests.plugins.recorded import events_of, load, read

from xmc.schema import Chunk, Event, ProviderError, Response, Task, WireReply

START = {"type": "message_start", "message": {"id": "msg_1", "model": "claude-x", "usage": {"input_tokens": 5}}}
STOP = {"type": "message_stop"}


def ending(reason: str | None, **usage: int) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


def begun(index: int, kind: str, **rest: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **rest}}


def delta(index: int, kind: str, **rest: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **rest}}


def ended(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def items_of(*events: Any, task: Task = Task.CHAT) -> list[Chunk | ProviderError]:
    request: dict[str, Any] = {"messages": HELLO} if task is Task.CHAT else {"prompt": "p"}
    exchange = prepared({**request, "stream": True}, task=task)
    assert exchange.decoder is not None
    decoder = exchange.decoder()
    items: list[Chunk | ProviderError] = []
    for event in events:
        items += decoder.feed(event if isinstance(event, Event) else Event(json.dumps(event).encode()))
        if items and isinstance(items[-1], ProviderError):
            return items
    return [*items, *decoder.finish()]


def deltas_of(*events: Any) -> list[dict[str, Any]]:
    found = items_of(START, *events, ending("end_turn", output_tokens=1), STOP)
    assert all(isinstance(item, dict) for item in found), found[-1]
    return [item["choices"][0]["delta"] for item in found if isinstance(item, dict) and item["choices"]][1:-1]


def test_usage_is_replaced_and_what_is_left_out_stays() -> None:
    late = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 3, "cache_read_input_tokens": 7}}
    found = items_of(START, late, ending("end_turn", output_tokens=9), STOP)
    assert isinstance(found[-1], dict)
    assert found[-1]["usage"] == {
        "prompt_tokens": 12,
        "completion_tokens": 9,
        "total_tokens": 21,
        "prompt_tokens_details": {"cached_tokens": 7},
    }
    assert [bool(one.get("usage")) for one in found if isinstance(one, dict)] == [False, False, True]


def test_a_call_counts_calls_and_not_blocks() -> None:
    call = {"id": "t", "name": "f", "input": {}}
    found = deltas_of(
        begun(0, "text", text=""), ended(0), begun(1, "server_tool_use", id="s", name="w", input={}),
        delta(1, "input_json_delta", partial_json='{"q":1}'), ended(1), begun(2, "tool_use", **call),
        delta(2, "input_json_delta", partial_json='{"a":'), delta(2, "input_json_delta", partial_json="1}"), ended(2),
    )  # fmt: skip
    assert [one["tool_calls"][0]["index"] for one in found] == [0, 0, 0]
    assert "".join(one["tool_calls"][0]["function"]["arguments"] for one in found) == '{"a":1}'


@pytest.mark.parametrize(
    ("given", "fragments", "stops", "expected"),
    [
        ({}, [], True, "{}"),
        ({}, ["", ""], True, "{}"),
        ({}, [""], False, "{}"),
        ({}, ["", "{}"], True, "{}"),
        ({"a": 1}, [], True, '{"a":1}'),
        ({"a": 1}, ['{"a":1}'], True, '{"a":1}'),
        (None, [], True, "{}"),
    ],
)
def test_arguments_are_never_empty_and_never_double(
    given: Any, fragments: list[str], stops: bool, expected: str
) -> None:
    pieces = [delta(0, "input_json_delta", partial_json=piece) for piece in fragments]
    found = deltas_of(begun(0, "tool_use", id="t", name="f", input=given), *pieces, *([ended(0)] if stops else []))
    assert "".join(one["tool_calls"][0]["function"]["arguments"] for one in found) == expected


def test_text_and_thinking_may_stand_in_the_start() -> None:
    found = deltas_of(
        begun(0, "thinking", thinking="a"), delta(0, "thinking_delta", thinking="b"), ended(0),
        begun(1, "redacted_thinking", data="x"), ended(1), begun(2, "text", text="c"), delta(2, "text_delta", text="d"),
    )  # fmt: skip
    assert found == [
        {"reasoning_content": "a"},
        {"reasoning_content": "b"},
        {"thinking_blocks": [{"index": 0, "type": "thinking", "thinking": "ab"}]},
        {"thinking_blocks": [{"index": 1, "type": "redacted_thinking", "data": "x"}]},
        {"content": "c"},
        {"content": "d"},
    ]


def test_citations_are_numbered() -> None:
    cited = [delta(0, "citations_delta", citation={"type": "char_location", "cited_text": text}) for text in "ab"]
    found = deltas_of(begun(0, "text", text=""), *cited)
    assert [one["citations"][0]["index"] for one in found] == [0, 1]
    blocks = [{"type": "text", "text": "x", "citations": [{"type": "char_location", "cited_text": "a"}]}]
    whole = decoded({"content": blocks, "stop_reason": "end_turn"})
    assert isinstance(whole, Response)
    assert whole.body["choices"][0]["message"]["citations"] == blocks[0]["citations"]


@pytest.mark.parametrize(
    ("reason", "called", "finish"),
    [
        ("end_turn", False, "stop"), ("end_turn", True, "tool_calls"), ("stop_sequence", False, "stop"),
        ("max_tokens", True, "length"), ("model_context_window_exceeded", False, "length"),
        ("pause_turn", False, "length"),
        ("refusal", False, "content_filter"), ("tool_use", True, "tool_calls"), ("tool_use", False, "stop"),
        ("brand_new", False, "stop"), (None, False, "stop"), (None, True, "tool_calls"),
    ],
)  # fmt: skip
def test_finish_reasons_whole_and_streamed(reason: str | None, called: bool, finish: str) -> None:
    block = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    whole = decoded({"content": [block] if called else [], "stop_reason": reason})
    assert isinstance(whole, Response)
    assert whole.body["choices"][0]["finish_reason"] == finish
    assert whole.body["choices"][0].get("native_finish_reason") == reason
    calls = [begun(0, "tool_use", id="t", name="f", input={}), ended(0)] if called else []
    chunks = items_of(START, *calls, ending(reason), STOP)
    finishes = [c["finish_reason"] for one in chunks if isinstance(one, dict) for c in one["choices"]]
    assert [one for one in finishes if one] == [finish]


def test_an_event_after_the_end_is_nothing_and_an_early_end_is_an_error() -> None:
    whole = items_of(START, ending("end_turn"), STOP, Event(b"garbage"), {"type": "error", "error": {}})
    assert all(isinstance(item, dict) for item in whole)
    for events in ((), (START,), (START, ending("end_turn", output_tokens=1))):
        last = items_of(*events)[-1]
        assert isinstance(last, ProviderError)
        assert last.code == "stream_incomplete"


def test_a_stream_without_a_start_is_opened() -> None:
    first, text, finish = items_of(
        begun(0, "text", text=""), delta(0, "text_delta", text="x"), ending("end_turn"), STOP
    )
    assert isinstance(first, dict)
    assert first["id"] == "chatcmpl-ID"
    assert (first["model"], first["created"]) == ("claude-sonnet-4-6", 1_700_000_000)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert isinstance(text, dict)
    assert isinstance(finish, dict)


@pytest.mark.parametrize(
    "event",
    [
        Event(b"{"), Event(b"[]"), Event(b"\xff"), {"type": "message_start"}, {"type": "content_block_start"},
        {"type": "content_block_delta"}, delta(0, "text_delta", text=7), begun(0, "tool_use", id="t", input={}),
        Event(b"{}", "error"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_an_error(event: Any) -> None:
    last = items_of(START, event)[-1]
    assert isinstance(last, ProviderError)
    assert last.garbled


TYPES = {
    "invalid_request_error": 400, "authentication_error": 401, "billing_error": 402, "permission_error": 403,
    "not_found_error": 404, "conflict_error": 409, "request_too_large": 413, "rate_limit_error": 429, "api_error": 500,
    "timeout_error": 504, "overloaded_error": 529, "novel_error": 0,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "status"), TYPES.items())
def test_errors_of_every_type(kind: str, status: int) -> None:
    body = {"type": "error", "error": {"type": kind, "message": "m", "details": {"d": 1}}, "request_id": "req_1"}
    expected = ProviderError(status, "m", type=kind, request_id="req_1", details={"d": 1})
    assert items_of(START, body)[-1] == expected
    assert decoded(body) == expected
    assert decoded(body, status=status or 418) == ProviderError(
        status or 418, "m", type=kind, request_id="req_1", details={"d": 1}
    )
    other = decoded(body, status=500, headers={"request-id": "req_2"})
    assert isinstance(other, ProviderError)
    assert other.request_id == "req_2"


@pytest.mark.parametrize("body", [b"", b"<html><title>Bad Gateway</title></html>", b"\xff\xfe", b"null", b"[]"])
def test_errors_of_proxies(body: bytes) -> None:
    found = decoded(body, status=502)
    assert isinstance(found, ProviderError)
    assert found.status == 502
    assert found.message


def test_completions_hold_text_and_an_end() -> None:
    found = items_of(
        *(event for event in events_of(read("anthropic/chat-thinking-tools.response.sse"))), task=Task.COMPLETIONS
    )
    chunks = [item for item in found if isinstance(item, dict)]
    assert len(chunks) == len(found)
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}
    assert [choice for chunk in chunks for choice in chunk["choices"]] == [
        {"index": 0, "text": "Checking.", "logprobs": None, "finish_reason": None},
        {"index": 0, "text": "", "logprobs": None, "finish_reason": "stop", "native_finish_reason": "tool_use"},
    ]


def test_one_failure_among_several_prompts_is_the_answer() -> None:
    exchange = prepared({"prompt": ["a", "b"]}, task=Task.COMPLETIONS)
    good, bad = load("anthropic/chat-basic.response.json"), load("anthropic/chat-error-529.response.json")
    replies = [WireReply(200, {}, json.dumps(good).encode()), WireReply(529, {}, json.dumps(bad).encode())]
    found = exchange.decode(replies)
    assert isinstance(found, ProviderError)
    assert found.status == 529
    both = exchange.decode([replies[0], replies[0]])
    assert isinstance(both, Response)
    assert both.body["usage"]["total_tokens"] == 60
    assert both.body["usage"]["prompt_tokens_details"] == {"cached_tokens": 0, "cache_write_tokens": 0}
