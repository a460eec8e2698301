"""A spec in the making: served entities one by one, then endpoints with shares that add up to 100."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from xmc.compiler.imports.ledger import Ledger, Outcome
from xmc.compiler.imports.secret_book import Hidden, SecretBook, SecretNote
from xmc.compiler.node import Path

MAX_ENTITIES = 15
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
_CREDENTIAL = re.compile(
    r"[?&](?:[^=&#]*[-_.])?(?:key|apikey|token|secret|password|sig|signature|code)=", re.IGNORECASE
)


class LeftOutError(Exception):
    """A served entity or an endpoint that cannot be carried over; the text says why."""


@dataclass(frozen=True, slots=True)
class _Carried:
    source: Path
    to: Path
    reason: str


@dataclass(slots=True)
class Draft:
    """One served entity. Nothing is said to the ledger before it is known that the entity is in the spec.

    `root` is where the entity stands in the input: what is left of it is named when it is left out.
    """

    root: Path
    provider: str = ""
    config_key: str = ""
    model: str = ""
    task: str = ""
    name: str = ""
    note: str = ""
    """What has to be known about the provider, if it is not the one of the input."""
    config: dict[str, Any] = field(default_factory=dict)
    _carried: list[_Carried] = field(default_factory=list)
    _named: list[tuple[Path, str, Outcome]] = field(default_factory=list)

    def carry(self, source: Path, *to: str, reason: str = "") -> None:
        """Say that the key at `source` goes to `to`, a path below the served entity."""
        self._carried.append(_Carried(source, to, reason))

    def put(self, key: str, value: Any, *sources: Path, reason: str = "") -> None:
        """Set a key of the provider's configuration; `.` in `key` goes a level down.

        Raises:
            LeftOutError: the value is a URL with a credential in it.
        """
        _refuse_credentials(value)
        steps = key.split(".")
        inner = self.config
        for step in steps[:-1]:
            inner = inner.setdefault(step, {})
        inner[steps[-1]] = value
        for source in sources:
            self.carry(source, "external_model", self.config_key, *steps, reason=reason)

    def lose(self, path: Path, reason: str, outcome: Outcome = Outcome.LOST) -> None:
        """Name what is below `path`, once the entity is in the spec."""
        self._named.append((path, reason, outcome))

    def settle(self, ledger: Ledger, at: Path) -> None:
        """Tell the ledger, now that the entity stands at `at` in the spec."""
        for one in self._carried:
            ledger.carry(one.source, (*at, *one.to), reason=one.reason)
        for path, reason, outcome in self._named:
            ledger.name(path, reason, outcome)

    def sources_of(self, *to: str) -> tuple[Path, ...]:
        """Return the keys of the input that go to a place of the entity."""
        return tuple(one.source for one in self._carried if one.to == to)


class SpecBuilder:
    """The spec of one import. Every endpoint comes with all its entities, so that indices are final."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.book = SecretBook(ledger.document)
        self.defaults: dict[str, Any] = {}
        self.endpoints: list[dict[str, Any]] = []
        self._names: dict[str, str] = {}

    def endpoint_name(self, wanted: str) -> tuple[str, str]:
        """Return a free name that a spec allows, and what clients have to know if it is another one."""
        name = _unique(_fitting(wanted), self._names)
        self._names[name] = wanted
        return name, "" if name == wanted else f"clients ask for {name!r} here: {_why(wanted, name)}"

    def add(self, name: str, drafts: Sequence[Draft], shares: Sequence[int] | None) -> Path:
        """Append an endpoint; return where it is. With one entity and no shares no traffic is written down."""
        at: Path = ("endpoints", len(self.endpoints))
        names: dict[str, str] = {}
        entities: list[dict[str, Any]] = []
        for index, draft in enumerate(drafts):
            entity_name = _unique(_fitting(draft.name or draft.model), names)
            names[entity_name] = draft.name
            here = (*at, "config", "served_entities", index)
            external: dict[str, Any] = {"name": draft.model, "provider": draft.provider, "task": draft.task}
            external[draft.config_key] = self._revealed(draft, draft.config, ())
            entities.append({"name": entity_name, "external_model": external})
            draft.settle(self.ledger, here)
        config: dict[str, Any] = {"served_entities": entities}
        if shares is not None:
            routes = [
                {"served_entity_name": entity["name"], "traffic_percentage": share}
                for entity, share in zip(entities, shares, strict=True)
            ]
            config["traffic_config"] = {"routes": routes}
        self.endpoints.append({"name": name, "config": config})
        return at

    def spec(self) -> dict[str, Any]:
        """Return the spec, with its keys in the order in which people read them."""
        spec: dict[str, Any] = {}
        block = self.book.block()
        if block is not None:
            spec["secrets"] = block
        if self.defaults:
            spec["defaults"] = self.defaults
        return {**spec, "endpoints": self.endpoints}

    def notes(self) -> tuple[SecretNote, ...]:
        """Return what secrets must be put in place."""
        return self.book.notes()

    def _revealed(self, draft: Draft, config: dict[str, Any], at: tuple[str, ...]) -> dict[str, Any]:
        """Return a configuration with references in the place of secrets."""
        made: dict[str, Any] = {}
        for key, value in config.items():
            if isinstance(value, Hidden):
                sources = draft.sources_of("external_model", draft.config_key, *at, key)
                made[key] = self.book.reference(value, *sources)
            elif isinstance(value, dict):
                made[key] = self._revealed(draft, value, (*at, key))
            else:
                made[key] = value
        return made


def apportion(weights: Sequence[float]) -> tuple[int, ...]:
    """Return whole percentages that add up to 100 and are in proportion to `weights`, by largest remainders.

    Without any weight above 0 all shares are equal. A positive weight never becomes 0.

    >>> apportion([1, 1, 1]), apportion([3, 1]), apportion([0, 0]), apportion([1000, 1])
    ((34, 33, 33), (75, 25), (50, 50), (99, 1))
    """
    if not any(weight > 0 for weight in weights):
        weights = [1.0] * len(weights)
    largest = max(weights)
    scaled = [weight / largest for weight in weights]
    total = sum(scaled)
    exact = [100 * weight / total for weight in scaled]
    shares = [max(int(part), 1) if weight > 0 else 0 for part, weight in zip(exact, weights, strict=True)]
    by_remainder = sorted(range(len(exact)), key=lambda index: exact[index] - shares[index], reverse=True)
    for index in by_remainder[: max(100 - sum(shares), 0)]:
        shares[index] += 1
    while sum(shares) > 100:  # noqa: PLR2004 - percent
        shares[max(range(len(shares)), key=shares.__getitem__)] -= 1
    return tuple(shares)


def at_most(drafts: Iterable[Draft], ledger: Ledger) -> list[Draft]:
    """Return the first entities, as many as an endpoint may have; name the rest."""
    kept = list(drafts)
    for draft in kept[MAX_ENTITIES:]:
        ledger.name(draft.root, f"left out: an endpoint has at most {MAX_ENTITIES} served entities")
    return kept[:MAX_ENTITIES]


def _refuse_credentials(value: Any) -> None:
    """A URL goes into the spec as it is; one that holds a password or a key must not."""
    if not isinstance(value, str) or "://" not in value:
        return
    authority, _, rest = value.partition("://")[2].partition("/")
    if "@" in authority or _CREDENTIAL.search(f"{authority}/{rest}"):
        raise LeftOutError("left out: its URL holds a user, a password or a key, which has no place in a spec")


def _fitting(text: str) -> str:
    """Return a text as a name of a spec.

    >>> _fitting("gpt-4.1"), _fitting("meta/llama 3"), _fitting("…")
    ('gpt-4-1', 'meta-llama-3', 'x')
    """
    return text if _NAME.fullmatch(text) else re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:63].strip("-") or "x"


def _unique(name: str, taken: Iterable[str]) -> str:
    free, number, used = name, 1, set(taken)
    while free in used:
        number += 1
        free = f"{name[:59]}-{number}"
    return free


def _why(wanted: str, name: str) -> str:
    if _NAME.fullmatch(wanted):
        return "the other name is taken"
    return "a name is 1 to 63 letters, digits, - and _" if _fitting(wanted) == name else "names must differ"
