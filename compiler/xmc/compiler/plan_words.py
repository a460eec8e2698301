"""How serious a change is, and the kinds of sentences that say it; which place gets which: `plan_rows.py`. Pure."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from xmc.compiler.excerpt import visible
from xmc.compiler.plan import Change


class Risk(StrEnum):
    """Whom a change touches, the worst first."""

    LOSS = "loss"
    """What works for a client today no longer does."""
    DATA = "data"
    """Prompts, answers or credentials go where they did not go."""
    ACCESS = "access"
    """Somebody may do what they could not."""
    OTHER = "other"
    """A field that `xmc plan` knows by its name only."""
    ANSWERS = "answers"
    """Requests are answered by something else, or in another way."""
    SECRETS = "secrets"
    """Where secrets are kept, and which are read."""
    SHOWN = "shown"
    """What clients read about an endpoint, without effect on requests."""


class Words(NamedTuple):
    """How serious a change is, and a sentence without its end and without the name of the endpoint."""

    risk: Risk
    text: str


Row = Callable[[Change], Words]


_LONGEST = 200
"""Characters of a value in a sentence; the JSON form holds all of it."""


def shown(value: Any) -> str:
    r"""Return a value on one line, as JSON that may be cut, without what could steer a terminal.

    >>> shown("a\x1b[1m\u202e"), shown({"n": 1})
    ('"a\\u001b[1m�"', '{"n":1}')
    """
    text = visible(msgspec.json.encode(value, order="sorted").decode())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def step(change: Change) -> str:
    """Return the values of a change, of whatever kind it is.

    >>> step(Change(("contract",), 1, 2))
    '1 -> 2'
    """
    if change.kind == "changed":
        return f"{shown(change.old)} -> {shown(change.new)}"
    value, what = (change.new, "is new") if change.kind == "added" else (change.old, "is gone")
    return what if value is True else f"{shown(value)} {what}"


def entity_of(change: Change) -> str:
    """Return the entity within which a change is, as the begin of a sentence; "" if it is in none."""
    match change.path:
        case ("endpoints", _, "entities", entity, _, *_):
            return f"{visible(entity)}: "
    return ""


def inside(change: Change) -> str:
    """Return where within its entity, endpoint or table a change is, in dots."""
    above = 4 if entity_of(change) else 2 if change.path[0] == "endpoints" else 0
    return visible(".".join(change.path[above:]))


def unknown(change: Change) -> Words:
    """The words for a field without a row."""
    changed = f"changed from {shown(change.old)} to {shown(change.new)}"
    said = changed if change.kind == "changed" else step(change)
    return Words(Risk.OTHER, f"{entity_of(change)}field {inside(change)} {said}")


def field(name: str, risk: Risk = Risk.ANSWERS) -> Row:
    """A field that always has a value: `NAME old -> new`."""
    return lambda change: Words(risk, f"{entity_of(change)}{name} {step(change)}")


def item(name: str, risk: Risk = Risk.ANSWERS) -> Row:
    """An item of a mapping by its key: `NAME "key" old -> new`."""
    return lambda change: Words(risk, f"{entity_of(change)}{name} {shown(change.path[-1])} {step(change)}")


def limit(name: str, unit: str) -> Row:
    """A number of which less is a loss to clients."""

    def row(change: Change) -> Words:
        risk = Risk.LOSS if change.new < change.old else Risk.ANSWERS
        return Words(risk, f"{name} {change.old} -> {change.new} {unit}")

    return row


def either(added: Words, removed: Words) -> Row:
    """Something that is only ever there or not; `{name}` in the words is its name."""

    def row(change: Change) -> Words:
        risk, text = removed if change.kind == "removed" else added
        return Words(risk, entity_of(change) + text.format(name=visible(change.path[-1])))

    return row
