"""The way in: HTTP/1.1 on aiohttp's low-level server, turned into plain values and back.

No application, no router, no middleware. A whole answer leaves in one write. A stream is written piece by piece to the
transport, waiting where the client reads slowly; a cut stream is flushed and closed without its final chunk. The
handler is cancelled when the client leaves.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import ClientPayloadError, StreamReader, web
from aiohttp.http import HttpProcessingError

from xmc.runtime.dialect import DATABRICKS
from xmc.runtime.errors import InvalidRequestError, render_error
from xmc.runtime.fault import report_fault
from xmc.runtime.http import Answer, BodyTooLargeError, BodyUnreadableError, Inbound
from xmc.runtime.reply import StreamedReply, WholeReply

AnswerFunction = Callable[[Inbound], Awaitable[Answer]]

_BACKLOG = 1024
# A client that sends its body more slowly than one piece in this time is not waited for.
_BODY_PIECE_S = 30.0
# How long the rest of a refused body is read and thrown away, so that the client gets to see the answer.
_LINGER_S = 10.0
_HEADER_BYTES = 16 * 1024


class HttpServer:
    """Serves `answer` on one address. Made on the running loop."""

    def __init__(self, answer: AnswerFunction, *, keepalive_s: float) -> None:
        self._answer = answer
        self._busy: set[web.RequestHandler] = set()
        self._idle = asyncio.Event()
        self._closing = False
        self._listener: asyncio.Server | None = None
        self._server = _Server(
            self._handle,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=keepalive_s,
            lingering_time=_LINGER_S,
            max_line_size=_HEADER_BYTES,
            max_field_size=_HEADER_BYTES,
        )

    async def listen(self, host: str, port: int) -> int:
        """Begin to accept, and return the port (which 0 leaves to the system).

        Raises:
            OSError: the address cannot be used.
        """
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._server, host, port, backlog=_BACKLOG)
        bound: int = self._listener.sockets[0].getsockname()[1]
        return bound

    async def close(self, grace_s: float, hurry: asyncio.Event | None = None) -> None:
        """Stop accepting, let requests in flight finish for at most `grace_s` or until `hurry`, then end the rest."""
        self._closing = True
        if self._listener is not None:
            self._listener.close()
        for connection in self._server.connections:
            # aiohttp's own `close` leaves an idle connection open, on which a client would wait in vain.
            (connection.close if connection in self._busy else connection.force_close)()
        if self._busy:
            self._idle.clear()
            waits = [asyncio.ensure_future(event.wait()) for event in (self._idle, hurry) if event is not None]
            await asyncio.wait(waits, timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        await self._server.shutdown(0.1)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        self._busy.add(connection)
        try:
            answer = await self._answer(_inbound(request))
            keep = request.keep_alive and not self._closing
            if answer.stream is None:
                reply: WholeReply | StreamedReply = WholeReply(request, answer, keep_alive=keep)
            else:
                reply = StreamedReply(request, answer, keep_alive=keep)
                await reply.run()
            # All that the protocol asks of a response is prepare, write_eof and keep_alive.
            return cast("web.StreamResponse", reply)
        finally:
            self._busy.discard(connection)
            if not self._busy:
                self._idle.set()


class _Server(web.Server):
    """Makes connections whose protocol errors are answered as all others: in JSON, and without a traceback."""

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP request. What was sent is neither shown nor logged.

        Anything else comes out of a handler that was already answering: all that is left is to cut the connection.
        """
        del status, message
        if not isinstance(exc, HttpProcessingError):
            if exc is not None and not isinstance(exc, ConnectionError):
                report_fault(exc, "the sending of an answer")
            raise ConnectionError("the answer has already begun")
        error = InvalidRequestError("this is not a valid HTTP request", error_code="BAD_REQUEST")
        answer = render_error(error, dialect=DATABRICKS, request_id="-")
        return cast("web.StreamResponse", WholeReply(request, answer, keep_alive=False))


def _inbound(request: web.BaseRequest) -> Inbound:
    path, _, query = request.raw_path.partition("?")
    if not path.startswith("/"):  # absolute form, as clients of a proxy send it
        path = request.rel_url.raw_path
    return Inbound(request.method, path, query, request.headers, _Body(request).read)


class _Body:
    """Reads one request's body."""

    __slots__ = ("_request",)

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request

    async def read(self, limit: int) -> bytes:
        """See `Inbound.read`."""
        request = self._request
        length = request.content_length
        if length is not None and length > limit:
            raise BodyTooLargeError
        content = request.content
        if content.is_eof():  # arrived together with its head, as small bodies do
            data = content.read_nowait()
            if len(data) > limit:
                raise BodyTooLargeError
            return data
        if request.headers.get("expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return await _gather(content, limit)


async def _gather(content: StreamReader, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    try:
        while True:
            async with asyncio.timeout(_BODY_PIECE_S):
                piece = await content.readany()
            if not piece:
                return b"".join(pieces)
            size += len(piece)
            if size > limit:
                raise BodyTooLargeError
            pieces.append(piece)
    except TimeoutError:
        raise BodyUnreadableError("the request body did not arrive in time") from None
    except (web.RequestPayloadError, ClientPayloadError):
        raise BodyUnreadableError("the request body is not in its declared encoding") from None
