"""Text to node tree: decoding, limits, and YAML's own complaints as diagnostics."""

from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from xmc.compiler.compose import Composer, StopError
from xmc.compiler.node import Node
from xmc.compiler.progress import Progress, unwatched
from xmc.compiler.report import make
from xmc.schema import Diagnostic, Span

MAX_BYTES = 64 * 1024 * 1024
"""A spec is at most this large; checked before anything is parsed."""
_OFTEN = 1024
"""Events between two reports of progress."""


class Source(msgspec.Struct, frozen=True):
    """A spec as it was read. `name` is what diagnostics call the file."""

    name: str
    text: bytes


class Parsed(msgspec.Struct, frozen=True):
    """The tree of a spec, None if there is none to look at, and what is wrong with its YAML."""

    root: Node | None
    diagnostics: tuple[Diagnostic, ...]


def parse(source: Source, progress: Progress = unwatched) -> Parsed:
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
        root = composer.compose(_events(text, progress))
    except StopError as stop:
        return Parsed(None, (*composer.found, stop.diagnostic))
    except yaml.YAMLError as error:
        from xmc.compiler.syntax import explain_syntax  # noqa: PLC0415 - for a file that is no YAML only

        return Parsed(None, _one_cause(composer.found, explain_syntax(source.name, text, error)))
    if root is None:
        message = "there is nothing in this file"
        return Parsed(None, (make("XMC109", beginning, message, hint="a spec needs at least `endpoints: []`"),))
    return Parsed(root, tuple(composer.found))


def _events(text: str, progress: Progress) -> Iterator[Any]:
    events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)
    for place, event in enumerate(events):
        if not place % _OFTEN:
            progress(event.start_mark.index / max(len(text), 1))
        yield event


def _not_utf8(source: Source, error: UnicodeDecodeError) -> Diagnostic:
    before = source.text[: error.start]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    byte = source.text[error.start]
    span = Span(source.name, line, column, line, column + 1)
    return make("XMC110", span, f"the byte 0x{byte:02x} is not UTF-8 text", hint="save the file as UTF-8")


def _one_cause(found: list[Diagnostic], syntax: Diagnostic) -> tuple[Diagnostic, ...]:
    """Unquoted braces often end in a syntax error a few characters on; say it once."""
    if any(one.code == "XMC104" and one.span.line == syntax.span.line for one in found):
        return tuple(found)
    others = (one for one in found if one.code != "XMC115" or one.span.line != syntax.span.line)
    return (*others, syntax)
