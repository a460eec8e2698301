"""Making, ordering and deduplicating diagnostics."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from xmc.compiler.codes import CODES
from xmc.compiler.node import Node, Path, dotted, follow, key_span, opening
from xmc.schema import Diagnostic, Label, Severity, Span

_INDEX = re.compile(r"\[\d+\]")
_LESSER = frozenset({"XMC115"})
"""Codes that are a guess about a value, which an error about the same value makes idle."""


class Report(msgspec.Struct):
    """Collects the diagnostics of one run over one spec, and remembers which paths they are about.

    One root cause, one diagnostic: what is said about a path that was reported as wrong before is not repeated by
    later steps, which ask `is_wrong` first. `starts` tells, for lists that were joined from several files, at which
    positions the part of each begins.
    """

    root: Node
    found: list[Diagnostic] = []
    wrong: set[Path] = set()
    starts: Mapping[str, tuple[int, ...]] = {}
    _above: set[Path] = set()

    def add(  # noqa: PLR0913 - one argument per part of a diagnostic
        self,
        code: str,
        path: Path,
        message: str,
        *,
        hint: str | None = None,
        labels: tuple[Label, ...] = (),
        at: str = "value",
        severity: Severity | None = None,
    ) -> None:
        """Report something about a path.

        `at` is `value`, `key`, or `opening`: of the mapping that lacks the path's last key.
        """
        place = {"value": lambda root, path: follow(root, path).span, "key": key_span, "opening": opening}[at]
        diagnostic = make(code, place(self.root, path), message, hint=hint, labels=labels, severity=severity)
        self.found.append(diagnostic)
        if diagnostic.severity is Severity.ERROR:
            self.mark(path)

    def name(self, path: Path) -> str:
        """Write a path as users read it: positions in a list count from where their own file's part of it begins."""
        if len(path) > 1 and isinstance(path[1], int):
            begin = max((start for start in self.starts.get(str(path[0]), ()) if start <= path[1]), default=0)
            path = (path[0], path[1] - begin, *path[2:])
        return dotted(path)

    def mark(self, *paths: Path) -> None:
        """Remember that paths are wrong, without saying anything: the root cause has been said, or will be."""
        for path in paths:
            self.wrong.add(path)
            self._above.update(path[:length] for length in range(len(path) + 1))

    def is_wrong(self, path: Path) -> bool:
        """Tell whether the value at a path, or one that it stands in, was reported."""
        return bool(self.wrong) and any(path[:length] in self.wrong for length in range(1, len(path) + 1))

    def is_wrong_within(self, path: Path) -> bool:
        """Tell whether anything at or below a path was reported."""
        return path in self._above


def make(  # noqa: PLR0913 - one argument per part of a diagnostic
    code: str,
    span: Span,
    message: str,
    *,
    hint: str | None = None,
    labels: tuple[Label, ...] = (),
    severity: Severity | None = None,
) -> Diagnostic:
    """Make a diagnostic; its severity is the code's unless another is given. Codes of plugins may be unknown here."""
    if severity is None:
        severity = CODES[code].severity
    return Diagnostic(code=code, severity=severity, message=message, span=span, hint=hint, labels=labels)


def settle(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Order diagnostics by place and code, and drop repetitions.

    An anchored value is met once per alias, at paths that differ in their positions. Of what is wrong anyway it is not
    said that it looks odd.
    """
    unique = {(one.code, one.span, _INDEX.sub("", one.message)): one for one in reversed(list(diagnostics))}
    errors = {one.span for one in unique.values() if one.severity is Severity.ERROR}
    kept = (one for one in unique.values() if one.code not in _LESSER or one.span not in errors)
    return tuple(sorted(kept, key=lambda one: (*one.order, one.message)))
