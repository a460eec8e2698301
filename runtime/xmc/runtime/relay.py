"""Upstream bytes to client bytes, one read at a time, by the relay class of the target.

A relay is synchronous and owns no I/O: `feed` takes what one read gave and returns what to write for it (one write, or
b""), and after the upstream's message ended properly `finish` returns the rest. Neither raises; a stream that cannot
go on leaves its reason in `progress.failure`, and what was returned before that is still good. The upstream's `[DONE]`
is swallowed, and so is all that follows it: the host writes its own when the whole message was seen.

All three classes give the same chunks in JSON terms for an upstream that speaks the canonical form; `exact` and
`scan` keep its bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from xmc.plugins import FrameReader, FramingError
from xmc.schema import Chunk, Event, ProviderError, StreamDecoder

DONE = b"data: [DONE]\n\n"

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder()
_MARK = b"[DONE]"


@dataclass(slots=True)
class Progress:
    """How far one stream has come. `expected` choices must finish for it to be complete."""

    expected: int
    include_usage: bool
    finished: set[int] = field(default_factory=set)
    chunks: int = 0
    usage: Mapping[str, Any] | None = None
    failure: ProviderError | None = None
    done: bool = False
    ending: bytes | None = None
    """The upstream's own end of the stream, where the client gets that."""

    @property
    def complete(self) -> bool:
        """Every expected choice had a finish reason and nothing failed."""
        return self.failure is None and len(self.finished) >= self.expected

    def note(self, chunk: Chunk) -> bool:
        """Take finish reasons and usage from a chunk; False if it is a usage chunk that was not asked for."""
        choices = chunk.get("choices")
        for choice in choices or ():
            if choice.get("finish_reason") and isinstance(index := choice.get("index"), int):
                self.finished.add(index)
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            self.usage = usage
            return self.include_usage or bool(choices)
        return True

    def count(self, prompt: int | None, completion: int | None) -> None:
        """Take usage from a dialect that counts in other terms."""
        self.usage = {"prompt_tokens": prompt, "completion_tokens": completion}

    def garbled(self, why: str) -> None:
        """Fail: what came cannot be read. The first failure stays."""
        if self.failure is None:
            self.failure = ProviderError(0, f"the upstream's stream cannot be read: {why}", garbled=True)


class StreamRelay(Protocol):
    """What all relay classes do."""

    @property
    def progress(self) -> Progress:
        """The state of this stream."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Return the client's bytes for one read."""
        ...

    def finish(self) -> bytes:
        """Return the last bytes, after the upstream's message ended properly."""
        ...


class NormaliseRelay:
    """Every event is decoded by the provider's decoder and encoded anew."""

    __slots__ = ("_decoder", "_reader", "progress")

    def __init__(self, reader: FrameReader, decoder: StreamDecoder, progress: Progress) -> None:
        self._reader = reader
        self._decoder = decoder
        self.progress = progress

    def feed(self, data: bytes) -> bytes:
        """See `StreamRelay`."""
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
        out = bytearray(self._relay(events))
        if self.progress.failure is None:
            self._put(self._decoder.finish(), None, out)
        return bytes(out)

    def _relay(self, events: Iterable[Event]) -> bytes:
        progress = self.progress
        out = bytearray()
        for event in events:
            if progress.done or progress.failure is not None:
                break
            if event.data.strip() == _MARK:
                progress.done = True
            else:
                self._put(self._decoder.feed(event), event, out)
        return bytes(out)

    def _put(self, items: Sequence[Chunk | ProviderError], event: Event | None, out: bytearray) -> None:  # noqa: ARG002 - for `scan`
        for item in items:
            if isinstance(item, ProviderError):
                self.progress.failure = item
                return
            put_chunk(item, self.progress, out)


class ScanRelay(NormaliseRelay):
    """Every event is decoded; one that is canonical already keeps its bytes."""

    __slots__ = ()

    def _put(self, items: Sequence[Chunk | ProviderError], event: Event | None, out: bytearray) -> None:
        if (
            event is None
            or len(items) != 1
            or isinstance(items[0], ProviderError)
            or items[0] != decode_json(event.data)
        ):
            super()._put(items, event, out)
        elif self.progress.note(items[0]):
            put_payload(event.data, self.progress, out)


def put_chunk(chunk: Chunk, progress: Progress, out: bytearray) -> None:
    """Append a canonical chunk as one event, unless it is withheld."""
    if progress.note(chunk):
        out += b"data: "
        _ENCODER.encode_into(chunk, out, -1)
        out += b"\n\n"
        progress.chunks += 1


def put_payload(payload: bytes, progress: Progress, out: bytearray) -> None:
    """Append a JSON text as one event of one line: between tokens a line end is the same as a space."""
    out += b"data: "
    out += payload.replace(b"\n", b" ")
    out += b"\n\n"
    progress.chunks += 1


def decode_json(payload: bytes) -> Any:
    """Return the decoded payload, or None if it is no JSON."""
    try:
        return _DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
