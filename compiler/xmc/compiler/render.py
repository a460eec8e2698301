"""Diagnostics as text for people and as JSON for programs. Pure.

Human form, one block for each diagnostic: `FILE:LINE:COLUMN: severity[CODE]: message`, the source line with the place
underlined, each secondary place on a line of its own in the same form, and the hint.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from xmc.compiler.codes import CODES
from xmc.compiler.mask import mask_line
from xmc.compiler.parse import Source
from xmc.schema import Diagnostic, Severity, Span

_COLORS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.NOTE: "1;36"}
_CARET = "1;32"
_BOLD = "1"
_LONGEST_LINE = 160
_LONGEST_READ = 4096
_RARE_BREAKS = (b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
"""What YAML counts as the end of a line beside CR and LF: NEL, LS and PS."""


def render_human(diagnostics: Iterable[Diagnostic], sources: Sequence[Source], *, color: bool = False) -> str:
    """Return diagnostics as text that ends in a newline, or "" if there are none."""
    lines = {source.name: source.text for source in sources}
    split: dict[str, list[bytes]] = {}
    blocks = []
    for diagnostic in diagnostics:
        file = diagnostic.span.file
        if file in lines and file not in split:
            split[file] = _split(lines[file])
        blocks.append(_block(diagnostic, split.get(file, []), color=color))
    return "".join(blocks)


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """Return diagnostics as one JSON object.

    Keys: `diagnostics`, a list of `{code, severity, title, message, hint, span, labels, doc}`, where `span` is
    `{file, line, column, end_line, end_column}` (1-based, end exclusive), `labels` a list of `{span, text}`,
    `hint` text or null, `doc` the page of the code; and `errors`, `warnings`, `notes`, how many there are.
    """
    listed = list(diagnostics)
    counts = {f"{kind}s": sum(one.severity is kind for one in listed) for kind in Severity}
    document = {"diagnostics": [_plain(one) for one in listed], **counts}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _plain(diagnostic: Diagnostic) -> dict[str, Any]:
    known = CODES.get(diagnostic.code)
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "title": known.title if known else None,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "span": msgspec.to_builtins(diagnostic.span),
        "labels": [{"span": msgspec.to_builtins(label.span), "text": label.text} for label in diagnostic.labels],
        "doc": known.anchor if known else None,
    }


def _block(diagnostic: Diagnostic, lines: list[bytes], *, color: bool) -> str:
    def paint(text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if color else text

    kind = paint(f"{diagnostic.severity}[{diagnostic.code}]", _COLORS[diagnostic.severity])
    text = f"{_place(diagnostic.span)}: {kind}: {paint(_visible(diagnostic.message), _BOLD)}\n"
    shown = _source_line(diagnostic.span, lines)
    if shown is not None:
        line, before, width = shown
        number = str(diagnostic.span.line)
        text += f"  {number} | {line}\n"
        text += f"  {' ' * len(number)} | {before}{paint('^' * width, _CARET)}\n"
    for label in diagnostic.labels:
        text += f"{_place(label.span)}: {label.text}\n"
    if diagnostic.hint:
        text += f"  hint: {_visible(diagnostic.hint)}\n"
    return text


def _split(text: bytes) -> list[bytes]:
    text = text.removeprefix(b"\xef\xbb\xbf")
    for rare in _RARE_BREAKS:
        text = text.replace(rare, b"\n")
    return text.splitlines()


def _place(span: Span) -> str:
    """A file name is printed on one line, whatever is in it."""
    return f"{_visible(span.file)}:{span.line}:{span.column}"


def _source_line(span: Span, lines: list[bytes]) -> tuple[str, str, int] | None:
    """Return the masked line, what precedes the underline, and the underline's width in characters."""
    if not 0 < span.line <= len(lines):
        return None
    raw = lines[span.line - 1][:_LONGEST_READ].decode("utf-8", "replace")
    line = mask_line(_visible(raw.replace("\t", " ")).rstrip())
    start = min(span.column - 1, len(line), _LONGEST_LINE)
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    width = max(1, min(end, len(line), _LONGEST_LINE) - start)
    if len(line) > _LONGEST_LINE:
        line = line[:_LONGEST_LINE] + "…"
    return line, " " * start, width


def _visible(text: str) -> str:
    """Replace control characters, so that a spec cannot steer the terminal; a line stays one line."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
