"""Upstream replies without a network, and streams opened on them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.streams import PLUGINS, events_of, exchange

from xmc.runtime.dialect import OPENAI
from xmc.runtime.errors import UpstreamBrokenError
from xmc.runtime.http import StreamCutError
from xmc.runtime.record import RequestRecord
from xmc.runtime.stream import ClientStream, StreamPlan, open_stream
from xmc.schema import Relay, Task

SSE = {"content-type": "text/event-stream; charset=utf-8"}
JSON = {"content-type": "application/json"}

Step = bytes | Exception | asyncio.Event


@dataclass
class Reply:
    """An upstream's reply, step by step: bytes, an error, or a wait."""

    steps: Sequence[Step]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: SSE)
    closed: bool = False

    async def read(self, limit: int) -> bytes:
        body = b"".join([piece async for piece in self.chunks()])
        if len(body) > limit:
            raise UpstreamBrokenError
        return body

    async def chunks(self) -> AsyncIterator[bytes]:
        for step in self.steps:
            if isinstance(step, asyncio.Event):
                await step.wait()
            elif isinstance(step, Exception):
                raise step
            else:
                yield step

    def close(self) -> None:
        self.closed = True


def plan(kind: Relay = Relay.NORMALISE, **changes: Any) -> StreamPlan:
    settings: dict[str, Any] = {
        "exchange": exchange(),
        "framing": PLUGINS.framings["sse"],
        "relay": kind,
        "task": Task.CHAT,
        "entity": "gpt-entity",
        "dialect": OPENAI,
        "hold_s": 5.0,
    }
    return StreamPlan(**{**settings, **changes})


def record() -> RequestRecord:
    return RequestRecord(request_id="r1", started_at=0.0, method="POST", path="/x")


async def opened(reply: Reply, one: StreamPlan, noted: RequestRecord | None = None) -> ClientStream:
    async def send() -> Reply:
        return reply

    return await open_stream(send, one, noted or record())


async def collect(stream: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    """Return all bytes and whether the stream was cut."""
    out = b""
    try:
        async for piece in stream:
            assert piece
            out += piece
    except StreamCutError:
        return out, True
    return out, False


def assert_cut(out: bytes, good: Sequence[Any]) -> dict[str, Any]:
    """Check that what was good came, then exactly one error event, then nothing; return that event."""
    *chunks, last = events_of(out)
    assert chunks == list(good)
    assert set(last) == {"error", "error_code", "message"}
    assert last["error"]["message"] == last["message"]
    assert b"[DONE]" not in out
    found: dict[str, Any] = last
    return found
