"""All relay classes on the same bytes: same JSON, same verdict; `exact` keeps bytes and writes once per read."""

import msgspec
import pytest
from tests.streams import compact, delta, events_of, exchange, hello, make_relay, opening, run, split, usage_chunk
from tests.upstreams import sse

from xmc.runtime.relay import DONE
from xmc.schema import Relay, Task

KINDS = list(Relay)
DELTAS = [opening(), delta("Hé"), delta("llo 世界 \U0001f600"), delta(finish="stop")]

# Everything below is the same four chunks, in forms that upstreams send.
FORMS = {
    "plain": compact(*DELTAS),
    "spaced": sse(*DELTAS),
    "crlf": compact(*DELTAS).replace(b"\n", b"\r\n"),
    "cr": compact(*DELTAS).replace(b"\n", b"\r"),
    "no-space": compact(*DELTAS).replace(b"data: {", b"data:{"),
    "comments": b": ping\n\n" + compact(DELTAS[0]) + b": PROCESSING\n\n" + compact(*DELTAS[1:]) + b":\n\n",
    "event-field": compact(*DELTAS).replace(b"data: ", b"event: chunk\ndata: "),
    "id-and-retry": b"retry: 3\n\n" + compact(*DELTAS).replace(b"data: ", b"id: 7\ndata: ") + b"id: 9\n\n",
    "empty-data": b"data:\n\n" + compact(DELTAS[0]) + b"data: \n\ndata\n\n" + compact(*DELTAS[1:]),
    "blank-lines": b"\n\n" + compact(*DELTAS).replace(b"\n\n", b"\n\n\n\n\n"),
    "multi-line": compact(*DELTAS).replace(b'"choices"', b'\ndata: "choices"'),
    "byte-order-mark": b"\xef\xbb\xbf" + compact(*DELTAS),
    "no-last-blank-line": compact(*DELTAS).removesuffix(b"\n\n"),
    "done": compact(*DELTAS) + DONE,
    "done-and-more": compact(*DELTAS)
    + DONE
    + compact(delta("no"))
    + compact({"error": {"message": "late"}})
    + b"garbage",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 10_000])
@pytest.mark.parametrize("form", FORMS)
def test_whatever_the_form_and_the_split_the_chunks_are_the_same(kind: Relay, form: str, size: int) -> None:
    relay = make_relay(kind, exchange())
    out = run(relay, split(FORMS[form], size))
    assert events_of(out) == DELTAS
    assert relay.progress.complete
    assert relay.progress.chunks == 4


@pytest.mark.parametrize("kind", [Relay.EXACT, Relay.SCAN])
@pytest.mark.parametrize("size", [1, 50, 10_000])
def test_canonical_events_keep_their_bytes(kind: Relay, size: int) -> None:
    odd = [b'data: { "a":1e2 ,' + event[7:] for event in compact(*DELTAS).splitlines(keepends=True) if event.strip()]
    data = b"".join(event + b"\n" for event in odd)
    assert run(make_relay(kind, exchange()), split(data + DONE, size)) == data


def test_exact_passes_a_read_of_plain_events_as_the_same_object() -> None:
    relay = make_relay(Relay.EXACT, exchange())
    relay.feed(compact(opening()))
    block = compact(*(delta(str(number)) for number in range(20)))
    assert relay.feed(block) is block
    assert relay.progress.chunks == 21
    spaced = sse(delta("a"), delta("b"))
    assert relay.feed(spaced) is spaced


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 64, 10_000])
@pytest.mark.parametrize("asked", [True, False])
def test_the_usage_chunk_is_withheld_unless_asked_for_and_counted_either_way(
    kind: Relay, size: int, asked: bool
) -> None:
    relay = make_relay(kind, exchange(), include_usage=asked)
    events = events_of(run(relay, split(hello(), size)))
    assert [event for event in events if not event["choices"]] == ([usage_chunk()] if asked else [])
    assert relay.progress.usage == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert all(event["usage"] is None for event in events if event["choices"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("asked", [True, False])
def test_usage_beside_choices_gets_its_own_chunk(kind: Relay, asked: bool) -> None:
    usage = usage_chunk()["usage"]
    data = compact(opening(), delta("a"), delta(finish="stop", usage=usage))
    relay = make_relay(kind, exchange(), include_usage=asked)
    events = events_of(run(relay, [data]))
    assert [event["usage"] for event in events] == [None, None, None] + ([usage] if asked else [])
    assert relay.progress.usage == usage


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (b'data: {"error":{"message":"boom","type":"server_error","code":null}}\n\n', 0),
        (b'data: {"error":{"message":"boom","code":429}}\n\n', 429),
        (b'data: {"id":"a","choices":[],"error":{"message":"boom"}}\n\n', 0),
        (b'event: error\ndata: {"message":"boom"}\n\n', 0),
        (b'data: {"error":"boom"}\n\n', 0),
        (b"data: {boom\n\n", 0),
        (b'data: {"choices":[{"index":0,"delta":{"content":NaN},"finish_reason":null}]}\n\n', 0),
        (b'data: "boom"\n\n', 0),
        (b'data: {"choices":"boom"}\n\n', 0),
        (b'data: {"choices":[1]}\n\n', 0),
        (b'data: {"choices":[{"index":0,"delta":{"content":"\xff boom"},"finish_reason":null}]}\n\n', 0),
        (b"data: " + b"[" * 100_000 + b"\n\n", 0),
    ],
)
@pytest.mark.parametrize("joined", [True, False])
def test_an_error_or_garbage_stops_the_stream_after_what_was_good(
    kind: Relay, bad: bytes, status: int, joined: bool
) -> None:
    relay = make_relay(kind, exchange())
    good = compact(opening(), delta("a"))
    pieces = [good + bad + compact(delta("never"))] if joined else [good, bad, compact(delta("never"))]
    out = run(relay, pieces)
    assert events_of(out) == [opening(), delta("a")]
    assert relay.progress.failure is not None
    assert relay.progress.failure.status == status
    assert not relay.progress.complete


@pytest.mark.parametrize("kind", KINDS)
def test_choices_finish_one_by_one(kind: Relay) -> None:
    relay = make_relay(kind, exchange(n=2))
    relay.feed(compact(opening(0), opening(1), delta("a", index=1), delta(index=1, finish="stop")))
    assert not relay.progress.complete
    relay.feed(compact(delta("b"), delta(finish="length")))
    assert relay.progress.complete


@pytest.mark.parametrize("kind", KINDS)
def test_done_alone_is_not_complete(kind: Relay) -> None:
    relay = make_relay(kind, exchange())
    run(relay, [compact(opening(), delta("a")) + DONE])
    assert not relay.progress.complete


@pytest.mark.parametrize("kind", KINDS)
def test_text_that_looks_like_a_finish_or_an_error_is_text(kind: Relay) -> None:
    text = '"finish_reason":"stop" {"error":{}} "usage":{"a":1} }\n\ndata: {"x"} data: [DONE]'
    relay = make_relay(kind, exchange())
    events = events_of(run(relay, [compact(opening()), compact(delta(text)), compact(delta(finish="stop"))]))
    assert events[1]["choices"][0]["delta"]["content"] == text
    assert relay.progress.usage is None
    assert relay.progress.complete


@pytest.mark.parametrize("kind", KINDS)
def test_completions_keep_their_text(kind: Relay) -> None:
    def text(value: str, finish: str | None) -> dict[str, object]:
        choice = {"text": value, "index": 0, "logprobs": None, "finish_reason": finish}
        return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}

    chunks = [text("a", None), text("b", None), text("", "stop")]
    relay = make_relay(kind, exchange(task=Task.COMPLETIONS))
    assert events_of(run(relay, [compact(*chunks)])) == chunks
    assert relay.progress.complete


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1_000_000, 65_536])
def test_an_event_beyond_the_limit_fails_and_one_below_it_passes(kind: Relay, size: int) -> None:
    relay = make_relay(kind, exchange())
    large = compact(delta("x" * 7_000_000))
    assert events_of(run(relay, split(compact(opening()) + large, size))) == [opening(), delta("x" * 7_000_000)]
    relay = make_relay(kind, exchange())
    out = run(relay, split(compact(opening()) + b"data: " + b"x" * 9_000_000, size))
    assert events_of(out) == [opening()]
    assert relay.progress.failure is not None
    assert relay.progress.failure.garbled


def test_exact_never_holds_more_than_the_event_that_is_under_way() -> None:
    relay = make_relay(Relay.EXACT, exchange())
    relay.feed(compact(opening()))
    longest = 0
    for piece in split(compact(delta("x" * 100)) * 2000, 777):
        relay.feed(piece)
        longest = max(longest, len(relay._pending))  # type: ignore[attr-defined]  # white-box
    assert relay.progress.chunks == 2001
    assert 0 < longest < 777


def test_normalised_chunks_are_joined_to_one_write_per_read() -> None:
    relay = make_relay(Relay.NORMALISE, exchange())
    out = relay.feed(sse(opening(), delta("a"), delta("b")))
    assert out == b"".join(
        b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in (opening(), delta("a"), delta("b"))
    )
