"""A line on the terminal that says what takes so long, gone when it is done."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from xmc.compiler import Progress

PATIENCE_S = 1.0
_STEPS = 100
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


@contextmanager
def watching(
    what: str, *, after_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic
) -> Iterator[Progress]:
    """Show a bar on stderr for work that tells how far it has come, if it takes longer than `after_s`.

    Only on a terminal, never in a file; the bar is gone when the work is done.
    """
    began = clock()
    shown = False
    bar = click.progressbar(length=_STEPS, label=f"xmc: {what}", file=sys.stderr, fill_char="█", empty_char="·")

    def progress(done: float) -> None:
        nonlocal shown
        if sys.stderr.isatty() and (shown or clock() - began > after_s):
            shown = True
            bar.update(max(0, int(done * _STEPS) - bar.pos))

    try:
        yield progress
    finally:
        if shown:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()


def _say(what: str, done: threading.Event, after_s: float) -> None:
    if done.wait(after_s):
        return
    sys.stderr.write(f"xmc: {what} …")
    sys.stderr.flush()
    done.wait()
    sys.stderr.write(_CLEAR)
    sys.stderr.flush()
