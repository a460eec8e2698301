"""Framing `sse`: server-sent events, bytes in, events out.

Events end at a blank line, so bytes are cut into blocks at `LF LF` with whole-buffer searches; only a block that is
not a single `data:` line is looked at line by line. CR and CRLF become LF on the way in. What is left of an
unfinished block waits in one buffer, and a read is searched only once, so tiny reads cost no more than large ones.

Stricter than the standard where upstreams need it: `id:` and `retry:` are swallowed, an event whose data is blank is
ignored, and a last event without its blank line is delivered at the end of the message.

Source: WHATWG HTML, section 9.2, "Server-sent events".
"""

from collections.abc import Iterable, Sequence

from xmc.plugins.contract import Framing, FramingError
from xmc.plugins.hookspecs import hookimpl
from xmc.schema import Event

XMC_CONTRACT = 1

MAX_EVENT_BYTES = 8 * 1024 * 1024
"""One event may not be larger than this, its line ends included."""

_BOM = b"\xef\xbb\xbf"


class SseReader:
    """Reads one stream. `feed` and `finish` as in `FrameReader`.

    After an event that is too large the reader is broken: events before it are delivered first.
    """

    __slots__ = ("_after_cr", "_broken", "_limit", "_opening", "_pending")

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._pending = bytearray()
        self._opening: bytes | None = b""  # the first bytes, until it is known whether they are a byte order mark
        self._after_cr = False
        self._broken = False

    def feed(self, data: bytes) -> Sequence[Event]:
        """Return the events that are complete now. Raises `FramingError`."""
        if self._broken:
            raise self._too_large()
        if self._opening is not None:
            data = self._open(data)
        data = self._lines(data)
        if not data:
            return ()
        pending = self._pending
        if pending:
            if b"\n\n" not in data and not (pending[-1] == _LF and data[0] == _LF):
                pending += data
                return self._check(())
            data = bytes(pending) + data
        blocks = data.split(b"\n\n")
        self._pending = bytearray(blocks.pop())
        return self._check(blocks)

    def finish(self) -> Sequence[Event]:
        """Return the last event, if it lacked its blank line. Raises `FramingError` where `feed` still owes it."""
        if self._broken:
            raise self._too_large()
        event = _event_from_block(bytes(self._pending).rstrip(b"\n"))
        self._pending.clear()
        return (event,) if event else ()

    def _open(self, data: bytes) -> bytes:
        """Hold the first bytes back until a byte order mark can be told from text; then drop the mark."""
        data = (self._opening or b"") + data
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._opening = data
            return b""
        self._opening = None
        return data.removeprefix(_BOM)

    def _lines(self, data: bytes) -> bytes:
        """Make every line end LF. A CR counts at once; the LF that may follow in the next read is dropped."""
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    def _check(self, blocks: Iterable[bytes]) -> Sequence[Event]:
        """Make events of complete blocks, and see that neither they nor the pending one are too large."""
        events: list[Event] = []
        for block in blocks:
            if len(block) > self._limit:
                return self._break(events)
            event = _event_from_block(block)
            if event:
                events.append(event)
        size = len(self._pending)
        if size > self._limit and size - self._pending.endswith(b"\n") > self._limit:
            return self._break(events)
        return events

    def _break(self, events: list[Event]) -> Sequence[Event]:
        self._broken = True
        self._pending.clear()
        if events:
            return events
        raise self._too_large()

    def _too_large(self) -> FramingError:
        return FramingError(f"an event of the upstream's stream is larger than {self._limit} bytes")


_LF = 0x0A


def _event_from_block(block: bytes) -> Event | None:
    """Read the lines of one event, without the blank line that ends it; None if it carries no data."""
    if block.startswith(b"data: ") and b"\n" not in block:
        payload = block[6:]
        return None if not payload or payload.isspace() else Event(payload)
    kind = b""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif name == b"event":
            kind = value.removeprefix(b" ")
    payload = b"\n".join(data)
    if not payload or payload.isspace():
        return None
    return Event(payload, kind.decode("utf-8", "replace"))


class Sse:
    """The framing `sse`."""

    name = "sse"
    accept = "text/event-stream"

    def reader(self) -> SseReader:
        """Return a fresh reader for one stream."""
        return SseReader()


@hookimpl
def xmc_framings() -> Iterable[Framing]:
    """Add the framing `sse`."""
    return (Sse(),)
