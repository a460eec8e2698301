"""What changes in meaning between two routing tables. Pure.

A plan is a difference of two meanings (`meaning.py`) with the shares of traffic that move (`movement.py`). It forgets
nothing: of the same table it is empty, and the plan of the way back is its inverse. What a change is worth to people
is said elsewhere (`plan_words.py`, `plan_text.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import msgspec

from xmc.compiler.meaning import encoded, meaning
from xmc.compiler.movement import flows, shares
from xmc.schema import Endpoint, Table

ABSENT = msgspec.UNSET
"""The value of what is not there: `old` of something added, `new` of something removed."""

Place = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: the names that lead to it, and its plain values before and after."""

    path: Place
    old: Any
    new: Any

    @property
    def kind(self) -> str:
        """Return `added`, `removed` or `changed`."""
        if self.old is ABSENT:
            return "added"
        return "removed" if self.new is ABSENT else "changed"


@dataclass(frozen=True, slots=True)
class Flow:
    """The share of an endpoint's requests that one entity answered before and another answers now."""

    source: str
    target: str
    share: Fraction


@dataclass(frozen=True, slots=True)
class Traffic:
    """How the requests of an endpoint are shared before and after, and which share moves where.

    `reshuffled`: salt or sticky key changed, so that the picks have nothing to do with each other. `sticky` is what
    the shares are shares of (`None` and where it changed: requests). An entity named "" stands for nobody.
    """

    endpoint: str
    old: dict[str, Fraction]
    new: dict[str, Fraction]
    flows: tuple[Flow, ...]
    reshuffled: bool = False
    sticky: str | None = None

    @property
    def moved(self) -> Fraction:
        """Return the share of all requests that change entity."""
        return sum((flow.share for flow in self.flows), Fraction(0))


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes, ordered by path, and the traffic of endpoints whose shares move, ordered by name."""

    changes: tuple[Change, ...] = ()
    traffic: tuple[Traffic, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)


def plan_between(old: Table, new: Table) -> Plan:
    """Return what changes in meaning from one table to another."""
    changes = tuple(sorted(_differences((), meaning(old), meaning(new)), key=lambda one: one.path))
    before, after = ({one.name: one for one in table.endpoints} for table in (old, new))
    moved = (traffic(before[name], after[name]) for name in sorted(before.keys() & after.keys()))
    return Plan(changes, tuple(one for one in moved if one is not None))


def inverse(forth: Plan) -> Plan:
    """Return the plan of the way back: additions become removals, and every flow turns round."""
    return Plan(
        tuple(Change(one.path, one.new, one.old) for one in forth.changes),
        tuple(
            Traffic(
                endpoint=one.endpoint,
                old=one.new,
                new=one.old,
                flows=tuple(
                    sorted(
                        (Flow(flow.target, flow.source, flow.share) for flow in one.flows),
                        key=lambda flow: (flow.source, flow.target),
                    )
                ),
                reshuffled=one.reshuffled,
                sticky=one.sticky,
            )
            for one in forth.traffic
        ),
    )


def traffic(old: Endpoint, new: Endpoint) -> Traffic | None:
    """Return how an endpoint's shares move, or None if every request keeps its entity."""
    before, after = weights(old), weights(new)
    reshuffled = (old.serving.salt, old.serving.sticky) != (new.serving.salt, new.serving.sticky)
    moving = flows(before, after, reshuffled=reshuffled)
    if not moving:
        return None
    return Traffic(
        endpoint=old.name,
        old=shares(before),
        new=shares(after),
        flows=tuple(Flow(source, target, share) for (source, target), share in moving.items()),
        reshuffled=reshuffled,
        sticky=old.serving.sticky if old.serving.sticky == new.serving.sticky else None,
    )


def weights(endpoint: Endpoint) -> dict[str, int]:
    """Return the weights of an endpoint's entities as the pick sees them: none below 0, of one name the largest."""
    found: dict[str, int] = {}
    for entity in endpoint.entities:
        found[entity.name] = max(found.get(entity.name, 0), entity.weight)
    return found


def _differences(path: Place, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            yield from _differences((*path, key), old.get(key, ABSENT), new.get(key, ABSENT))
    elif old is ABSENT or new is ABSENT or encoded(old) != encoded(new):
        yield Change(path, old, new)
