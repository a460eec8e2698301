"""The source line under a diagnostic: masked, cut to the width of the terminal, and what of it to underline. Pure."""

import unicodedata
from collections.abc import Container, Iterable, Sequence

import msgspec

from xmc.compiler.mask import STRUCK, struck_out, struck_variable
from xmc.schema import Span

WIDTH = 160
"""Columns that a source line may take."""

_NARROWEST = 20
_LONGEST_READ = 4096
"""What stands further to the right is not shown; the whole line would have to be understood to mask it."""


class Excerpt(msgspec.Struct, frozen=True):
    """A line to print, and the columns of its underline: how many come before it, and how many it takes."""

    line: str
    before: int
    under: int


class _Cell(msgspec.Struct, frozen=True):
    """One character of the source as it is printed: one or more characters, or none."""

    text: str
    columns: int


def excerpt(span: Span, lines: Sequence[bytes], width: int = WIDTH, variables: Container[int] = ()) -> Excerpt | None:
    """Return the line in which a span begins, or None if it cannot be shown.

    `variables` are the positions of lines that hold variables, of which values are not shown. Columns are those of a
    terminal: wide characters take two, combining ones none.
    """
    if not 0 < span.line <= len(lines):
        return None
    raw = lines[span.line - 1].decode("utf-8", "replace")
    line = visible(raw[:_LONGEST_READ].replace("\t", " ")).rstrip()
    start = span.column - 1
    if start >= _LONGEST_READ:
        return None
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    cells = _cells(line, struck_variable(line) if span.line - 1 in variables else struck_out(line))
    start = min(start, len(cells))
    return _window(cells, start, max(start, min(end, len(cells))), max(width, _NARROWEST))


def visible(text: str) -> str:
    """Replace control characters, so that a spec cannot steer the terminal; a line stays one line."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def columns(text: str) -> int:
    r"""Return how many columns of a terminal a text takes.

    >>> columns("abc"), columns("日本"), columns("e\u0301")
    (3, 4, 1)
    """
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) == "Mn":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _cells(line: str, struck: Iterable[tuple[int, int]]) -> list[_Cell]:
    """Return one cell for each character; of a struck-out part the first shows the mark and the others nothing."""
    cells = [_Cell(char, _columns(char)) for char in line]
    for start, end in struck:
        cells[start:end] = [_Cell(STRUCK, len(STRUCK)), *[_Cell("", 0)] * (end - start - 1)]
    return cells


def _window(cells: list[_Cell], start: int, end: int, width: int) -> Excerpt:
    """Cut so much from the left that the underlined part is seen, and from the right what is too much."""
    # A place within a struck-out part is shown by its mark.
    while 0 < start < len(cells) and not cells[start].text:
        start -= 1
    first, before = 0, sum(cell.columns for cell in cells[:start])
    under = min(max(1, sum(cell.columns for cell in cells[start:end])), width // 2)
    if sum(cell.columns for cell in cells) > width:
        while first < start and before + under > width * 3 // 4:
            before -= cells[first].columns
            first += 1
    left = "…" if first else ""
    last, used = first, len(left)
    while last < len(cells) and used + cells[last].columns <= width - (last + 1 < len(cells)):
        used += cells[last].columns
        last += 1
    right = "…" if last < len(cells) else ""
    line = left + "".join(cell.text for cell in cells[first:last]) + right
    return Excerpt(line, len(left) + before, max(1, min(under, columns(line) - len(left) - before)))
