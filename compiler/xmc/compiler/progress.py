"""How far a compile has come, for whoever wants to watch it."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Progress = Callable[[float], None]
"""Is told how much of the work is done, from 0 to 1, never less than before."""

T = TypeVar("T")
_OFTEN = 64
"""Items between two reports: a compile should not wait for its watcher."""


def unwatched(done: float) -> None:
    """Nobody watches."""


def part(progress: Progress, start: float, end: float) -> Progress:
    """Return the progress of a part of the work, which itself goes from 0 to 1.

    >>> part(print, 0.5, 1.0)(0.5)
    0.75
    """
    if progress is unwatched:
        return unwatched
    return lambda done: progress(start + (end - start) * done)


def watched(items: Sequence[T], progress: Progress) -> Iterator[T]:
    """Yield the items, and tell how many of them are done."""
    for place, item in enumerate(items):
        if not place % _OFTEN:
            progress(place / len(items))
        yield item
    progress(1.0)
