"""Framing `aws-event-stream`: binary messages, each with headers and two checksums; bytes in, events out.

A message is: its length and that of its headers (4 bytes each, big endian), a CRC-32 of these 8 bytes, the headers, the
payload, and a CRC-32 of all before it. A header is a name and a value of one of ten types.

    :message-type event      Event(payload, kind=:event-type)
    :message-type exception  Event(payload, kind="exception/" + :exception-type)
    :message-type error      Event(:error-message, kind="error/" + :error-code)

Source: Smithy, "Event Stream Specification", `application/vnd.amazon.eventstream`.
"""

import struct
from binascii import crc32
from collections.abc import Sequence

from xmc.plugins.contract import FramingError
from xmc.schema import Event

MAX_MESSAGE_BYTES = 24 * 1024 * 1024
"""One message may not be larger than this: AWS allows 16 MiB of payload and 128 KiB of headers."""

_PRELUDE = struct.Struct("!III")
_UINT = struct.Struct("!I")
_OVERHEAD = _PRELUDE.size + _UINT.size
_STRING = 7
# Types of headers with values of a fixed size; 6 and 7 carry their length.
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_COUNTED = frozenset({6, _STRING})


class EventStreamReader:
    """Reads one stream. `feed` and `finish` as in `FrameReader`."""

    __slots__ = ("_limit", "_pending")

    def __init__(self, limit: int = MAX_MESSAGE_BYTES) -> None:
        self._limit = limit
        self._pending = bytearray()

    def feed(self, data: bytes) -> Sequence[Event]:
        """Return the events of the messages that are whole now. Raises `FramingError`; events before it come first."""
        pending = self._pending
        pending += data
        events: list[Event] = []
        start, end = 0, len(pending)
        view = memoryview(pending)
        try:
            while end - start >= _PRELUDE.size:
                size = self._size(view, start)
                if end - start < size:
                    break
                events.append(_event_from_message(bytes(view[start : start + size])))
                start += size
        except FramingError:
            if not events:
                raise
            # What is good goes on first; the next call, or `finish`, meets the fault again.
        finally:
            view.release()
        del pending[:start]
        return events

    def finish(self) -> Sequence[Event]:
        """Return nothing: every message is whole, or the stream was cut. Raises `FramingError`."""
        if self._pending:
            self.feed(b"")
            raise FramingError("the upstream's stream ends within a message")
        return ()

    def _size(self, data: memoryview, start: int) -> int:
        size, headers, checksum = _PRELUDE.unpack_from(data, start)
        if crc32(data[start : start + 8]) != checksum:
            raise FramingError("a message of the upstream's stream has a prelude with a wrong checksum")
        if size > self._limit:
            raise FramingError(f"a message of the upstream's stream is larger than {self._limit} bytes")
        if size < headers + _OVERHEAD:
            raise FramingError("a message of the upstream's stream is smaller than its headers")
        return int(size)


def _event_from_message(message: bytes) -> Event:
    (checksum,) = _UINT.unpack_from(message, len(message) - _UINT.size)
    if crc32(message[: -_UINT.size]) != checksum:
        raise FramingError("a message of the upstream's stream has a wrong checksum")
    end = _PRELUDE.size + _UINT.unpack_from(message, 4)[0]
    headers = _strings(message, _PRELUDE.size, end)
    payload = message[end : -_UINT.size]
    match headers.get(":message-type", "event"):
        case "event":
            return Event(payload, headers.get(":event-type", ""))
        case "exception":
            return Event(payload, f"exception/{headers.get(':exception-type', '')}")
        case "error":
            return Event(headers.get(":error-message", "").encode(), f"error/{headers.get(':error-code', '')}")
        case other:
            return Event(payload, f"{other}/")


def _strings(message: bytes, start: int, end: int) -> dict[str, str]:
    """Return the headers whose values are text; all must be well formed. Raises `FramingError`."""
    found: dict[str, str] = {}
    at = start
    try:
        while at < end:
            named = at + 1 + message[at]
            kind = message[named]
            value = named + 1
            if kind in _COUNTED:
                value += 2
                size = int.from_bytes(message[value - 2 : value], "big")
            else:
                size = _SIZES[kind]
            if value + size > end:
                break
            if kind == _STRING:
                found[message[at + 1 : named].decode()] = message[value : value + size].decode()
            at = value + size
    except (KeyError, IndexError, UnicodeDecodeError):
        at = -1
    if at != end:
        raise FramingError("a message of the upstream's stream has headers that cannot be read")
    return found


class EventStream:
    """The framing `aws-event-stream`."""

    name = "aws-event-stream"
    accept = "application/vnd.amazon.eventstream"

    def reader(self) -> EventStreamReader:
        """Return a fresh reader for one stream."""
        return EventStreamReader()
