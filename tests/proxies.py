"""A small HTTP proxy on loopback: `CONNECT` tunnels and absolute URLs, and a list of what it was asked for.

Every tunnel leads to `to`, whatever host was asked for: the names of the tests exist nowhere else.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """A running proxy. `asked` holds the request line of every connection, `url` is what a spec names."""

    to: tuple[str, int]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line = head.split(b"\r\n", 1)[0].decode()
        self.asked.append(line)
        method, url, _ = line.split(" ")
        there, to_there = await asyncio.open_connection(*self.to)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            path = urlsplit(url).path or "/"
            to_there.write(head.replace(url.encode(), path.encode(), 1))
        try:
            await asyncio.gather(_pump(reader, to_there), _pump(there, writer))
        finally:
            to_there.close()

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def proxying(to: str, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Proxy]:
    """Run a proxy whose tunnels lead to the host and port of the URL `to`."""
    parts = urlsplit(to)
    proxy = Proxy((parts.hostname or "", parts.port or 80))
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=tls)
    proxy.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
        await server.wait_closed()
