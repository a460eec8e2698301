"""Diagnostics: what the compiler says about a spec. Values only; rendering lives in the compiler."""

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """How bad it is. Only `ERROR` stops a compile; a note informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Span(msgspec.Struct, frozen=True, order=True, gc=False):
    """A place in a source file. Lines and columns are 1-based; columns count characters; `end` is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Label(msgspec.Struct, frozen=True, order=True):
    """A secondary place with what it has to do with the matter ("first defined here")."""

    span: Span
    text: str


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One finding about a spec. `message` says what is wrong with the value seen, `hint` is an action."""

    code: str
    severity: Severity
    message: str
    span: Span
    labels: tuple[Label, ...] = ()
    hint: str | None = None

    @property
    def order(self) -> tuple[str, int, int, str]:
        """Diagnostics of a run are printed in this order."""
        return (self.span.file, self.span.line, self.span.column, self.code)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin's `link` has to say about one served entity; the compiler turns it into a diagnostic.

    `path` leads from the served entity's mapping to the value meant, e.g. `("external_model", "openai_config",
    "openai_api_base")`. With `at_key` the span is the key, not the value.
    """

    code: str
    path: tuple[str | int, ...]
    message: str
    hint: str | None = None
    severity: Severity = Severity.ERROR
    at_key: bool = False
