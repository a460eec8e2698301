"""What an upstream can do to a stream, on real sockets: a status, or one error event and a message without an end."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from tests.faults.raw import Got, ask
from tests.gateways import CANARY, endpoint, running, table, target
from tests.streams import compact, delta, hello, opening
from tests.upstreams import (
    END,
    Cut,
    Dribble,
    Hang,
    Reset,
    Script,
    answer,
    piece,
    scripted,
    sse,
    stream_head,
)

from xmc.runtime.error_table import ERROR_CODES
from xmc.schema import Relay, Serving, Table, Timeouts

KINDS = list(Relay)
IDLE = Serving(timeouts=Timeouts(idle_ms=200))
FIRST = Serving(timeouts=Timeouts(first_byte_ms=200))
HEAD = stream_head()
GOOD = [opening(), delta("a")]
BEGUN = piece(compact(*GOOD))
REST = piece(compact(delta(finish="stop")) + b"data: [DONE]\n\n")
ERROR = {"error": {"message": "boom", "type": "t", "code": "c"}}

# After two good chunks the upstream does this -> the error's code.
MIDWAY: dict[str, tuple[Script, str]] = {
    "hangs": ([HEAD, BEGUN, Hang()], "upstream_timeout"),
    "cuts": ([HEAD, BEGUN, Cut()], "upstream_broken"),
    "resets": ([HEAD, BEGUN, Reset()], "upstream_broken"),
    "cuts-after-finish": ([HEAD, BEGUN, REST, Cut()], "upstream_broken"),
    "hangs-after-finish": ([HEAD, BEGUN, REST, Hang()], "upstream_timeout"),
    "cuts-in-event": ([HEAD, BEGUN, piece(b'data: {"id"'), Cut()], "upstream_broken"),
    "ends-in-event": ([HEAD, BEGUN, piece(b'data: {"id"'), END], "upstream_garbled"),
    "ends": ([HEAD, BEGUN, END], "stream_incomplete"),
    "done-without-finish": ([HEAD, BEGUN, piece(sse("[DONE]")), END], "stream_incomplete"),
    "error": ([HEAD, BEGUN, piece(compact(ERROR)), Hang()], "c"),
    "error-then-done": ([HEAD, BEGUN, piece(compact(ERROR) + sse("[DONE]")), END], "c"),
    "error-event-field": ([HEAD, BEGUN, piece(b"event: error\n" + compact(ERROR["error"])), END], "c"),
    "garbage": ([HEAD, BEGUN, piece(b"data: garbage\n\n"), REST, END], "upstream_garbled"),
    "nan": ([HEAD, BEGUN, piece(compact(delta("b")).replace(b'"b"', b"NaN")), REST, END], "upstream_garbled"),
    "not-utf-8": ([HEAD, BEGUN, piece(compact(delta("b")).replace(b'"b"', b'"\xff"')), REST, END], "upstream_garbled"),
    "endless-event": ([HEAD, BEGUN, *[piece(b"x" * 1_000_000)] * 9, Hang()], "upstream_garbled"),
    "secret-in-error": ([HEAD, BEGUN, piece(compact({"error": {"message": CANARY, "code": "c"}})), END], "c"),
}


@pytest.mark.parametrize("fault", MIDWAY)
async def test_a_stream_that_fails_says_so_once_and_is_cut(fault: str) -> None:
    script, code = MIDWAY[fault]
    good = [*GOOD, delta(finish="stop")] if fault.endswith("after-finish") else GOOD
    async with scripted(script) as upstream, running(_served(upstream.url, IDLE)) as gateway:
        answers = await asyncio.gather(*(ask(gateway.url, kind) for kind in KINDS))
        # The next request is served as if nothing had happened.
        upstream.scripts[:] = [[HEAD, piece(hello()), END]]
        assert (await ask(gateway.url, KINDS[0])).whole
    for got in answers:
        assert_cut(got, good, code)
    for record in gateway.records[:-1]:
        assert (record.status, record.outcome, record.chunks) == (200, "cut", len(good))
        assert record.error_code in ERROR_CODES
    assert sorted(record.bytes_out for record in gateway.records[:-1]) == sorted(len(got.body) for got in answers)


def assert_cut(got: Got, good: list[Any], code: str) -> None:
    """Check that what was good came, then one error event, and no end."""
    assert got.status == 200
    assert not got.whole
    assert b"[DONE]" not in got.body
    *chunks, last = got.events
    assert chunks == good
    assert set(last) == {"error", "error_code", "message"}
    assert last["error"]["code"] == code
    assert last["error_code"] in ERROR_CODES
    assert CANARY not in str(got)


@dataclass(frozen=True)
class Early:
    """A stream that fails before its first event -> our status on OpenAI paths and elsewhere."""

    script: Script
    openai_status: int
    rest_status: int


EARLY: dict[str, Early] = {
    "hangs": Early([HEAD, Hang()], 504, 504),
    "only-pings": Early([HEAD, piece(b": ping\n\n"), Hang()], 504, 504),
    "cuts": Early([HEAD, Cut()], 502, 500),
    "resets": Early([HEAD, Reset()], 502, 500),
    "cuts-in-event": Early([HEAD, piece(b'data: {"id"'), Cut()], 502, 500),
    "empty": Early([HEAD, END], 502, 500),
    "empty-with-length": Early([answer(b"", headers=[("content-type", "text/event-stream")])], 502, 500),
    "done-only": Early([HEAD, piece(sse("[DONE]")), END], 502, 500),
    "garbage": Early([HEAD, piece(b"data: garbage\n\n"), REST, END], 502, 500),
    "no-sse": Early([HEAD, piece(b"Hello there, this is no stream"), END], 502, 500),
    "endless-event": Early([HEAD, *[piece(b"x" * 1_000_000)] * 9, Hang()], 502, 500),
    "error": Early([HEAD, piece(compact(ERROR)), REST, END], 502, 500),
    "error-behind-pings": Early([HEAD, piece(b": ping\n\nid: 1\n\n"), piece(compact(ERROR)), END], 502, 500),
    "error-with-number": Early([HEAD, piece(compact({"error": {"message": "boom", "code": 429}})), END], 429, 429),
    "error-about-key": Early([HEAD, piece(compact({"error": {"message": CANARY, "code": 401}})), END], 403, 403),
    "bad-chunk-size": Early([HEAD + BEGUN + b"zz\r\n", Cut()], 502, 500),
    "html": Early([stream_head("text/html"), piece(b"<html>Sorry</html>"), END], 502, 500),
}


@pytest.mark.parametrize("fault", EARLY)
async def test_a_failure_before_the_first_event_has_its_status(fault: str) -> None:
    early = EARLY[fault]
    asked = [(kind, openai) for kind in KINDS for openai in (True, False)]
    serving = FIRST if early.openai_status == 504 else Serving()
    async with scripted(early.script) as upstream, running(_served(upstream.url, serving)) as gateway:
        answers = await asyncio.gather(*(ask(gateway.url, kind, openai=openai) for kind, openai in asked))
    for got, (_, openai) in zip(answers, asked, strict=True):
        assert got.status == (early.openai_status if openai else early.rest_status)
        assert got.whole
        assert got.headers["content-type"] == "application/json"
        assert ("error" in got.json()) is openai
        assert got.json()["error_code"] in ERROR_CODES
        assert CANARY not in str(got)


@pytest.mark.parametrize("size", [1, 2, 17])
async def test_a_stream_in_the_smallest_pieces_is_whole(size: int) -> None:
    pieces = b"".join(piece(hello()[start : start + size]) for start in range(0, len(hello()), size))
    async with scripted([HEAD, Dribble(pieces, 3), END]) as upstream, running(_served(upstream.url)) as gateway:
        for kind in KINDS:
            got = await ask(gateway.url, kind)
            assert got.whole
            assert got.events == [opening(), delta("Hel"), delta("lo"), delta(finish="stop"), "[DONE]"]
    assert {record.completion_tokens for record in gateway.records} == {2}


async def test_a_stream_that_ends_without_done_but_properly_is_whole() -> None:
    script = [HEAD, BEGUN, piece(compact(delta(finish="stop"))), END]
    async with scripted(script) as upstream, running(_served(upstream.url)) as gateway:
        for kind in KINDS:
            got = await ask(gateway.url, kind)
            assert got.whole
            assert got.events == [*GOOD, delta(finish="stop"), "[DONE]"]


async def test_a_large_event_passes() -> None:
    text = "é" * 2_000_000
    body = compact(opening(), delta(text), delta(finish="stop"))
    async with scripted([HEAD, piece(body), END]) as upstream, running(_served(upstream.url)) as gateway:
        for kind in KINDS:
            got = await ask(gateway.url, kind)
            assert got.whole
            assert got.events[1] == delta(text)


async def test_a_silent_upstream_gets_200_and_blank_lines_after_the_hold() -> None:
    serving = Serving(hold_ms=50, timeouts=Timeouts(first_byte_ms=300))
    async with scripted([Hang()]) as upstream, running(_served(upstream.url, serving)) as gateway:
        got = await ask(gateway.url, KINDS[0])
    assert got.body.startswith(b"\ndata: {")
    assert_cut(got, [], "upstream_timeout")
    assert gateway.records[0].outcome == "cut"


async def test_the_total_limit_ends_a_stream_that_never_falls_silent() -> None:
    serving = Serving(timeouts=Timeouts(total_ms=300))
    script: Script = [HEAD, BEGUN, Dribble(piece(compact(delta("x"))) * 100_000, 500), Hang()]
    async with scripted(script) as upstream, running(_served(upstream.url, serving)) as gateway:
        got = await ask(gateway.url, KINDS[0])
    assert_cut(got, got.events[:-1], "upstream_timeout")


def _served(url: str, serving: Serving | None = None) -> Table:
    """Return a table with one endpoint per relay class, named like it."""
    return table(*(endpoint(kind, target(url, relay=kind), serving=serving) for kind in KINDS))
