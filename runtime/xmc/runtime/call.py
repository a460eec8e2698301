"""One request while it is served: what came in, what was found out about it, and how it ends."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from xmc.runtime.callers import Caller
from xmc.runtime.dialect import Dialect
from xmc.runtime.errors import ShuttingDownError
from xmc.runtime.generation import Generation
from xmc.runtime.http import Answer, Headers, Inbound
from xmc.runtime.record import RequestRecord

_CLIENT_CLOSED = 499


@dataclass(slots=True)
class Call:
    """A request under way. `began` is on the monotonic clock; `passed` are upstream headers for the client."""

    inbound: Inbound
    record: RequestRecord
    generation: Generation
    dialect: Dialect
    began: float
    observe: Callable[[RequestRecord], None] = field(repr=False)
    caller: Caller | None = None
    passed: Headers = ()
    _over: bool = False

    @property
    def request_id(self) -> str:
        """The id that client, log and upstream errors share."""
        return self.record.request_id

    def finish(self, answer: Answer) -> Answer:
        """Return the answer as it goes out: with the request's headers, and accounted for when it has gone."""
        record = self.record
        record.status = answer.status
        headers = answer.headers
        if record.entity is not None:
            headers = (*headers, ("served-model-name", record.entity), *self.passed)
        record.streamed = answer.stream is not None
        if record.first_byte_s is None:
            record.first_byte_s = time.perf_counter() - self.began
        return Answer(answer.status, headers, answer.body, answer.stream, self.end, self.last_words)

    def last_words(self) -> bytes:
        """Return the event that ends a stream when the gateway goes down under it."""
        error = ShuttingDownError()
        return self.dialect.error_event(error, self.dialect.status_of(error), self.request_id)

    def end(self, ok: bool, bytes_out: int) -> None:
        """Account for the request, once: the answer was sent, the client left, or the stream was cut."""
        if self._over:
            return
        self._over = True
        record = self.record
        record.bytes_out = bytes_out
        record.duration_s = time.perf_counter() - self.began
        if not ok and record.outcome == "ok":
            record.outcome = "cancelled"
        self.observe(record)

    def cancel(self) -> None:
        """Account for a client that left before there was an answer."""
        self.record.status = _CLIENT_CLOSED
        self.record.outcome = "cancelled"
        self.end(ok=False, bytes_out=0)
