"""How well a compile finds typing mistakes: what `make compiler-report` prints and `test_typos` holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.compiler.specs import compile_text
from tests.compiler.typos import Edit, good_specs

from xmc.compiler import Compiled
from xmc.plugins import Plugins
from xmc.schema import Table

SEED = 1
PER_KIND = 200
SUGGESTED = ("key", "enum")
"""Kinds of edits for which the original can be known, because it stands in a list."""


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of edits of one kind. The others are shares of those that changed the meaning or were reported."""

    edits: int
    harmless: int
    on_the_line: int
    suggested: int
    one_diagnostic: int
    silent: tuple[Edit, ...]

    @property
    def told(self) -> int:
        """Edits that a compile has to say something about."""
        return self.edits - self.harmless


def score(edits: Iterable[Edit], plugins: Plugins) -> dict[str, Score]:
    """Compile every edited spec; return what came of it by kind."""
    tables = {name: compile_text(text, plugins).table for name, text in good_specs().items()}
    results: dict[str, list[tuple[Edit, Compiled]]] = {}
    for edit in edits:
        results.setdefault(edit.kind, []).append((edit, compile_text(edit.text, plugins)))
    return {kind: _score(listed, tables) for kind, listed in results.items()}


def total(scores: Mapping[str, Score], kinds: Iterable[str] | None = None) -> Score:
    chosen = [scores[kind] for kind in (scores if kinds is None else kinds)]
    return Score(
        sum(one.edits for one in chosen),
        sum(one.harmless for one in chosen),
        sum(one.on_the_line for one in chosen),
        sum(one.suggested for one in chosen),
        sum(one.one_diagnostic for one in chosen),
        tuple(edit for one in chosen for edit in one.silent),
    )


def _score(listed: list[tuple[Edit, Compiled]], tables: Mapping[str, Table | None]) -> Score:
    told = [(edit, compiled) for edit, compiled in listed if compiled.diagnostics]
    quiet = [(edit, compiled) for edit, compiled in listed if not compiled.diagnostics]
    silent = tuple(edit for edit, compiled in quiet if compiled.table != tables[edit.spec])
    return Score(
        edits=len(listed),
        harmless=len(quiet) - len(silent),
        on_the_line=sum(_names_the_line(edit, compiled) for edit, compiled in told),
        suggested=sum(_suggests(edit, compiled) for edit, compiled in told),
        one_diagnostic=sum(len(compiled.diagnostics) == 1 for _, compiled in told),
        silent=silent,
    )


def _names_the_line(edit: Edit, compiled: Compiled) -> bool:
    spans = [span for one in compiled.diagnostics for span in (one.span, *(label.span for label in one.labels))]
    return any(span.line in edit.lines for span in spans)


def _suggests(edit: Edit, compiled: Compiled) -> bool:
    """Names that are read in any case are suggested in lower case."""
    return any(repr(edit.original).lower() in (one.hint or "").lower() for one in compiled.diagnostics)
