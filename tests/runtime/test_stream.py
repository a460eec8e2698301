"""How a stream begins (status or 200) and ends (`[DONE]`, or one error event and a cut), and lets its upstream go."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.errors import spoken
from tests.replies import JSON, SSE, Reply, Step, assert_cut, collect, opened, plan, record
from tests.streams import compact, delta, events_of, hello, opening, usage_chunk

from xmc.runtime.errors import (
    GatewayError,
    UpstreamBrokenError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
    render_error,
)
from xmc.runtime.relay import DONE
from xmc.runtime.stream import open_stream
from xmc.schema import Relay

KINDS = list(Relay)
FOUR = compact(opening(), delta("Hel"), delta("lo"), delta(finish="stop"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("asked", [True, False])
async def test_a_complete_stream_ends_in_done(kind: Relay, asked: bool) -> None:
    reply, noted = Reply([hello()], headers={**SSE, "x-request-id": "up1"}), record()
    stream = await opened(reply, plan(kind, include_usage=asked), noted)
    out, cut = await collect(stream)
    assert not cut
    *chunks, last = events_of(out)
    assert last == "[DONE]"
    assert [chunk for chunk in chunks if not chunk["choices"]] == ([usage_chunk()] if asked else [])
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"]) == "Hello"
    assert reply.closed
    assert (noted.outcome, noted.prompt_tokens, noted.completion_tokens) == ("ok", 3, 2)
    assert (noted.chunks, noted.upstream_status, noted.upstream_request_id) == (len(chunks), 200, "up1")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("steps", "complete"),
    [
        ([FOUR, DONE], True),
        ([FOUR], True),
        ([FOUR + DONE + compact(delta("more")) + DONE], True),
        ([FOUR, DONE, compact({"error": {"message": "late"}})], True),
        ([FOUR, b": bye\n\n"], True),
        ([FOUR, DONE, UpstreamBrokenError()], False),
        ([FOUR, UpstreamBrokenError()], False),
        ([FOUR + DONE, UpstreamTimeoutError("idle")], False),
        ([compact(opening(), delta("Hel"), delta("lo")), DONE], False),
        ([compact(opening(), delta("Hel"), delta("lo"))], False),
    ],
)
async def test_complete_is_every_finish_and_a_proper_end(kind: Relay, steps: Sequence[Step], complete: bool) -> None:
    noted = record()
    out, cut = await collect(await opened(Reply(steps), plan(kind), noted))
    assert cut is not complete
    assert out.endswith(DONE) is complete
    assert out.count(b"[DONE]") == int(complete)
    assert noted.outcome == ("ok" if complete else "cut")
    if not complete:
        good = [opening(), delta("Hel"), delta("lo"), delta(finish="stop")]
        assert_cut(out, good if steps[0] != compact(opening(), delta("Hel"), delta("lo")) else good[:3])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (UpstreamBrokenError(), "upstream_broken"),
        (UpstreamTimeoutError("idle"), "upstream_timeout"),
        (UpstreamTimeoutError("total"), "upstream_timeout"),
        (compact({"error": {"message": "boom", "type": "server_error", "code": "overloaded"}}), "overloaded"),
        (b"data: {boom\n\n", "upstream_garbled"),
        (b"data: " + b"x" * 9_000_000, "upstream_garbled"),
        (b"", "stream_incomplete"),
    ],
)
async def test_a_failure_in_the_middle_is_one_error_event_and_a_cut(kind: Relay, failure: Step, code: str) -> None:
    good = [opening(), delta("a")]
    reply, noted = Reply([compact(*good), failure, FOUR] if failure else [compact(*good)]), record()
    out, cut = await collect(await opened(reply, plan(kind), noted))
    assert cut
    last = assert_cut(out, good)
    assert last["error"]["code"] == code
    assert noted.outcome == "cut"
    assert noted.error_code == last["error_code"]
    assert noted.chunks == 2
    assert reply.closed


@pytest.mark.parametrize("kind", KINDS)
async def test_an_error_right_behind_a_good_event_lets_the_event_through_and_waits_for_no_more(kind: Relay) -> None:
    steps: list[Step] = [compact(opening(), {"error": {"message": "boom"}}), asyncio.Event()]
    stream = await opened(Reply(steps), plan(kind))
    out, cut = await collect(stream)
    assert cut
    assert assert_cut(out, [opening()])["message"] == "boom"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("openai_path", [True, False])
@pytest.mark.parametrize(
    ("reply", "statuses"),
    [
        (Reply([compact({"error": {"message": "boom", "code": 429}})]), (429, 429)),
        (Reply([b": hi\n\n", b"event: x\n\n", compact({"error": {"message": "boom"}}), FOUR]), (502, 500)),
        (Reply([b"data: garbage\n\n"]), (502, 500)),
        (Reply([b"garbage, and no end to it"]), (502, 500)),
        (Reply([]), (502, 500)),
        (Reply([DONE]), (502, 500)),
        (Reply([UpstreamBrokenError()]), (502, 500)),
        (Reply([b": hi\n\n", UpstreamTimeoutError("idle")]), (504, 504)),
        (Reply([b'{"error":{"message":"boom","code":"x"}}'], headers=JSON), (502, 500)),
        (Reply([b"<html><title>Sorry</title></html>"], headers={"content-type": "text/html"}), (502, 500)),
        (Reply([b""], headers=JSON), (502, 500)),
        (Reply([b"\xff\xfe"], headers=JSON), (502, 500)),
        (Reply([b'{"choices": NaN}'], headers=JSON), (502, 500)),
        (Reply([b'{"choi'], headers=JSON), (502, 500)),
        (Reply([b'{"choi', UpstreamBrokenError()], headers=JSON), (502, 500)),
        (Reply([b'{"error":{"message":"boom"}}'], status=429, headers=JSON), (429, 429)),
        (Reply([b'{"error":{"message":"boom"}}'], status=422, headers=JSON), (400, 400)),
        (Reply([compact({"error": {"message": "boom"}})], status=503), (503, 503)),
        (Reply([b"x" * 2_000_000], status=503), (503, 503)),
        (Reply([b"half", UpstreamBrokenError()], status=503), (503, 503)),
        (Reply([], status=302), (502, 500)),
    ],
)
async def test_a_failure_before_the_first_event_has_a_status(
    kind: Relay, openai_path: bool, reply: Reply, statuses: tuple[int, int]
) -> None:
    fresh = Reply(reply.steps, reply.status, reply.headers)
    with pytest.raises(GatewayError) as caught:
        await opened(fresh, plan(kind, dialect=spoken(openai_path=openai_path)))
    answer = render_error(caught.value, dialect=spoken(openai_path=openai_path), request_id="r1")
    assert answer.status == statuses[0 if openai_path else 1]
    assert fresh.closed


async def test_a_call_that_fails_has_its_own_error() -> None:
    async def send() -> Reply:
        raise UpstreamUnreachableError

    with pytest.raises(UpstreamUnreachableError):
        await open_stream(send, plan(), record())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content_type", ["", "text/plain", "application/octet-stream", "TEXT/Event-Stream ;charset=x"])
async def test_a_stream_of_a_vague_type_is_still_a_stream(kind: Relay, content_type: str) -> None:
    headers = {"content-type": content_type} if content_type else {}
    out, cut = await collect(await opened(Reply([hello()], headers=headers), plan(kind)))
    assert not cut
    assert out.endswith(DONE)


async def test_headers_are_held_no_longer_than_told_then_blank_lines_keep_the_client_there() -> None:
    gate = asyncio.Event()
    stream = await opened(Reply([gate, hello()]), plan(hold_s=0.01, keepalive_s=0.01))
    assert await anext(stream) == b"\n"
    assert await anext(stream) == b"\n"
    gate.set()
    out, cut = await collect(stream)
    assert not cut
    assert events_of(out)[-1] == "[DONE]"


async def test_headers_are_held_also_while_the_upstream_has_sent_none() -> None:
    gate = asyncio.Event()

    async def send() -> Reply:
        await gate.wait()
        return Reply([hello()])

    stream = await open_stream(send, plan(hold_s=0.01, keepalive_s=0.01), record())
    assert await anext(stream) == b"\n"
    gate.set()
    assert (await collect(stream))[0].endswith(DONE)


@pytest.mark.parametrize(
    "reply",
    [
        Reply([compact({"error": {"message": "boom"}})]),
        Reply([b'{"error":{"message":"boom"}}'], status=429, headers=JSON),
        Reply([UpstreamBrokenError("boom")]),
    ],
)
async def test_a_failure_after_the_hold_is_an_error_event(reply: Reply) -> None:
    gate, noted = asyncio.Event(), record()

    async def send() -> Reply:
        await gate.wait()
        return reply

    stream = await open_stream(send, plan(hold_s=0.0, keepalive_s=0.01), noted)
    assert await anext(stream) == b"\n"
    gate.set()
    out, cut = await collect(stream)
    assert cut
    assert assert_cut(out, [])["message"] == "boom"
    assert noted.outcome == "cut"
    assert reply.closed


@pytest.mark.parametrize("steps", [[asyncio.Event()], [b": ping\n\n", asyncio.Event()]])
async def test_no_first_event_in_time_is_504(steps: Sequence[Step]) -> None:
    reply = Reply(steps)
    with pytest.raises(UpstreamTimeoutError) as caught:
        await opened(reply, plan(first_byte_s=0.01))
    assert caught.value.status == 504
    assert reply.closed


async def test_the_limit_on_the_first_event_ends_with_it() -> None:
    gate = asyncio.Event()
    stream = await opened(Reply([compact(opening()), gate, FOUR]), plan(first_byte_s=0.01))
    asyncio.get_running_loop().call_later(0.03, gate.set)
    assert (await collect(stream))[0].endswith(DONE)


@pytest.mark.parametrize("begun", [True, False])
async def test_closing_lets_the_upstream_go_at_once(begun: bool) -> None:
    reply = Reply([compact(opening()), asyncio.Event()])
    stream = await opened(reply, plan())
    if begun:
        await anext(stream)
    await stream.aclose()
    assert reply.closed
    await stream.aclose()


async def test_a_client_that_leaves_while_the_upstream_is_silent_frees_it() -> None:
    reply = Reply([compact(opening()), asyncio.Event()])
    stream = await opened(reply, plan())
    task = asyncio.ensure_future(collect(stream))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert reply.closed


async def test_a_client_that_leaves_before_the_first_event_frees_the_upstream() -> None:
    sent, cancelled = asyncio.Event(), asyncio.Event()

    async def send() -> Reply:
        sent.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    task = asyncio.ensure_future(open_stream(send, plan(), record()))
    await sent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(cancelled.wait(), 1)


async def test_the_upstream_is_read_no_faster_than_the_client_reads() -> None:
    taken = 0

    class Endless(Reply):
        async def chunks(self) -> AsyncIterator[bytes]:
            nonlocal taken
            while True:
                taken += 1
                yield compact(delta("x" * 1000))

    stream = await opened(Endless([]), plan(Relay.EXACT))
    for number in range(1, 50):
        await anext(stream)
        assert taken <= number + 1
    await stream.aclose()
