"""The relay of the dialect `messages`: every event goes to the client as it came, its JSON byte for byte.

Events are looked at for three things only: whether the stream is complete, what it used, and whether it failed. An
event without `event:` gets it from its `type`, which this dialect's clients need. The upstream's `message_stop` is
held back: the host writes it when the whole HTTP message was seen, so no client takes a cut stream for complete. Pings
in front of the first event are held until that is here, because it may be an error, which still gets its status then.

A read of whole deltas and nothing else, which is nearly every read, passes as one write, in a quarter of the time.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from xmc.plugins import FrameReader, FramingError
from xmc.runtime.messages import tokens, write_event
from xmc.runtime.relay import Progress
from xmc.schema import Event, ProviderError, StreamDecoder


class _Message(msgspec.Struct, gc=False):
    usage: dict[str, Any] | None = None


class _Probe(msgspec.Struct, gc=False):
    """What is looked at in an event."""

    type: str
    message: _Message | None = None
    usage: dict[str, Any] | None = None


_PROBE = msgspec.json.Decoder(_Probe)
_KINDS = frozenset({
    "message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta",
    "content_block_stop", "ping",
})  # fmt: skip


_DELTA = "content_block_delta"
_PLAIN = f"event: {_DELTA}\ndata: ".encode()


class MessagesRelay:
    """See the module. The provider's decoder is asked about everything that is no event of the dialect."""

    __slots__ = ("_begun", "_counts", "_decoder", "_held", "_reader", "_whole", "progress")

    def __init__(self, reader: FrameReader, decoder: StreamDecoder, progress: Progress) -> None:
        self._reader = reader
        self._decoder = decoder
        self.progress = progress
        self._counts: dict[str, Any] = {}
        self._held = b""
        self._begun = False
        self._whole = False

    def feed(self, data: bytes) -> bytes:
        """See `StreamRelay`."""
        if self._begun and self._whole and not self.progress.done and (count := _plain_deltas(data)):
            self.progress.chunks += count
            return data
        # After this the reader keeps nothing back.
        self._whole = data.endswith(b"\n\n") and b"\r" not in data
        try:
            events = self._reader.feed(data)
        except FramingError as error:
            self.progress.garbled(str(error))
            return b""
        return self._relay(events)

    def finish(self) -> bytes:
        """See `StreamRelay`."""
        try:
            events = self._reader.finish()
        except FramingError as error:
            self.progress.garbled(str(error))
            return b""
        return self._relay(events)

    def _relay(self, events: Iterable[Event]) -> bytes:
        progress = self.progress
        out = bytearray()
        for event in events:
            if progress.done or progress.failure is not None:
                break
            probe = _probe(event)
            if probe is None or probe.type not in _KINDS:
                self._ask(event, out)
            else:
                self._pass(probe, event, out)
        return bytes(out)

    def _pass(self, probe: _Probe, event: Event, out: bytearray) -> None:
        progress = self.progress
        written = write_event(probe.type, event.data)
        if probe.type == "message_stop":
            progress.ending = written
            progress.done = True
            progress.finished.add(0)
            return
        if not self._begun and probe.type == "ping":
            self._held += written
            return
        counts = probe.usage or (probe.message.usage if probe.message is not None else None)
        if counts is not None:
            self._count(counts)
        self._put(written, out)

    def _ask(self, event: Event, out: bytearray) -> None:
        """Let the provider say what this is: an error, nothing that can be read, or an event newer than this code."""
        for item in self._decoder.feed(event):
            if isinstance(item, ProviderError):
                self.progress.failure = item
                return
            kind = event.kind or item.get("type")
            if isinstance(kind, str) and kind.isidentifier():
                self._put(write_event(kind, event.data), out)

    def _put(self, written: bytes, out: bytearray) -> None:
        if not self._begun:
            self._begun = True
            out += self._held
            self._held = b""
        out += written
        self.progress.chunks += 1

    def _count(self, counts: dict[str, Any]) -> None:
        """Take what an event says of usage: the counts are totals, and replace those before them."""
        self._counts |= {name: count for name, count in counts.items() if count is not None}
        self.progress.count(*tokens(self._counts))


def _plain_deltas(data: bytes) -> int:
    """Return how many events these are if all are whole deltas as the API itself writes them, else 0."""
    if not data.startswith(_PLAIN) or not data.endswith(b"\n\n") or b"\r" in data:
        return 0
    payloads = data[len(_PLAIN) : -2].split(b"\n\n" + _PLAIN)
    count = len(payloads)
    if data.count(b"\n") != 3 * count:
        return 0
    try:
        if not data.isascii():
            data.decode()
        for payload in payloads:
            probe = _PROBE.decode(payload)
            if probe.type != _DELTA or probe.usage is not None:
                return 0
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0
    return count


def _probe(event: Event) -> _Probe | None:
    """Return what is looked at in an event, or None if it is not JSON of this dialect."""
    if event.kind == "error":
        return None
    try:
        if not event.data.isascii():
            event.data.decode()
        return _PROBE.decode(event.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
