"""The framing `answer-box-lines`: an event is a line of JSON. Lines end in LF; empty ones mean nothing."""

from collections.abc import Sequence

from xmc.plugins import FramingError
from xmc.schema import Event

LIMIT = 1024 * 1024
"""Bytes of one line, at most."""


class Lines:
    """The framing."""

    name = "answer-box-lines"
    accept = "application/x-answer-box-lines"

    def reader(self) -> "LineReader":
        """Return a reader for one stream."""
        return LineReader()


class LineReader:
    """Keeps the bytes of the line that is not whole yet."""

    def __init__(self) -> None:
        self.kept = bytearray()

    def feed(self, data: bytes) -> Sequence[Event]:
        """Return the lines that are whole now. Raises `FramingError`."""
        self.kept += data
        *lines, rest = self.kept.split(b"\n")
        self.kept = rest
        if len(rest) > LIMIT or any(len(line) > LIMIT for line in lines):
            raise FramingError(f"a line is longer than {LIMIT} bytes")
        return [Event(bytes(line)) for line in lines if line.strip()]

    def finish(self) -> Sequence[Event]:
        """Refuse a last line without its end: nobody knows whether it is whole. Raises `FramingError`."""
        if self.kept.strip():
            raise FramingError("the last line has no end")
        return ()
