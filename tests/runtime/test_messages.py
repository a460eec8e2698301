"""The dialect `messages`: events pass byte for byte, usage is read, and only a whole message has an end."""

import json
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins import recorded
from tests.streams import PLUGINS, run, split

from xmc.plugins.anthropic.native import NativeDecoder
from xmc.runtime import messages
from xmc.runtime.dialect import MESSAGES
from xmc.runtime.errors import (
    GatewayError,
    InternalError,
    UnauthenticatedError,
    UpstreamBrokenError,
    UpstreamTimeoutError,
    from_provider_error,
    render_error,
)
from xmc.runtime.relay import Progress
from xmc.runtime.relay_messages import MessagesRelay
from xmc.schema import ProviderError, Task

BASIC = recorded.read("anthropic/chat-basic.response.sse")
THINKING = recorded.read("anthropic/chat-thinking-tools.response.sse")
WHOLE = {"basic": (BASIC, 8, 21, 9), "thinking-tools": (THINKING, 18, 121, 77)}
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
PING = b'event: ping\ndata: {"type":"ping"}\n\n'


def relay() -> MessagesRelay:
    return MessagesRelay(PLUGINS.framings["sse"].reader(), NativeDecoder(), Progress(1, include_usage=False))


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 333, 1 << 20])
def test_events_pass_byte_for_byte_however_they_arrive(name: str, size: int) -> None:
    data, _, prompt, completion = WHOLE[name]
    one = relay()
    out = run(one, split(data, size))
    assert one.progress.ending is not None
    assert out + one.progress.ending == data
    assert STOP not in out
    assert one.progress.complete
    assert one.progress.usage == {"prompt_tokens": prompt, "completion_tokens": completion}
    assert one.progress.chunks == data.count(b"event:") - 1


def test_a_read_of_whole_deltas_passes_as_the_same_object() -> None:
    one = relay()
    start, end = BASIC.index(b"event: ping") + len(PING), BASIC.index(b"event: content_block_stop")
    one.feed(BASIC[:start])
    deltas = BASIC[start:end]
    assert one.feed(deltas) is deltas
    # A cut within an event is waited for, and what follows it passes all the same.
    first, second = deltas.split(b"\n\n")[:2]
    assert one.feed(deltas[:-1]) == first + b"\n\n"
    assert one.feed(b"\n" + deltas) == second + b"\n\n" + deltas
    assert one.feed(deltas) is deltas
    assert one.progress.chunks == BASIC[:start].count(b"event:") + 4 * 2


@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_what_is_newer_than_this_code_passes_as_it_is(size: int) -> None:
    new = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"x","n":1e2}}\n\n'
    strange = (
        b'event: novelty\ndata: { "type" : "novelty", "big": 123456789012345678901234567890, "s": "\xc3\xa5" }\n\n'
    )
    end = b'event: message_stop\ndata: {"type":"message_stop","metrics":{"n":1}}\n\n'
    one = relay()
    assert run(one, split(BASIC.replace(STOP, new + strange + end), size)) == BASIC.replace(STOP, new + strange)
    assert one.progress.ending == end
    assert one.progress.complete


FORMS = {
    "crlf": BASIC.replace(b"\n", b"\r\n"),
    "without-event-field": b"\n".join(line for line in BASIC.split(b"\n") if not line.startswith(b"event:")),
    "comments": BASIC.replace(b"event: content", b": hello\n\nevent: content"),
    "multi-line": BASIC.replace(b'{"type":', b'\ndata: {"type":'),
    "after-the-end": BASIC + b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"late"}}\n\n',
    "no-last-blank-line": BASIC.removesuffix(b"\n\n"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 17, 1 << 20])
def test_other_forms_of_the_same_events_are_the_same(form: str, size: int) -> None:
    one = relay()
    out = run(one, split(FORMS[form], size)) + (one.progress.ending or b"")
    assert [(event.kind, json.loads(event.data)) for event in recorded.events_of(out)] == [
        (event.kind, json.loads(event.data)) for event in recorded.events_of(BASIC)
    ]
    assert one.progress.complete


def test_pings_before_the_message_wait_for_it_so_that_an_error_still_gets_its_status() -> None:
    one = relay()
    assert one.feed(PING) == b""
    assert one.feed(BASIC[:-4]).startswith(PING + b"event: message_start")
    failed = relay()
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    assert run(failed, [PING, error]) == b""
    assert failed.progress.failure is not None
    assert (failed.progress.failure.status, failed.progress.failure.type) == (529, "overloaded_error")


@pytest.mark.parametrize(
    "bad",
    [
        b"event: content_block_delta\ndata: garbage\n\n",
        b"data: [DONE]\n\n",
        b'data: {"choices":[]}\n\n',
        b'data: ["type"]\n\n',
        b'data: {"type":"content_block_delta","delta":{"text":"\xff"}}\n\n',
        b'data: {"type":"content_block_delta","n":NaN}\n\n',
        b'event: error\ndata: {"type":"ping"}\n\n',
    ],
)
def test_what_cannot_be_read_fails_and_is_not_passed(bad: bytes) -> None:
    start = BASIC[: BASIC.index(b"event: ping")]
    one = relay()
    assert run(one, [start, bad, STOP]) == start
    assert one.progress.failure is not None
    assert one.progress.failure.garbled
    assert not one.progress.complete


def test_an_event_cannot_smuggle_another_one_in_by_its_type() -> None:
    one = relay()
    sneaky = json.dumps({"type": "x\ndata: {}\n\nevent: message_stop"}).encode()
    assert b"message_stop" not in run(one, [BASIC[: BASIC.index(b"event: ping")], b"data: " + sneaky + b"\n\n"])


@pytest.mark.parametrize("name", ["thinking", "tools", "refusal", "basic", "computer-use"])
def test_a_whole_message_replayed_is_read_by_the_sdk_as_the_same(name: str) -> None:
    from anthropic.lib.streaming._messages import accumulate_event  # noqa: PLC0415 - the judge is slow to import
    from anthropic.types import RawMessageStreamEvent  # noqa: PLC0415 - as above
    from pydantic import TypeAdapter  # noqa: PLC0415 - as above

    body: dict[str, Any] = recorded.load(f"anthropic/chat-{name}.response.json")
    progress = Progress(1, include_usage=False)
    out = MESSAGES.replay(body, Task.CHAT, progress) + MESSAGES.ending
    read = TypeAdapter[Any](RawMessageStreamEvent)
    snapshot, buffers = None, dict[int, bytes]()
    for event in recorded.events_of(out):
        value = read.validate_json(event.data)
        assert value.type == event.kind
        snapshot = accumulate_event(event=value, current_snapshot=snapshot, json_bufs=buffers)
    assert snapshot is not None
    assert json.loads(snapshot.to_json(exclude_unset=True))["content"] == body["content"]
    assert snapshot.stop_reason == body["stop_reason"]
    assert progress.complete
    assert progress.usage == dict(zip(("prompt_tokens", "completion_tokens"), messages.usage(body), strict=True))


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"input_tokens": 21, "cache_creation_input_tokens": 50, "cache_read_input_tokens": 100}, (171, None)),
        ({"input_tokens": 1, "cache_read_input_tokens": None, "output_tokens": 2}, (1, 2)),
        ({}, (None, None)),
        (None, (None, None)),
        ({"input_tokens": "7"}, (None, None)),
    ],
)
def test_usage_counts_what_the_cache_gave(usage: Any, tokens: tuple[int | None, int | None]) -> None:
    assert messages.usage({"usage": usage}) == tokens


# Upstream status, its type -> ours.
STATUSES = {
    (400, "invalid_request_error"): (400, "invalid_request_error"),
    (401, "authentication_error"): (403, "permission_error"),
    (402, "billing_error"): (402, "billing_error"),
    (403, "permission_error"): (403, "permission_error"),
    (404, "not_found_error"): (404, "not_found_error"),
    (409, None): (409, "conflict_error"),
    (413, "request_too_large"): (413, "request_too_large"),
    (413, None): (413, "invalid_request_error"),
    (429, "rate_limit_error"): (429, "rate_limit_error"),
    (500, "api_error"): (500, "api_error"),
    (502, None): (502, "api_error"),
    (503, None): (503, "api_error"),
    (504, "timeout_error"): (504, "timeout_error"),
    (529, "overloaded_error"): (529, "overloaded_error"),
    (529, None): (529, "overloaded_error"),
    (400, "type_of_next_year"): (400, "type_of_next_year"),
}


@pytest.mark.parametrize(("theirs", "ours"), STATUSES.items())
def test_errors_of_upstreams_keep_status_and_type(theirs: tuple[int, str | None], ours: tuple[int, str]) -> None:
    error = ProviderError(theirs[0], "no", type=theirs[1], details={"error_code": "x"})
    answer = render_error(from_provider_error(error, entity="e", headers={}), dialect=MESSAGES, request_id="r1")
    body = json.loads(answer.body)
    assert (answer.status, body["error"]["type"]) == ours
    assert (body["type"], body["request_id"]) == ("error", "r1")
    assert set(body) == {"type", "error", "request_id", "error_code", "message"}
    assert body["error"]["message"] == body["message"]
    assert ("request-id", "r1") in answer.headers


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (UnauthenticatedError("no token"), (401, "authentication_error")),
        (UpstreamTimeoutError("first_byte"), (504, "timeout_error")),
        (UpstreamBrokenError(), (502, "api_error")),
        (InternalError(), (500, "api_error")),
    ],
)
def test_errors_of_ours_have_the_dialects_types(error: GatewayError, ours: tuple[int, str]) -> None:
    answer = render_error(error, dialect=MESSAGES, request_id="r1")
    assert (answer.status, json.loads(answer.body)["error"]["type"]) == ours
    event = MESSAGES.error_event(error, MESSAGES.status_of(error), "r1")
    assert event.startswith(b"event: error\ndata: {")
    assert event.count(b"\n") == 3
    assert json.loads(event.split(b"data: ")[1]) == json.loads(answer.body)


PARTS = st.one_of(
    st.sampled_from([event + b"\n\n" for event in THINKING.split(b"\n\n") if event]),
    st.sampled_from([event.replace(b"\n", b"\r\n") + b"\r\n\r\n" for event in BASIC.split(b"\n\n") if event]),
    st.sampled_from(
        [
            PING,
            b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"no"}}\n\n',
            b'data: {"type":"message_delta","usage":7}\n\n',
            b'data: {"type":"message_delta","usage":{"input_tokens":"x","output_tokens":null}}\n\n',
            b'data: {"type":7}\n\n',
            b"event: x\n",
            b"data: [DONE]\n\n",
            b"\n",
            b"\r",
            b": c\n\n",
        ]
    ),
    st.binary(max_size=30),
)


@given(parts=st.lists(PARTS, max_size=10), sizes=st.lists(st.integers(1, 60), max_size=30))
def test_any_bytes_give_events_or_a_failure_whatever_the_split(parts: list[bytes], sizes: list[int]) -> None:
    data = b"".join(parts)
    starts = [0, *accumulate(sizes), len(data)]
    pieces = [data[start:end] for start, end in pairwise(starts) if data[start:end]]
    whole, cut, by_part = relay(), relay(), relay()
    out = run(whole, [data] if data else [])
    assert out == run(cut, pieces) == run(by_part, [part for part in parts if part])
    assert whole.progress == cut.progress == by_part.progress
    for event in recorded.events_of(out):
        assert event.kind not in {"", "error", "message_stop"}
        json.loads(event.data)
    assert whole.progress.complete == (whole.progress.ending is not None)
