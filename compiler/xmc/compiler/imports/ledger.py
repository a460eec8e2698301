"""The ledger of an import: every key of the input, and what became of it.

A key is a leaf of the document: a scalar, or a mapping or list that holds nothing. The ledger knows all of them from
the start, so that one which an importer forgets is named as unknown in the end, and never left out.
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from xmc.compiler.node import Path

UNKNOWN = "not a key that this import knows, so what it does is not done here"
NULL = "null, the same as left out"

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Outcome(StrEnum):
    """What became of a key."""

    CARRIED = "carried"
    """It stands in the spec."""
    CHANGED = "changed"
    """It stands in the spec, but not to the letter: somebody has to know."""
    LOST = "lost"
    """It does something over there that nothing does here."""
    NO_EFFECT = "no-effect"
    """It says nothing that matters here."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the key at `path`: where in the spec it went (`to`), or why not (`reason`).

    A carried key has no reason; a changed one has both.
    """

    path: Path
    outcome: Outcome
    to: tuple[Path, ...] = ()
    reason: str = ""


def leaf_paths(value: Any, at: Path = ()) -> tuple[Path, ...]:
    """Return the path of every scalar, empty mapping and empty list of a document, in its order.

    >>> leaf_paths({"a": [1, {}], "b": {"c": None}})
    (('a', 0), ('a', 1), ('b', 'c'))
    """
    if isinstance(value, dict) and value:
        return tuple(path for key, item in value.items() for path in leaf_paths(item, (*at, key)))
    if isinstance(value, list) and value:
        return tuple(path for index, item in enumerate(value) for path in leaf_paths(item, (*at, index)))
    return (at,)


def show_path(path: Path) -> str:
    """Return a path as people write it. Different paths give different texts.

    >>> show_path(("model_list", 0, "litellm_params", "a.b")), show_path(())
    ('model_list[0].litellm_params["a.b"]', '(all)')
    """
    text = ""
    for step in path:
        if isinstance(step, str) and _PLAIN.fullmatch(step):
            text += f".{step}"
        else:
            text += f"[{json.dumps(step)}]"
    return text.removeprefix(".") or "(all)"


class Ledger:
    """The keys of one document. A key is carried over or named once; carrying it to a second place adds the place."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self._leaves = leaf_paths(document)
        self._fates: dict[Path, Fate | None] = dict.fromkeys(self._leaves)
        self._below = _ranges(self._leaves)

    def carry(self, path: Path, *to: Path, reason: str = "") -> None:
        """Say that the keys at or below `path` stand in the spec at `to`; with a `reason`, that they were changed.

        Raises:
            LookupError: there is no such key, or one of them has been named as not carried over.
        """
        for index in range(*self._below[path]):
            leaf = self._leaves[index]
            before = self._fates[leaf]
            if before is not None and before.outcome not in {Outcome.CARRIED, Outcome.CHANGED}:
                raise LookupError(f"{show_path(leaf)} was named already")
            places = (*(before.to if before else ()), *((*one, *leaf[len(path) :]) for one in to))
            why = reason or (before.reason if before else "")
            outcome = Outcome.CHANGED if why else Outcome.CARRIED
            self._fates[leaf] = Fate(leaf, outcome, tuple(dict.fromkeys(places)), why)

    def name(self, path: Path, reason: str, outcome: Outcome = Outcome.LOST) -> None:
        """Give every key at or below `path` that has no fate yet this one. What is null says nothing anywhere."""
        for index in range(*self._below.get(path, (0, 0))):
            leaf = self._leaves[index]
            if self._fates[leaf] is None and _at(self.document, leaf) is not None:
                self._fates[leaf] = Fate(leaf, outcome, reason=reason)

    def close(self) -> tuple[Fate, ...]:
        """Return the fate of every key, in the order of the document. What nobody asked for is lost."""
        closed = []
        for path, fate in self._fates.items():
            if fate is not None:
                closed.append(fate)
            elif _at(self.document, path) is None:
                closed.append(Fate(path, Outcome.NO_EFFECT, reason=NULL))
            else:
                closed.append(Fate(path, Outcome.LOST, reason=UNKNOWN))
        return tuple(closed)


def _ranges(leaves: tuple[Path, ...]) -> dict[Path, tuple[int, int]]:
    """Return for every path of a document which leaves are at or below it; they stand side by side."""
    ranges: dict[Path, tuple[int, int]] = {}
    for index, leaf in enumerate(leaves):
        for length in range(len(leaf) + 1):
            first, _ = ranges.get(leaf[:length], (index, index))
            ranges[leaf[:length]] = (first, index + 1)
    return ranges


def _at(document: Any, path: Path) -> Any:
    value = document
    for step in path:
        value = value[step]
    return value
