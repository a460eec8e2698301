"""The report of an import: what became of every key, as text, Markdown or JSON. Holds no value of the input."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xmc.compiler.imports.ledger import Fate, Outcome, show_path
from xmc.compiler.imports.secret_book import SecretNote

_TITLES = {
    Outcome.LOST: "lost",
    Outcome.CHANGED: "changed",
    Outcome.NO_EFFECT: "no effect here",
    Outcome.CARRIED: "carried over",
}


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the keys of `file`; the secrets to put in place; what a compile says of the spec, if not clean."""

    file: str
    fates: tuple[Fate, ...]
    secrets: tuple[SecretNote, ...]
    diagnostics: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Nothing was lost or changed, and the spec compiles."""
        worse = {Outcome.LOST, Outcome.CHANGED}
        return not self.diagnostics and not any(fate.outcome in worse for fate in self.fates)

    def count(self, outcome: Outcome) -> int:
        """Return how many keys had this outcome."""
        return sum(fate.outcome is outcome for fate in self.fates)


def as_text(report: ImportReport) -> str:
    """Return the report for people at a terminal."""
    lines = [_headline(report)]
    for title, entries in _sections(report):
        lines += ["", f"{title} ({sum(len(paths) for _, paths in entries)})"]
        for reason, paths in entries:
            lines += [f"  {reason}", *(f"    {path}" for path in paths)] if reason else [f"  {path}" for path in paths]
    lines += _secrets(report, "\n{title}", "  {reference}: {put}")
    if report.diagnostics:
        lines += ["", "the spec does not compile yet", *(f"  {one}" for one in report.diagnostics)]
    return "\n".join(lines) + "\n"


def as_markdown(report: ImportReport) -> str:
    """Return the report as a page."""
    lines = [f"# Import of {report.file}", "", _headline(report)]
    for title, entries in _sections(report):
        lines += ["", f"## {title.capitalize()} ({sum(len(paths) for _, paths in entries)})"]
        for reason, paths in entries:
            lines += ["", f"{reason}:", ""] if reason else [""]
            lines += [f"- `{path}`" for path in paths]
    lines += _secrets(report, "\n## {title}\n", "- `{reference}`: {put}")
    if report.diagnostics:
        lines += ["", "## The spec does not compile yet", "", *(f"- {one}" for one in report.diagnostics)]
    return "\n".join(lines) + "\n"


def as_data(report: ImportReport) -> dict[str, Any]:
    """Return the report as JSON values; `keys` has an entry for every key of the input, in its order."""
    counts = {outcome.value: report.count(outcome) for outcome in Outcome}
    keys = []
    for fate in report.fates:
        entry: dict[str, Any] = {"path": show_path(fate.path), "outcome": fate.outcome.value}
        if fate.to:
            entry["to"] = [show_path(path) for path in fate.to]
        if fate.reason:
            entry["reason"] = fate.reason
        keys.append(entry)
    secrets = [
        {"reference": one.reference, "put": _put(one), "from": [show_path(path) for path in one.sources]}
        for one in report.secrets
    ]
    return {
        "file": report.file,
        "counts": {"keys": len(report.fates), **counts},
        "keys": keys,
        "secrets": secrets,
        "diagnostics": list(report.diagnostics),
    }


def _headline(report: ImportReport) -> str:
    counts = ", ".join(f"{report.count(outcome)} {title}" for outcome, title in _TITLES.items())
    return f"{report.file}: {len(report.fates)} keys: {counts}"


def _sections(report: ImportReport) -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
    """Yield the outcomes that occur, the worst first; in each the keys by reason, in the order of the input."""
    for outcome, title in _TITLES.items():
        groups: dict[str, list[str]] = {}
        for fate in report.fates:
            if fate.outcome is outcome:
                groups.setdefault(fate.reason, []).append(_line(fate))
        if groups:
            yield title, list(groups.items())


def _line(fate: Fate) -> str:
    places = ", ".join(show_path(path) for path in fate.to)
    return f"{show_path(fate.path)} -> {places}" if places else show_path(fate.path)


def _secrets(report: ImportReport, heading: str, form: str) -> list[str]:
    if not report.secrets:
        return []
    lines = [form.format(reference=one.reference, put=_put(one)) for one in report.secrets]
    return [heading.format(title=f"{'S' if '#' in heading else 's'}ecrets to put in place ({len(lines)})"), *lines]


def _put(note: SecretNote) -> str:
    if note.variable is None:
        return note.put or "as it is"
    return f"the environment variable {note.variable}" + (f": {note.put}" if note.put else "")
