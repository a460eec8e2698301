"""The relay class `exact`: events of an upstream that speaks the canonical form pass as bytes.

A read that holds whole, plain `data: {…}` events in which nothing happens but text (no finish reason, no usage, no
error) passes as one write. Each event is run through a typed decoder that skips what is not looked at: that costs less
than a search for each word, and finds what is no JSON. Anything else goes through the framing's reader event by event:
comments, `event:`, `id:` and `retry:` lines fall away, CRLF becomes LF, and the event is decoded whole.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from xmc.plugins import FrameReader, FramingError
from xmc.runtime.relay import Progress, decode_json, put_chunk, put_payload
from xmc.schema import Chunk, Event, ProviderError, StreamDecoder

_PATIENCE = 64 * 1024
"""An event that grows beyond this many bytes is left to the reader, which bounds it and does not search it again."""


class _Choice(msgspec.Struct, gc=False):
    finish_reason: str | None = None


class _Probe(msgspec.Struct, gc=False):
    """What is looked at in a plain event."""

    choices: list[_Choice]
    usage: Any = None
    error: Any = None


_PROBE = msgspec.json.Decoder(_Probe)


class ExactRelay:
    """See the module. `decoder` makes a fresh decoder, which is asked only about events that look wrong."""

    __slots__ = ("_begun", "_careful", "_decoder", "_pending", "_reader", "progress")

    def __init__(self, reader: FrameReader, decoder: Callable[[], StreamDecoder], progress: Progress) -> None:
        self._reader = reader
        self._decoder = decoder
        self.progress = progress
        self._pending = b""
        self._begun = False
        self._careful = False

    def feed(self, data: bytes) -> bytes:
        """See `StreamRelay`."""
        if self._careful:
            return self._read(data)
        if self._pending:
            data = self._pending + data
            self._pending = b""
        end = data.rfind(b"\n\n") + 2
        if b"\r" in data or (end == 1 and len(data) > _PATIENCE):
            self._careful = True
            return self._read(data)
        if end != len(data):
            if end == 1:
                self._pending = data
                return b""
            data, self._pending = data[:end], data[end:]
        if self._begun and not self.progress.done and (count := _plain_events(data)):
            self.progress.chunks += count
            return data
        # The block ends in a blank line and holds no CR, so the reader keeps nothing of it back.
        return self._read(data)

    def finish(self) -> bytes:
        """See `StreamRelay`."""
        out = bytearray(self._read(self._pending))
        try:
            events = self._reader.finish()
        except FramingError as error:
            self.progress.garbled(str(error))
        else:
            self._relay(events, out)
        return bytes(out)

    def _read(self, data: bytes) -> bytes:
        out = bytearray()
        try:
            events = self._reader.feed(data)
        except FramingError as error:
            self.progress.garbled(str(error))
        else:
            self._relay(events, out)
        return bytes(out)

    def _relay(self, events: Iterable[Event], out: bytearray) -> None:
        progress = self.progress
        for event in events:
            if progress.done or progress.failure is not None:
                return
            if event.data.strip() == b"[DONE]":
                progress.done = True
            else:
                self._begun = True
                self._look(event, out)

    def _look(self, event: Event, out: bytearray) -> None:
        """Pass one event that is not plain: the first one, a finish, usage, an error."""
        chunk = decode_json(event.data)
        if not _is_chunk(chunk) or event.kind == "error":
            self._ask(event, out)
        elif chunk["choices"] and isinstance(chunk.get("usage"), dict):
            _split_usage(chunk, self.progress, out)
        elif self.progress.note(chunk):
            put_payload(event.data, self.progress, out)

    def _ask(self, event: Event, out: bytearray) -> None:
        """Let the provider's decoder say what an event is that is no plain chunk: an error, most likely."""
        for item in self._decoder().feed(event):
            if isinstance(item, ProviderError):
                self.progress.failure = item
                return
            put_chunk(item, self.progress, out)


def _is_chunk(value: Any) -> bool:
    """Tell whether a decoded event has the shape of a chunk and carries no error."""
    if not isinstance(value, dict) or value.get("error") is not None:
        return False
    choices = value.get("choices")
    return isinstance(choices, list) and all(isinstance(choice, dict) for choice in choices)


def _split_usage(chunk: Chunk, progress: Progress, out: bytearray) -> None:
    """Give usage that came beside choices its own chunk, as the canonical form has it."""
    put_chunk({**chunk, "usage": None}, progress, out)
    put_chunk({**chunk, "choices": []}, progress, out)


def _plain_events(data: bytes) -> int:
    """Return how many events these are if all are plain, else 0. `data` holds no CR and ends in a blank line."""
    if not data.startswith(b"data: {") or not (data.isascii() or _is_utf8(data)):
        return 0
    payloads = data[6:-2].split(b"\n\ndata: ")
    count = len(payloads)
    if data.count(b"\n") != 2 * count:
        return 0
    try:
        for payload in payloads:
            probe = _PROBE.decode(payload)
            if probe.usage is not None or probe.error is not None or not probe.choices:
                return 0
            for choice in probe.choices:
                if choice.finish_reason is not None:
                    return 0
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0
    return count


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
