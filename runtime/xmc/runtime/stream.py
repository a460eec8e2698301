"""A streamed answer, from the upstream's call to the client's last byte.

    stream = await open_stream(send, plan, record)      # raises GatewayError: answer with its status
    Answer(200, STREAM_HEADERS, stream=stream)

`open_stream` looks at status, content type and the first event before anything goes out, so that a failure still gets
a proper status. If the upstream takes longer than `hold_s`, it returns anyway; the stream then gives blank lines until
the first event (the mlflow client dies of SSE comments).

A stream is complete when every choice had a finish reason and the upstream's message ended properly: `[DONE]`.
Otherwise it gives one error event and raises `StreamCutError`; never `[DONE]`, and nothing after the error.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from xmc.plugins import Framing
from xmc.runtime.dialect import Dialect
from xmc.runtime.errors import (
    GatewayError,
    InternalError,
    UpstreamError,
    UpstreamTimeoutError,
    from_provider_error,
    request_id_of,
)
from xmc.runtime.fault import report_fault
from xmc.runtime.http import Headers, StreamCutError
from xmc.runtime.record import RequestRecord
from xmc.runtime.relay import Progress, StreamRelay
from xmc.runtime.upstream import UpstreamReply
from xmc.schema import Exchange, ProviderError, Relay, Response, Secret, Task, WireReply

STREAM_HEADERS: Headers = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache"),
    ("x-accel-buffering", "no"),
)
"""What every streamed answer carries, beside the request's own headers."""

KEEPALIVE_S = 5.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A whole answer may be as large as this, where the upstream sends one in place of a stream."""

MAX_ERROR_BYTES = 1024 * 1024

_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """All that is known about one stream before it begins. Times are seconds.

    `exchange` has exactly one call and a decoder. `include_usage` is whether the client asked for the usage chunk.
    `first_byte_s` bounds the time until the first event; the upstream itself sees to the idle and the total limit.
    `secrets` are kept out of upstream error texts.
    """

    exchange: Exchange
    framing: Framing
    relay: Relay
    task: Task
    entity: str
    dialect: Dialect
    include_usage: bool = False
    hold_s: float = 30.0
    first_byte_s: float = 300.0
    keepalive_s: float = KEEPALIVE_S
    secrets: tuple[Secret, ...] = ()


async def open_stream(
    send: Callable[[], Awaitable[UpstreamReply]], plan: StreamPlan, record: RequestRecord
) -> "ClientStream":
    """Make the call and return the client's stream when its first bytes are here, or after `hold_s`.

    `record` gets the upstream's status and request id, chunk count and usage, and `cut` as its outcome where the
    stream fails after its beginning. Cancelling lets go of the upstream at once.

    Raises:
        GatewayError: the call failed before anything went out; nothing is left open.
    """
    stream = ClientStream(send, plan, record)
    try:
        await stream.begin()
    except BaseException:
        stream.close()
        raise
    return stream


class ClientStream(AsyncIterator[bytes]):
    """The client's bytes. Whoever got it calls `aclose` when done, also if it was never iterated."""

    def __init__(self, send: Callable[[], Awaitable[UpstreamReply]], plan: StreamPlan, record: RequestRecord) -> None:
        self._send = send
        self._plan = plan
        self._record = record
        self._reply: UpstreamReply | None = None
        self._rest: AsyncIterator[bytes] | None = None
        self._progress = Progress(plan.exchange.choices, plan.include_usage)
        self._relay = _make_relay(plan, self._progress)
        self._first: asyncio.Task[bytes] = asyncio.ensure_future(self._until_first())
        self._body = self._generate()

    def __anext__(self) -> Coroutine[Any, Any, bytes]:
        """Return the next bytes to write, never empty. Raises `StreamCutError` after the last ones of a failure."""
        return self._body.__anext__()

    async def begin(self) -> None:
        """Wait for the first bytes, at most `hold_s`. Raises `GatewayError`."""
        done, _ = await asyncio.wait({self._first}, timeout=self._plan.hold_s)
        if done:
            self._first.result()

    async def aclose(self) -> None:
        """Stop, wherever it stands, and let go of the upstream at once. Idempotent."""
        self.close()
        await self._body.aclose()
        if isinstance(self._rest, AsyncGenerator):
            await self._rest.aclose()

    def close(self) -> None:
        """Let go of the upstream at once. Idempotent."""
        if not self._first.done():
            self._first.cancel()
        elif not self._first.cancelled():
            self._first.exception()  # seen: asyncio shall not complain of it
        if self._reply is not None:
            self._reply.close()

    async def _generate(self) -> AsyncGenerator[bytes, None]:
        """Give the client's bytes: blank lines while nothing is here, then what the relay makes, then the end."""
        progress, relay = self._progress, self._relay
        try:
            while not self._first.done():
                yield b"\n"
                await asyncio.wait({self._first}, timeout=self._plan.keepalive_s)
            yield self._first.result()
            if self._rest is not None and progress.failure is None:
                async for data in self._rest:
                    if out := relay.feed(data):
                        yield out
                    if progress.failure is not None:
                        break
                else:
                    if out := relay.finish():
                        yield out
            yield self._end()
        except GatewayError as error:
            yield self._cut(error)
            raise StreamCutError from error
        except Exception as error:  # a plugin that breaks its word must not break the client's view
            report_fault(error, f"request {self._record.request_id}")
            yield self._cut(InternalError())
            raise StreamCutError from error
        finally:
            note_progress(self._progress, self._record)
            self.close()

    def _cut(self, error: GatewayError) -> bytes:
        self._record.outcome = "cut"
        self._record.error_code = error.error_code
        dialect = self._plan.dialect
        return dialect.error_event(error, dialect.status_of(error), self._record.request_id)

    def _end(self) -> bytes:
        """Return what ends the stream (`[DONE]`) if it is complete. Raises `GatewayError`."""
        if self._progress.failure is not None:
            raise self._failed(self._progress.failure)
        if not self._progress.complete:
            raise UpstreamError("the upstream ended its answer before it was complete", code="stream_incomplete")
        return self._progress.ending or self._plan.dialect.ending

    async def _until_first(self) -> bytes:
        """Make the call and return the first bytes for the client. Raises `GatewayError`."""
        began = time.perf_counter()
        try:
            return await self._first_bytes()
        finally:
            self._record.upstream_s = time.perf_counter() - began

    async def _first_bytes(self) -> bytes:
        try:
            async with asyncio.timeout(self._plan.first_byte_s) as limit:
                reply = self._reply = await self._send()
                self._record.upstream_status = reply.status
                self._record.upstream_request_id = request_id_of(reply.headers, self._plan.secrets)
                if reply.status == _OK and self._is_stream(reply.headers):
                    return await self._first_event(reply)
                limit.reschedule(None)
                return self._replay(await self._read_whole(reply), reply)
        except TimeoutError:
            raise UpstreamTimeoutError("first_byte") from None

    def _is_stream(self, headers: Mapping[str, str]) -> bool:
        """Take what does not name itself as a stream; JSON and pages are whole answers."""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind == self._plan.framing.accept or not ("json" in kind or "html" in kind or "xml" in kind)

    async def _first_event(self, reply: UpstreamReply) -> bytes:
        self._rest = reply.chunks()
        async for data in self._rest:
            if out := self._relay.feed(data):
                return out
            if self._progress.failure is not None:
                raise self._failed(self._progress.failure)
        self._rest = None
        out = self._relay.finish()
        if not out:
            self._end()
            raise UpstreamError("the upstream's stream holds no event", code="stream_incomplete")
        return out

    async def _read_whole(self, reply: UpstreamReply) -> WireReply:
        """Read an answer that is no stream. Of an error only the status is sure to matter."""
        if reply.status == _OK:
            return WireReply(reply.status, reply.headers, await reply.read(MAX_ANSWER_BYTES))
        try:
            return WireReply(reply.status, reply.headers, await reply.read(MAX_ERROR_BYTES))
        except GatewayError:
            return WireReply(reply.status, reply.headers, b"")

    def _replay(self, whole: WireReply, reply: UpstreamReply) -> bytes:
        reply.close()
        decoded = self._plan.exchange.decode((whole,))
        if isinstance(decoded, ProviderError):
            raise self._failed(decoded)
        out = self._plan.dialect.replay(decoded.body, self._plan.task, self._progress)
        self._end()
        return out

    def _failed(self, error: ProviderError) -> GatewayError:
        plan = self._plan
        headers: Mapping[str, str] = self._reply.headers if self._reply is not None else {}
        failure = from_provider_error(error, entity=plan.entity, headers=headers, secrets=plan.secrets)
        self._record.upstream_request_id = failure.upstream_request_id or self._record.upstream_request_id
        return failure


async def replay_stream(  # noqa: PLR0913 - the whole of one answer
    response: Response, *, dialect: Dialect, task: Task, choices: int, include_usage: bool, record: RequestRecord
) -> AsyncGenerator[bytes, None]:
    """Give a whole answer as a stream, for an exchange that has no decoder."""
    progress = Progress(choices, include_usage)
    out = dialect.replay(response.body, task, progress)
    note_progress(progress, record)
    yield out + dialect.ending


def note_progress(progress: Progress, record: RequestRecord) -> None:
    """Write chunk count and usage of a stream into the request's record."""
    record.chunks = progress.chunks
    usage = progress.usage or {}
    for name in ("prompt_tokens", "completion_tokens"):
        count = usage.get(name)
        if isinstance(count, int):
            setattr(record, name, count)


def _make_relay(plan: StreamPlan, progress: Progress) -> StreamRelay:
    decoder = plan.exchange.decoder
    if decoder is None:
        raise TypeError("an exchange without a decoder does not stream")
    return plan.dialect.make_relay(plan.framing, plan.relay, decoder, progress)
