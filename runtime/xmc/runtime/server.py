"""The way in: HTTP/1.1 on aiohttp's low-level server, turned into plain values and back.

No application, no router, no middleware. A whole answer leaves in one write. A stream is written piece by piece to the
transport, waiting where the client reads slowly; a cut stream is flushed and closed without its final chunk. The
handler is cancelled when the client leaves.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.http_exceptions import LineTooLong

from xmc.runtime.body import Body
from xmc.runtime.errors import GatewayError, InvalidRequestError
from xmc.runtime.fault import report_fault
from xmc.runtime.http import Answer, Inbound
from xmc.runtime.reply import StreamedReply, WholeReply

AnswerFunction = Callable[[Inbound], Awaitable[Answer]]
RefuseFunction = Callable[[GatewayError], Answer]

_BACKLOG = 1024
# How long a new connection may take to send its first request's head; later ones have the idle limit.
_FIRST_HEAD_S = 60.0
# How long the rest of a refused body is read and thrown away, so that the client gets to see the answer.
_LINGER_S = 10.0
_HEADER_BYTES = 16 * 1024
_REFUSED = 400


class HttpServer:
    """Serves `answer` on one address, and answers by `refuse` what is no HTTP request. Made on the running loop."""

    def __init__(self, answer: AnswerFunction, refuse: RefuseFunction, *, keepalive_s: float) -> None:
        self._answer = answer
        self._busy: set[web.RequestHandler] = set()
        self._streams: set[asyncio.Task[Any]] = set()
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
            auto_decompress=False,
        )
        self._server.refuse = refuse

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
        if self._streams:
            # While their connections are still open, so that each can say that it is not whole.
            for stream in self._streams:
                stream.cancel()
            await asyncio.wait(self._streams, timeout=1)
        await self._server.shutdown(0.1)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        self._busy.add(connection)
        try:
            answer = await self._answer(_inbound(request))
            keep = request.keep_alive and not self._closing and not _awaits_continue(request, answer)
            if answer.stream is None:
                reply: WholeReply | StreamedReply = WholeReply(request, answer, keep_alive=keep)
            else:
                reply = StreamedReply(request, answer, keep_alive=keep)
                await self._run(reply)
            # All that the protocol asks of a response is prepare, write_eof and keep_alive.
            return cast("web.StreamResponse", reply)
        finally:
            self._busy.discard(connection)
            if not self._busy:
                self._idle.set()

    async def _run(self, reply: StreamedReply) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a handler runs in a task")
        self._streams.add(task)
        try:
            await reply.run()
        finally:
            self._streams.discard(task)


class _Server(web.Server):
    """Makes connections whose protocol errors are answered as all others: in JSON, and without a traceback."""

    refuse: RefuseFunction

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ("_refuse",)

    def __init__(self, server: _Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._refuse = server.refuse

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head, which has a limit of its own."""
        super().connection_made(transport)
        if self._keepalive_handle is not None and self._keepalive_timeout > _FIRST_HEAD_S:
            self._keepalive_handle.cancel()
            self._next_keepalive_close_time = self._loop.time() + _FIRST_HEAD_S
            self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)

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
        what = "a line of its head is too long" if isinstance(exc, LineTooLong) else "it is malformed"
        answer = self._refuse(
            InvalidRequestError(f"this is not a valid HTTP request: {what}", error_code="BAD_REQUEST")
        )
        return cast("web.StreamResponse", WholeReply(request, answer, keep_alive=False))

    def log_exception(self, *args: Any, **options: Any) -> None:
        """Say where aiohttp met something unexpected, in our form: its own shows the exception's words."""
        del args
        error = options.get("exc_info")
        if isinstance(error, BaseException):
            report_fault(error, "a client's connection")


def _awaits_continue(request: web.BaseRequest, answer: Answer) -> bool:
    """Tell whether a refused client still holds its body back: its connection cannot carry another request."""
    return answer.status >= _REFUSED and "expect" in request.headers and not request.content.is_eof()


def _inbound(request: web.BaseRequest) -> Inbound:
    path, _, query = request.raw_path.partition("?")
    if not path.startswith("/"):  # absolute form, as clients of a proxy send it
        path = request.rel_url.raw_path
    return Inbound(request.method, path, query, request.headers, Body(request).read)
