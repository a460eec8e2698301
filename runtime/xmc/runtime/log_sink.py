"""Where access-log lines go: a file opened for appending, or standard output."""

import os
import sys

STDOUT = "-"


class LogSink:
    """Writes batches to a file; called from the access log's own thread. A file is made with mode 0640."""

    __slots__ = ("_descriptor",)

    def __init__(self, path: str) -> None:
        self._descriptor = (
            sys.stdout.fileno()
            if path == STDOUT
            else os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        )

    def __call__(self, data: bytes) -> None:
        """Write all of it. Raises `OSError`."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
