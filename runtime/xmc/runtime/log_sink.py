"""Where access-log lines go: a file opened for appending, or standard output.

A file that was renamed or removed, as log rotation does, is made anew; one that was cut short in place is gone on with.
"""

import os
import sys
from contextlib import suppress

STDOUT = "-"


class LogSink:
    """Writes batches to a file; called from the access log's own thread. A file is made with mode 0640."""

    __slots__ = ("_descriptor", "_path")

    def __init__(self, path: str) -> None:
        self._path = None if path == STDOUT else path
        self._descriptor = sys.stdout.fileno() if path == STDOUT else _open(path)

    def __call__(self, data: bytes) -> None:
        """Write all of it. Raises `OSError`."""
        if self._path is not None and self._is_rotated(self._path):
            self._reopen(self._path)
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def close(self) -> None:
        """Close the file; standard output stays open."""
        if self._path is not None:
            os.close(self._descriptor)

    def _is_rotated(self, path: str) -> bool:
        try:
            there = os.stat(path)  # noqa: PTH116 - several times a second
        except OSError:
            return True
        ours = os.fstat(self._descriptor)
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _reopen(self, path: str) -> None:
        # Where no new file can be made, the old one takes the lines: they are not lost.
        with suppress(OSError):
            descriptor = _open(path)
            os.close(self._descriptor)
            self._descriptor = descriptor


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
