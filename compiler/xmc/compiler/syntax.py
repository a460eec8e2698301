"""YAML's own complaints in the user's words, at the place of the mistake: libyaml says where it gave up, later on."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from xmc.compiler.report import make
from xmc.compiler.suggest import odd_space
from xmc.schema import Diagnostic, Label, Span

_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What ends a line in YAML 1.1; `str.splitlines` knows more."""
_NOT_ALLOWED = re.compile(r"[^\x09\x0A\x0D\x20-\x7E\x85\xA0-\uD7FF\uE000-\uFEFE\uFF00-\uFFFD\U00010000-\U0010ffff]")
_QUOTE_OPENS = re.compile(r"(?:^|[\s\[{,:(])([\"'])")


def explain_syntax(file: str, text: str, error: yaml.YAMLError) -> Diagnostic:
    """Return the diagnostic of an error of the YAML reader; lines that may be its cause are secondary places."""
    position = getattr(error, "position", None)
    if position is not None:
        return _control_character(file, text, position)
    lines = _LINE_BREAK.split(text)
    mark: Any = getattr(error, "problem_mark", None)
    begin: Any = getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or "this is not YAML")
    context = str(getattr(error, "context", None) or "")
    if mark is None:
        return make("XMC101", Span(file, 1, 1, 1, 2), f"YAML syntax error: {problem}")
    if begin is not None and "quoted scalar" in context:
        message = f"YAML syntax error: this quote is never closed ({problem})"
        return make("XMC101", _span(file, begin.line, begin.column), message, hint="close the quote")
    rest = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
    span = _span(file, mark.line, mark.column)
    if rest.startswith("\t"):
        return make("XMC103", span, "a tab cannot be used to indent YAML", hint="indent with spaces")
    first = begin.line if begin is not None else mark.line
    where = f" that begins on line {first + 1}" if first != mark.line else ""
    message = f"YAML syntax error: {problem}" + (f" ({context}{where})" if context else "")
    hint = _odd(lines, first, mark.line) or _hint(rest, message)
    labels = tuple(dict.fromkeys(_suspects(file, lines, first, mark.line)))
    return make("XMC101", span, message, hint=hint, labels=labels)


def _span(file: str, line: int, column: int) -> Span:
    return Span(file, line + 1, column + 1, line + 1, column + 2)


def _suspects(file: str, lines: Sequence[str], first: int, last: int) -> Iterator[Label]:
    """Yield the lines that most likely made the reader stumble at line `last`: an open quote, an odd indentation."""
    for number in range(max(min(first, last - 1), 0), min(last + 1, len(lines))):
        column = _open_quote(lines[number])
        if column is not None:
            yield Label(_span(file, number, column), "the quote that begins here may not be closed")
            return
    if last < len(lines):
        for number, indent in _levels_around(lines, last):
            yield Label(_span(file, number, indent), f"indented by {indent}")


def _open_quote(line: str) -> int | None:
    """Return where a quoted scalar begins that its line does not end."""
    place = 0
    while (opens := _QUOTE_OPENS.search(line, place)) is not None:
        if "#" in line[place : opens.start()]:
            return None
        mark, begin = opens[1], opens.start(1)
        pattern = r"\"(?:[^\"\\]|\\.)*\"" if mark == '"' else r"'(?:[^']|'')*'"
        closed = re.compile(pattern).match(line, begin)
        if closed is None:
            return begin
        place = closed.end()
    return None


def _levels_around(lines: Sequence[str], problem: int) -> list[tuple[int, int]]:
    """Return the lines whose open indentations are the next wider and the next narrower of a line that fits neither.

    Nothing if the line's indentation is one of those that are open.
    """
    indent = _indent(lines[problem])
    open_levels: list[tuple[int, int]] = []
    closed: list[tuple[int, int]] = []
    for number, line in enumerate(lines[:problem]):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        levels = _indents(line)
        while open_levels and open_levels[-1][1] > levels[0]:
            open_levels.pop()
        open_levels += [(number, level) for level in levels if not open_levels or level > open_levels[-1][1]]
    while open_levels and open_levels[-1][1] > indent:
        closed.append(open_levels.pop())
    if (open_levels and open_levels[-1][1] == indent) or not closed:
        return []
    return sorted([*open_levels[-1:], closed[-1]])


def _indents(line: str) -> list[int]:
    """The indentations that a line opens: its own, and that of what follows a dash.

    >>> _indents("  - name: x")
    [2, 4]
    """
    found = [_indent(line)]
    while line[found[-1] :].startswith("- "):
        found.append(found[-1] + 1 + _indent(line[found[-1] + 1 :]))
    return found


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _odd(lines: Sequence[str], first: int, last: int) -> str | None:
    """Look for the cause where nobody sees it."""
    for number in range(max(min(first, last - 1), 0), min(last + 1, len(lines))):
        space = odd_space(lines[number])
        if space is not None:
            return f"line {number + 1} holds {space}, which is no space to YAML: write plain spaces"
    return None


def _hint(rest: str, message: str) -> str:
    if rest and rest[0] in "@`%":
        return f"quote a value that begins with {rest[0]}"
    if "flow" in message:
        return "close the bracket or brace, or quote the text"
    return "look at the indentation here and on the line before, and quote text that holds a colon, brace or #"


def _control_character(file: str, text: str, position: int) -> Diagnostic:
    match = _NOT_ALLOWED.search(text)
    at = match.start() if match else min(position, len(text))
    line = text.count("\n", 0, at)
    column = at - (text.rfind("\n", 0, at) + 1)
    character = f"U+{ord(text[at]):04X}" if at < len(text) else "a character"
    message = f"{character} is not allowed in YAML"
    return make("XMC110", _span(file, line, column), message, hint="delete it, or write it as an escape")
