"""Diagnostics as text for people and as JSON for programs. Pure.

Human form, one block for each diagnostic: `FILE:LINE:COLUMN: severity[CODE]: message`, the source line with the place
underlined, each secondary place on a line of its own in the same form, and the hint.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from xmc.compiler.codes import CODES
from xmc.compiler.excerpt import WIDTH, Excerpt, excerpt, visible
from xmc.compiler.mask import variable_lines
from xmc.compiler.parse import Source
from xmc.schema import Diagnostic, Severity, Span

_COLORS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.NOTE: "1;36"}
_CARET = "1;32"
_BOLD = "1"
MOST_SHOWN = 100
"""Diagnostics in the human form; nobody reads more at once. The JSON form is never cut."""
_RARE_BREAKS = (b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
"""What YAML counts as the end of a line beside CR and LF: NEL, LS and PS."""


def render_human(
    diagnostics: Iterable[Diagnostic], sources: Sequence[Source], *, color: bool = False, width: int = WIDTH
) -> str:
    """Return diagnostics as text that ends in a newline, or "" if there are none.

    Source lines take at most `width` columns. Of more than `MOST_SHOWN` diagnostics the first are shown, errors before
    others, and a last line says how many were not.
    """
    listed = list(diagnostics)
    errors_first = sorted(range(len(listed)), key=lambda at: listed[at].severity is not Severity.ERROR)
    shown = [listed[at] for at in sorted(errors_first[:MOST_SHOWN])]
    lines = {source.name: source.text for source in sources}
    split: dict[str, tuple[list[bytes], range]] = {}
    blocks = []
    for diagnostic in shown:
        file = diagnostic.span.file
        if file in lines and file not in split:
            text = _split(lines[file])
            split[file] = (text, variable_lines(text))
        shown_lines, variables = split.get(file, ([], range(0)))
        line = excerpt(diagnostic.span, shown_lines, width, variables)
        blocks.append(_block(diagnostic, line, color=color))
    if len(shown) < len(listed):
        blocks.append(f"… and {len(listed) - len(shown)} more; the JSON form holds all {len(listed)}\n")
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


def _block(diagnostic: Diagnostic, shown: Excerpt | None, *, color: bool) -> str:
    def paint(text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if color else text

    kind = paint(f"{diagnostic.severity}[{diagnostic.code}]", _COLORS[diagnostic.severity])
    text = f"{_place(diagnostic.span)}: {kind}: {paint(visible(diagnostic.message), _BOLD)}\n"
    if shown is not None:
        number = str(diagnostic.span.line)
        text += f"  {number} | {shown.line}\n"
        text += f"  {' ' * len(number)} | {' ' * shown.before}{paint('^' * shown.under, _CARET)}\n"
    for label in diagnostic.labels:
        text += f"{_place(label.span)}: {label.text}\n"
    if diagnostic.hint:
        text += f"  hint: {visible(diagnostic.hint)}\n"
    return text


def _split(text: bytes) -> list[bytes]:
    text = text.removeprefix(b"\xef\xbb\xbf")
    for rare in _RARE_BREAKS:
        text = text.replace(rare, b"\n")
    return text.splitlines()


def _place(span: Span) -> str:
    """A file name is printed on one line, whatever is in it."""
    return f"{visible(span.file)}:{span.line}:{span.column}"
