"""Text to node tree: decoding, limits, and YAML's own complaints as diagnostics."""

import re
from typing import Any

import msgspec
import yaml

from xmc.compiler.compose import Composer, StopError
from xmc.compiler.node import Node
from xmc.compiler.report import make
from xmc.compiler.suggest import odd_space
from xmc.schema import Diagnostic, Span

MAX_BYTES = 64 * 1024 * 1024
"""A spec is at most this large; checked before anything is parsed."""


class Source(msgspec.Struct, frozen=True):
    """A spec as it was read. `name` is what diagnostics call the file."""

    name: str
    text: bytes


class Parsed(msgspec.Struct, frozen=True):
    """The tree of a spec, None if there is none to look at, and what is wrong with its YAML."""

    root: Node | None
    diagnostics: tuple[Diagnostic, ...]


def parse(source: Source) -> Parsed:
    """Parse a spec. A tree and diagnostics can come together: what was broken stands in the tree as `Broken`."""
    beginning = Span(source.name, 1, 1, 1, 1)
    if len(source.text) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 1024 // 1024} MB"
        return Parsed(None, (make("XMC108", beginning, message, hint="split the spec into several gateways"),))
    try:
        text = source.text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Parsed(None, (_not_utf8(source, error),))
    composer = Composer(source.name, len(text))
    try:
        root = composer.compose(yaml.parse(text, Loader=yaml.CSafeLoader))
    except StopError as stop:
        return Parsed(None, (*composer.found, stop.diagnostic))
    except yaml.YAMLError as error:
        return Parsed(None, _one_cause(composer.found, _syntax(source.name, text, error)))
    if root is None:
        message = "there is nothing in this file"
        return Parsed(None, (make("XMC109", beginning, message, hint="a spec needs at least `endpoints: []`"),))
    return Parsed(root, tuple(composer.found))


def _not_utf8(source: Source, error: UnicodeDecodeError) -> Diagnostic:
    before = source.text[: error.start]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    byte = source.text[error.start]
    span = Span(source.name, line, column, line, column + 1)
    return make("XMC110", span, f"the byte 0x{byte:02x} is not UTF-8 text", hint="save the file as UTF-8")


def _syntax(file: str, text: str, error: yaml.YAMLError) -> Diagnostic:
    position = getattr(error, "position", None)
    if position is not None:
        return _control_character(file, text, position)
    mark: Any = getattr(error, "problem_mark", None)
    line, column = (mark.line, mark.column) if mark else (0, 0)
    span = Span(file, line + 1, column + 1, line + 1, column + 2)
    lines = text.splitlines()
    rest = lines[line][column:] if line < len(lines) else ""
    if rest.startswith("\t"):
        message = "a tab cannot be used to indent YAML"
        return make("XMC103", span, message, hint="indent with spaces")
    message = str(getattr(error, "problem", None) or "this is not YAML")
    context = getattr(error, "context", None)
    if context:
        message = f"{message} ({context}{_where(error, line)})"
    return make("XMC101", span, f"YAML syntax error: {message}", hint=_odd(lines, error, line) or _hint(rest, message))


def _where(error: yaml.YAMLError, line: int) -> str:
    begin: Any = getattr(error, "context_mark", None)
    return f" that begins on line {begin.line + 1}" if begin and begin.line != line else ""


def _odd(lines: list[str], error: yaml.YAMLError, line: int) -> str | None:
    """Look for the cause where nobody sees it."""
    begin: Any = getattr(error, "context_mark", None)
    first = min(begin.line if begin else line, line - 1)
    for number in range(max(first, 0), min(line + 1, len(lines))):
        space = odd_space(lines[number])
        if space is not None:
            return f"line {number + 1} holds {space}, which is no space to YAML: write plain spaces"
    return None


def _hint(rest: str, message: str) -> str:
    if rest[:1] in "@`%" and rest:
        return f"quote a value that begins with {rest[0]}"
    if "quoted scalar" in message:
        return "close the quote"
    if "flow" in message:
        return "close the bracket or brace, or quote the text"
    return "look at the indentation here and on the line before, and quote text that holds a colon, brace or #"


def _control_character(file: str, text: str, position: int) -> Diagnostic:
    match = re.compile(
        r"[^\x09\x0A\x0D\x20-\x7E\x85\xA0-\uD7FF\uE000-\uFEFE\uFF00-\uFFFD\U00010000-\U0010ffff]"
    ).search(text)
    at = match.start() if match else min(position, len(text))
    line = text.count("\n", 0, at)
    column = at - (text.rfind("\n", 0, at) + 1)
    span = Span(file, line + 1, column + 1, line + 1, column + 2)
    character = f"U+{ord(text[at]):04X}" if at < len(text) else "a character"
    return make("XMC110", span, f"{character} is not allowed in YAML", hint="delete it, or write it as an escape")


def _one_cause(found: list[Diagnostic], syntax: Diagnostic) -> tuple[Diagnostic, ...]:
    """Unquoted braces often end in a syntax error a few characters on; say it once."""
    if any(one.code == "XMC104" and one.span.line == syntax.span.line for one in found):
        return tuple(found)
    return (*found, syntax)
