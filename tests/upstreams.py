"""A scripted upstream: a real HTTP/1.1 server on loopback that answers exactly the bytes a test wrote down.

Each request takes the next script; the last one repeats. A script is a sequence of steps: bytes go out as they are,
`Hang` waits for the other side to leave, `Wait` for the test, `Dribble` writes in small pieces, `Cut` closes and
`Reset` sends RST. Without `Cut` or `Reset` the connection stays open for the next request.

    async with scripted([json_answer({"ok": True})]) as upstream:
        …  # upstream.url, upstream.requests, await upstream.left()
"""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Hang:
    """Wait until the other side closes the connection."""


@dataclass(frozen=True)
class Wait:
    """Wait until the test sets the event."""

    event: asyncio.Event


@dataclass(frozen=True)
class Dribble:
    """Write in pieces of `size` bytes, letting the other side read each."""

    data: bytes
    size: int = 1


@dataclass(frozen=True)
class Cut:
    """Close the connection properly on TCP's level (FIN), wherever the HTTP message stands."""


@dataclass(frozen=True)
class Reset:
    """Break the connection (RST)."""


Step = bytes | Hang | Wait | Dribble | Cut | Reset
Script = Sequence[Step]


@dataclass(frozen=True)
class Seen:
    """A request as it arrived. Header names in lower case; `connection` counts from 1."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Scripted:
    """The running upstream. `requests` grows as requests arrive, whole, before their script runs."""

    scripts: list[Script]
    url: str = ""
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0
    open_connections: int = 0
    _left: asyncio.Event = field(default_factory=asyncio.Event)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def arrived(self, count: int = 1, *, within_s: float = 5.0) -> None:
        """Wait until that many requests have arrived since the start."""
        async with asyncio.timeout(within_s):
            while len(self.requests) < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def left(self, *, within_s: float = 5.0) -> None:
        """Wait until the other side has closed a connection on which a script was hanging."""
        async with asyncio.timeout(within_s):
            await self._left.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open_connections += 1
        number = self.connections
        try:
            while (seen := await _read_request(reader, number)) is not None:
                self.requests.append(seen)
                self._arrived.set()
                script = self.scripts[min(len(self.requests), len(self.scripts)) - 1]
                if not await self._play(script, reader, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The task ends here either way; a cancelled one would make the server's own callback complain.
            pass
        finally:
            self.open_connections -= 1
            self._tasks.discard(task)
            writer.close()

    async def _play(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        for step in script:
            match step:
                case bytes():
                    writer.write(step)
                    await writer.drain()
                case Dribble(data, size):
                    for start in range(0, len(data), size):
                        writer.write(data[start : start + size])
                        await writer.drain()
                        await asyncio.sleep(0)
                case Wait(event):
                    await event.wait()
                case Hang():
                    await _closed(reader)
                    self._left.set()
                    return False
                case Cut():
                    return False
                case Reset():
                    sock = writer.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
                    return False
        return True

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def scripted(*scripts: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Scripted]:
    """Run an upstream that plays one script per request, in order; the last one repeats."""
    upstream = Scripted(list(scripts))
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    upstream.url = f"{'https' if tls else 'http'}://{'localhost' if tls else '127.0.0.1'}:{port}"
    try:
        yield upstream
    finally:
        server.close()
        await upstream.stop()
        await server.wait_closed()


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answer(body: bytes, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return a whole HTTP message with a length."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} X\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


def json_answer(value: Any, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return a whole HTTP message holding JSON."""
    return answer(json.dumps(value).encode(), status, [("content-type", "application/json"), *headers])


def stream_head(content_type: str = "text/event-stream", headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return the head of a chunked message."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 200 X\r\ncontent-type: {content_type}\r\n{lines}transfer-encoding: chunked\r\n\r\n".encode()


def piece(data: bytes) -> bytes:
    """Return one HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


END = b"0\r\n\r\n"
"""The final HTTP chunk."""


def sse(*values: Any) -> bytes:
    """Return SSE events holding JSON; a string goes as it is (`[DONE]`)."""
    return b"".join(
        b"data: " + (value if isinstance(value, str) else json.dumps(value)).encode() + b"\n\n" for value in values
    )


async def _read_request(reader: asyncio.StreamReader, connection: int) -> Seen | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, path, headers, body, connection)


async def _closed(reader: asyncio.StreamReader) -> None:
    try:
        while await reader.read(4096):
            pass
    except ConnectionError:
        pass
