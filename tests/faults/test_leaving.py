"""Clients that leave or stall: the upstream is let go within a second, and memory stays bounded."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from tests.faults.raw import asking, read_answer, read_head
from tests.gateways import CHAT, Running, endpoint, running, table, target
from tests.streams import compact, delta, opening
from tests.upstreams import END, Hang, Script, Wait, json_answer, piece, scripted, stream_head

from xmc.schema import Relay, Serving, Table

KINDS = list(Relay)
HEAD = stream_head()
PIECES = 400
PIECE = piece(compact(*[delta("x" * 1000)] * 60))  # some 70 kB


def _served(url: str, serving: Serving | None = None) -> Table:
    return table(*(endpoint(kind, target(url, relay=kind), serving=serving) for kind in KINDS))


async def _until(condition: Callable[[], bool], within_s: float = 2.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - the other side of a socket has no event for it
            await asyncio.sleep(0.005)


async def _over(gateway: Running, count: int = 1) -> None:
    """Wait until so many requests are accounted for."""
    await _until(lambda: len(gateway.records) >= count)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pieces", [1, 5])
async def test_leaving_mid_stream_closes_the_upstream_within_a_second(kind: Relay, pieces: int) -> None:
    script: Script = [HEAD, piece(compact(opening())), *[piece(compact(delta("a")))] * pieces, Hang()]
    async with scripted(script) as upstream, running(_served(upstream.url)) as gateway:
        async with asking(gateway.url, kind) as reader:
            await read_head(reader)
            await reader.readuntil(b"data: ")
        await upstream.left(within_s=1.0)
        await _over(gateway)
    (record,) = gateway.records
    assert (record.status, record.outcome) == (200, "cancelled")
    assert record.chunks >= 1


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "script", [[Hang()], [HEAD, Hang()], [HEAD, piece(b": ping\n\n"), Hang()]], ids=["no-head", "head", "ping"]
)
async def test_leaving_before_the_first_event_closes_the_upstream_within_a_second(script: Script, stream: bool) -> None:
    async with scripted(script) as upstream, running(_served(upstream.url)) as gateway:
        async with asking(gateway.url, KINDS[0], stream=stream):
            await upstream.arrived()
        await upstream.left(within_s=1.0)
        await _over(gateway)
    assert gateway.records[0].outcome == "cancelled"


async def test_leaving_while_blank_lines_are_sent_closes_the_upstream_within_a_second() -> None:
    async with (
        scripted([Hang()]) as upstream,
        running(_served(upstream.url, Serving(hold_ms=20))) as gateway,
    ):
        async with asking(gateway.url, KINDS[0]) as reader:
            assert (await read_head(reader))[0] == 200
            await reader.readuntil(b"1\r\n\n\r\n")
        await upstream.left(within_s=1.0)
        await _over(gateway)
    assert gateway.records[0].outcome == "cancelled"


async def test_many_clients_that_leave_leave_nothing_behind() -> None:
    before = asyncio.all_tasks()
    script: Script = [HEAD, piece(compact(opening())), Hang()]
    async with scripted(script) as upstream, running(_served(upstream.url)) as gateway:

        async def come_and_go(kind: Relay) -> None:
            async with asking(gateway.url, kind) as reader:
                await read_head(reader)

        await asyncio.gather(*(come_and_go(KINDS[number % 3]) for number in range(30)))
        await _over(gateway, 30)
        await _until(lambda: not upstream.open_connections, 1.0)
        assert gateway.server.gateway.in_flight == 0
    await _until(lambda: not asyncio.all_tasks() - before, 1.0)


@dataclass
class _Counting:
    """An upstream that counts what the gateway took from it."""

    url: str = ""
    taken: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HEAD + piece(compact(opening())))
            for _ in range(PIECES):
                writer.write(PIECE)
                await writer.drain()
                self.taken += len(PIECE)
            writer.write(piece(compact(delta(finish="stop"))) + END)
            await writer.drain()
            self.done.set()
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def _counting() -> AsyncIterator[_Counting]:
    upstream = _Counting()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield upstream
    finally:
        server.close()


async def _stalled(upstream: _Counting) -> int:
    """Wait until the upstream gets rid of nothing more, and return how much it got rid of."""
    taken = -1
    async with asyncio.timeout(10):
        while taken != upstream.taken or not taken:
            taken = upstream.taken
            await asyncio.sleep(0.2)  # what does not move for so long stands still
    return taken


@pytest.mark.parametrize("kind", KINDS)
async def test_a_client_that_stalls_holds_the_upstream_back_and_loses_nothing(kind: Relay) -> None:
    whole = PIECES * len(PIECE)
    async with _counting() as upstream, running(_served(upstream.url)) as gateway:
        async with asking(gateway.url, kind) as reader:
            status, headers = await read_head(reader)
            assert (status, headers["transfer-encoding"]) == (200, "chunked")
            # `asking` gives its reader 16 MiB; what is beyond that and the sockets' own buffers stays upstream.
            reader._transport.pause_reading()  # type: ignore[attr-defined]  # private, so not in the stubs
            taken = await _stalled(upstream)
            assert not upstream.done.is_set()
            assert taken < whole * 3 / 4, f"{taken} of {whole} bytes were taken while the client read nothing"
            reader._transport.resume_reading()  # type: ignore[attr-defined]  # private, so not in the stubs
            got = b""
            async with asyncio.timeout(20):
                while not got.endswith(b"0\r\n\r\n"):
                    more = await reader.read(1 << 20)
                    assert more
                    got += more
        assert got.count(b"data: {") == PIECES * 60 + 2
        assert b"data: [DONE]" in got
        await _over(gateway)
    assert gateway.records[0].outcome == "ok"


async def test_a_stalled_client_that_leaves_frees_the_upstream() -> None:
    async with _counting() as upstream, running(_served(upstream.url)) as gateway:
        async with asking(gateway.url, KINDS[0]) as reader:
            await read_head(reader)
            reader._transport.pause_reading()  # type: ignore[attr-defined]  # private, so not in the stubs
            await _stalled(upstream)
        await _over(gateway)
        assert not upstream.done.is_set()
    assert gateway.records[0].outcome == "cancelled"


async def test_a_client_that_leaves_does_not_disturb_the_next_request_on_the_same_gateway() -> None:
    scripts: list[Script] = [[Hang()], [json_answer(CHAT)]]
    async with scripted(*scripts) as upstream, running(_served(upstream.url)) as gateway:
        async with asking(gateway.url, KINDS[0], stream=False):
            await upstream.arrived()
        await upstream.left(within_s=1.0)
        async with asking(gateway.url, KINDS[0], stream=False) as reader:
            assert (await read_answer(reader)).json() == CHAT


async def test_many_streams_at_once_are_all_whole() -> None:
    """None ends before all have begun."""
    many = 150
    go = asyncio.Event()
    script: Script = [HEAD, piece(compact(opening())), Wait(go), piece(compact(delta(finish="stop"))), END]
    async with scripted(script) as upstream, running(_served(upstream.url)) as gateway:

        async def one(number: int) -> bytes:
            async with asking(gateway.url, KINDS[number % len(KINDS)]) as reader:
                got = await read_answer(reader)
            assert got.whole
            return got.body

        streams = [asyncio.ensure_future(one(number)) for number in range(many)]
        await upstream.arrived(many, within_s=20)
        assert gateway.server.gateway.in_flight == many
        go.set()
        bodies = await asyncio.gather(*streams)
    assert len(gateway.records) == many
    assert all(body.endswith(b"data: [DONE]\n\n") for body in bodies)
    assert all(record.upstream_s is not None for record in gateway.records)
