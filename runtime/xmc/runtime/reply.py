"""Answers as bytes on a client's connection: the two objects that aiohttp's protocol takes for responses."""

import asyncio
from collections.abc import AsyncIterator
from email.utils import formatdate
from http import HTTPStatus
from time import time

from aiohttp import HttpVersion11, web

from xmc.runtime.http import Answer, StreamCutError

STALL_S = 60.0
"""A client that takes no byte for so long, while we hold bytes for it, is treated as gone."""

# Beyond this many unsent bytes the writer waits for the client.
_HIGH_WATER = 64 * 1024
_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in HTTPStatus
    if status >= 200  # noqa: PLR2004 - final statuses
}


class _Date:
    """The `Date` header, made once a second."""

    __slots__ = ("_line", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._line = b""

    def line(self) -> bytes:
        second = int(time())
        if second != self._second:
            self._second = second
            self._line = f"date: {formatdate(second, usegmt=True)}\r\n".encode()
        return self._line


_DATE = _Date()


class WholeReply:
    """An answer with a body of known length: head and body leave in one write."""

    __slots__ = ("_answer", "_request", "keep_alive")

    def __init__(self, request: web.BaseRequest, answer: Answer, *, keep_alive: bool) -> None:
        self._request = request
        self._answer = answer
        self.keep_alive = keep_alive

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write everything. Raises `ConnectionResetError` where the client has left."""
        answer = self._answer
        body = b"" if request.method == "HEAD" else answer.body
        length = b"content-length: %d\r\n\r\n" % len(answer.body)
        ok = False
        try:
            write(request.transport, head(answer, request, keep_alive=self.keep_alive) + length + body)
            ok = True
        finally:
            settle(answer, ok=ok, bytes_out=len(body) if ok else 0)

    async def write_eof(self) -> None:
        """Wait until a large body is mostly gone, so that a slow client cannot pile up answers."""
        await drain(self._request)


class StreamedReply:
    """An answer whose bytes go out as they come. `run` does it all; the protocol finds nothing left to do."""

    __slots__ = ("_answer", "_chunked", "_request", "_sent", "keep_alive")

    def __init__(self, request: web.BaseRequest, answer: Answer, *, keep_alive: bool) -> None:
        self._request = request
        self._answer = answer
        self._sent = 0
        self._chunked = request.version >= HttpVersion11
        # HTTP/1.0 has no chunks: there the end of the connection is the end of the message.
        self.keep_alive = keep_alive and self._chunked

    async def run(self) -> None:
        """Write the stream to its end. Raises `ConnectionResetError` where the client has left."""
        answer = self._answer
        stream = answer.stream
        if stream is None:
            raise TypeError("this answer has no stream")
        ok = False
        try:
            await self._write_all(stream)
            ok = True
        except StreamCutError:
            self.keep_alive = False  # no final chunk; the protocol flushes and closes
        except asyncio.CancelledError:
            self._say_that_we_end()
            raise
        finally:
            try:
                await _close(stream)
            finally:
                settle(answer, ok=ok, bytes_out=self._sent)

    def _say_that_we_end(self) -> None:
        """Write the error event where it is the gateway that ends in the middle of a stream, and not the client."""
        transport = self._request.transport
        last_words = self._answer.last_words
        if transport is not None and not transport.is_closing() and self._sent and last_words is not None:
            event = last_words()
            transport.write(b"%x\r\n%b\r\n" % (len(event), event) if self._chunked else event)

    async def _write_all(self, stream: AsyncIterator[bytes]) -> None:
        request, transport = self._request, self._request.transport
        chunked = self._chunked
        framing = b"transfer-encoding: chunked\r\n\r\n" if chunked else b"\r\n"
        pending = head(self._answer, request, keep_alive=self.keep_alive) + framing
        if transport is None:
            raise ConnectionResetError("the client has left")
        async for piece in stream:
            data = b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece
            write(transport, pending + data if pending else data)
            pending = b""
            self._sent += len(piece)
            if transport.get_write_buffer_size() > _HIGH_WATER:
                await drain(request)
        write(transport, pending + (b"0\r\n\r\n" if chunked else b""))

    async def prepare(self, request: web.BaseRequest) -> None:
        """Nothing is left to do."""

    async def write_eof(self) -> None:
        """Nothing is left to do."""


def head(answer: Answer, request: web.BaseRequest, *, keep_alive: bool) -> bytes:
    """Return status line and headers, without what frames the body and without the blank line."""
    status = _STATUS_LINES.get(answer.status) or f"HTTP/1.1 {answer.status} \r\n".encode()
    lines = "".join([f"{name}: {value}\r\n" for name, value in answer.headers])
    if not keep_alive:
        lines += "connection: close\r\n"
    elif request.version < HttpVersion11:
        lines += "connection: keep-alive\r\n"
    return status + lines.encode("latin-1", "replace") + _DATE.line()


def write(transport: asyncio.Transport | None, data: bytes) -> None:
    """Hand bytes to the transport. Raises `ConnectionResetError` where the client has left."""
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client has left")
    transport.write(data)


async def drain(request: web.BaseRequest) -> None:
    """Wait while the client reads more slowly than we write; give up on one that does not read at all."""
    transport = request.transport
    if transport is None or transport.get_write_buffer_size() <= _HIGH_WATER:
        return
    try:
        async with asyncio.timeout(STALL_S):
            await request.writer.drain()
    except TimeoutError:
        transport.abort()
        raise ConnectionResetError("the client does not read") from None


def settle(answer: Answer, *, ok: bool, bytes_out: int) -> None:
    """Tell whoever accounts for the answer that it is over."""
    if answer.on_end is not None:
        answer.on_end(ok, bytes_out)


async def _close(stream: AsyncIterator[bytes]) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
