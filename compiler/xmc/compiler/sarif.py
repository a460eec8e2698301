"""Diagnostics as SARIF 2.1.0, which code hosts and editors show beside the lines they are about. Pure.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", sections 3.13 to 3.58.
"""

from collections.abc import Iterable
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import msgspec

from xmc.compiler.codes import CODES
from xmc.schema import Diagnostic, Severity, Span

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def render_sarif(diagnostics: Iterable[Diagnostic], version: str) -> str:
    """Return diagnostics as one SARIF log with one run; `version` is that of xmc.

    Each code that occurs is a rule. A hint is the last sentence of a message. Lines and columns count from 1, columns
    in characters; ends are exclusive.
    """
    listed = list(diagnostics)
    codes = sorted({one.code for one in listed})
    places = {code: index for index, code in enumerate(codes)}
    driver = {"name": "xmc", "version": version, "rules": [_rule(code) for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, places[one.code]) for one in listed],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode() + "\n"


def _rule(code: str) -> dict[str, Any]:
    known = CODES.get(code)
    if known is None:  # of a plugin that has codes of its own
        return {"id": code}
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in known.title.split()),
        "shortDescription": {"text": known.title},
        "fullDescription": {"text": known.explanation},
        "defaultConfiguration": {"level": _LEVELS[known.severity]},
        "help": {"text": f"{known.explanation} See `xmc explain {code}`."},
    }


def _result(diagnostic: Diagnostic, rule: int) -> dict[str, Any]:
    text = f"{diagnostic.message}. Hint: {diagnostic.hint}" if diagnostic.hint else diagnostic.message
    related = [
        {"id": number, "message": {"text": label.text}, **_location(label.span)}
        for number, label in enumerate(diagnostic.labels, 1)
    ]
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": text},
        "locations": [_location(diagnostic.span)],
        **({"relatedLocations": related} if related else {}),
    }


def _location(span: Span) -> dict[str, Any]:
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(span.file)}, "region": region}}


def _uri(file: str) -> str:
    """Return a path as a URI: relative ones stay relative.

    >>> _uri("specs/my endpoints.yaml")
    'specs/my%20endpoints.yaml'
    """
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
