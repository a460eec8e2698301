"""Secrets on their way into a spec: only references go there, and the report says what to put where.

No value of the input is kept beyond telling whether two are the same.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from xmc.compiler.node import Path
from xmc.schema import SecretRef

_RENAMED = "environment"
"""Name of the store, and scope of the variables whose names are not SCOPE_KEY."""

_IMPORTED = "imported"
"""Scope of what was typed in. No variable is put into it, so that one name never stands for two secrets."""

_KNOWN = "the secret that is under this name now"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


@dataclass(frozen=True, slots=True)
class Hidden:
    """Stands in a configuration where a reference will be.

    `variable` is set where the input reads the environment, `known` where it held a reference. Otherwise `key` is the
    proposal, `put` says what belongs there, and `value` only tells different secrets apart.
    """

    key: str = ""
    put: str = ""
    value: str = field(default="", repr=False)
    variable: str | None = None
    known: str | None = None


def of_environment(variable: str) -> Hidden:
    """Return a secret that the input reads from an environment variable."""
    if _VARIABLE.fullmatch(variable):
        return Hidden(variable=variable)
    return Hidden(key=variable, put=f"what the environment variable {variable} holds", value=variable)


@dataclass(slots=True)
class SecretNote:
    """One reference of the spec: where in the input it comes from, and what to put there. Holds no value."""

    reference: str
    put: str
    sources: list[Path]
    variable: str | None = None


class SecretBook:
    """The references of one import. Whoever read the environment before gets the store `env`, others Vault."""

    def __init__(self, document: Any) -> None:
        self._notes: dict[tuple[str, str], SecretNote] = {}
        self._values: dict[tuple[str, str], str] = {}
        self._renamed: dict[str, str] = {}
        self._taken = {_halves(text) for text in _strings(document) if is_reference(text)}

    def reference(self, hidden: Hidden, *sources: Path) -> str:
        """Return the reference for a secret, and remember what must be put there."""
        if hidden.known is not None:
            return self._note(_halves(hidden.known), _KNOWN, sources, hidden.known)
        if hidden.variable is not None:
            return self._note(self._of_variable(hidden.variable), "", sources, variable=hidden.variable)
        key, number = slug(hidden.key), 1
        place = (_IMPORTED, key)
        while place in self._taken or self._values.get(place, hidden.value) != hidden.value:
            number += 1
            place = (_IMPORTED, f"{key}-{number}")
        self._values[place] = hidden.value
        return self._note(place, hidden.put, sources)

    def notes(self) -> tuple[SecretNote, ...]:
        """Return all references, in the order in which they were made."""
        if self._reads_environment():
            for (scope, key), note in self._notes.items():
                note.variable = note.variable or _upper(f"{scope}_{key}")
        return tuple(self._notes.values())

    def block(self) -> dict[str, Any] | None:
        """Return the `secrets:` of the spec; None where the default, one store of kind vault, is right."""
        if not self._reads_environment():
            return None
        block: dict[str, Any] = {"stores": {_RENAMED: {"kind": "env"}}, "default": _RENAMED}
        if self._renamed:
            block["scopes"] = {_RENAMED: {"variables": dict(self._renamed)}}
        return block

    def _reads_environment(self) -> bool:
        return any(note.variable for note in self._notes.values())

    def _of_variable(self, variable: str) -> tuple[str, str]:
        """Return scope and key from which the store `env` makes this very name, or rename one.

        `OPENAI_API_KEY` is `openai` and `api-key`, as `docs/secrets.md` has it.
        """
        first, _, rest = variable.partition("_")
        scope, key = slug(first), slug(rest)
        if first and rest and scope not in {_RENAMED, _IMPORTED} and _upper(f"{scope}_{key}") == variable:
            return scope, key
        self._renamed[variable] = variable
        return _RENAMED, variable

    def _note(
        self, place: tuple[str, str], put: str, sources: tuple[Path, ...], text: str = "", variable: str | None = None
    ) -> str:
        reference = text or f"{{{{secrets/{place[0]}/{place[1]}}}}}"
        note = self._notes.setdefault(place, SecretNote(reference, put, [], variable))
        note.sources.extend(path for path in sources if path not in note.sources)
        return reference


def is_reference(value: Any) -> bool:
    """Tell whether a value is `{{secrets/scope/key}}` and nothing else."""
    return isinstance(value, str) and SecretRef.parse(value) is not None


def slug(text: str) -> str:
    """Return a text as scope, key or name: lower case, with `-` for what is not a letter or a digit.

    >>> slug("API_KEY"), slug("gpt 4.1"), slug("__")
    ('api-key', 'gpt-4-1', 'x')
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "x"


def _halves(reference: str) -> tuple[str, str]:
    parsed = SecretRef.parse(reference)
    return (parsed.scope, parsed.key) if parsed else ("", reference)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _upper(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", text.upper())
