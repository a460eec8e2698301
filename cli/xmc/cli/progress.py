"""A line on the terminal that says what takes so long, gone when it is done."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 1.0
_CLEAR = "\r\x1b[K"


@contextmanager
def doing(what: str, *, after_s: float = PATIENCE_S) -> Iterator[None]:
    """Say on stderr what is going on if it takes longer than `after_s`; only on a terminal, never in a file."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    said = threading.Thread(target=_say, args=(what, done, after_s), daemon=True)
    said.start()
    try:
        yield
    finally:
        done.set()
        said.join()


def _say(what: str, done: threading.Event, after_s: float) -> None:
    if done.wait(after_s):
        return
    sys.stderr.write(f"xmc: {what} …")
    sys.stderr.flush()
    done.wait()
    sys.stderr.write(_CLEAR)
    sys.stderr.flush()
