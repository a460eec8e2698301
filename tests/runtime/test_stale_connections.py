"""Kept connections that the upstream closes between two calls: no call may fail of it, and none may be made twice."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from tests.gateways import ASK, CHAT, endpoint, running, table, target
from tests.upstreams import json_answer

from xmc.runtime import aiohttp_upstream as module

ANSWER = json_answer(CHAT)


@dataclass
class Closing:
    """An upstream that closes each connection after one answer, without saying so in a header.

    `on_next` is what it does when the next request's first byte arrives on a connection that it has given up.
    """

    on_next: bytes | None = None
    reset: bool = False
    after_s: float = 0.0
    url: str = ""
    answered: int = 0
    met: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
            self.answered += 1
            writer.write(ANSWER)
            if self.on_next is not None:
                await reader.readexactly(1)
                self.met += 1
                await asyncio.sleep(self.after_s)
                writer.write(self.on_next)
                await writer.drain()
            if self.reset:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def closing(upstream: Closing) -> AsyncIterator[Closing]:
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield upstream


async def statuses(upstream: Closing, count: int, *, side_by_side: int = 1, stream: bool = False) -> list[int]:
    """Ask so many times through a gateway, without pauses, and return the statuses."""

    async with running(table(endpoint("chat", target(upstream.url)))) as gateway, gateway.client() as client:

        async def some() -> list[int]:
            got: list[int] = []
            for _ in range(count // side_by_side):
                async with client.post("/serving-endpoints/chat/invocations", json={**ASK, "stream": stream}) as reply:
                    got.append(reply.status)
                    await reply.read()
            return got

        results = await asyncio.gather(*[some() for _ in range(side_by_side)])
    return [status for result in results for status in result]


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_connection_closed_as_the_next_call_arrives_fails_none_and_doubles_none(
    reset: bool, stream: bool
) -> None:
    async with closing(Closing(on_next=b"", reset=reset)) as upstream:
        assert await statuses(upstream, 20, stream=stream) == [200] * 20
    assert upstream.answered == 20
    assert upstream.met > 0  # or nothing was shown


async def test_connections_closed_at_once_fail_no_call() -> None:
    async with closing(Closing()) as upstream:
        assert await statuses(upstream, 60, side_by_side=3) == [200] * 60
    assert upstream.answered == 60


async def test_a_begun_answer_is_not_asked_for_again() -> None:
    async with closing(Closing(on_next=b"HTTP/1.1 2")) as upstream:
        assert await statuses(upstream, 2) == [200, 500]
    assert (upstream.answered, upstream.met) == (1, 1)


async def test_an_upstream_that_breaks_off_later_was_probably_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STALE_S", 0.05)
    async with closing(Closing(on_next=b"", after_s=0.1)) as upstream:
        assert await statuses(upstream, 2) == [200, 500]
    assert (upstream.answered, upstream.met) == (1, 1)


async def test_only_a_kept_connection_can_be_stale() -> None:
    broken = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal broken
        broken += bool(await reader.read(10))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await statuses(Closing(url=url), 3) == [500] * 3
    assert broken == 3
