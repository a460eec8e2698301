"""Making, ordering and deduplicating diagnostics."""

from collections.abc import Iterable

import msgspec

from xmc.compiler.codes import CODES
from xmc.compiler.node import Node, Path, follow, key_span, opening
from xmc.schema import Diagnostic, Label, Severity, Span


class Report(msgspec.Struct):
    """Collects the diagnostics of one run over one spec, and remembers which paths they are about.

    One root cause, one diagnostic: what is said about a path that was reported as wrong before is not repeated by
    later steps, which ask `is_wrong` first.
    """

    root: Node
    found: list[Diagnostic] = []
    wrong: set[Path] = set()
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
    """Order diagnostics by place and code, and drop repetitions (an anchored value is met once per alias)."""
    unique = {(one.code, one.span, one.message): one for one in reversed(list(diagnostics))}
    return tuple(sorted(unique.values(), key=lambda one: (*one.order, one.message)))
