"""Which words each place in a table gets when it changes. Pure.

A place without a row of its own gets "field X changed from … to …": a field that is newer than this file is told by its
name, never passed over.
"""

from typing import Any

from xmc.compiler.excerpt import visible
from xmc.compiler.meaning import EVERY_ENDPOINT
from xmc.compiler.plan import Change, Place
from xmc.compiler.plan_words import (
    Risk,
    Row,
    Words,
    either,
    entity_of,
    field,
    inside,
    item,
    limit,
    step,
    unknown,
)

_MIRRORED = {"added": "new", "removed": "gone", "changed": "changed"}


def words(change: Change) -> Words:
    """Return what a change is, in words."""
    for pattern, row in _ROWS:
        if _fits(pattern, change.path):
            return row(change)
    return unknown(change)


def _fits(pattern: Place, path: Place) -> bool:
    """Tell whether a path has the form of a pattern: `*` is any name, `**` at the end anything below."""
    if pattern[-1] == "**":
        pattern = pattern[:-1]
        if len(path) <= len(pattern):
            return False
        path = path[: len(pattern)]
    return len(path) == len(pattern) and all(name in ("*", part) for name, part in zip(pattern, path, strict=True))


def _endpoint(change: Change) -> Words:
    if change.kind == "removed":
        return Words(Risk.LOSS, "the endpoint is gone: its clients get 404")
    goes = ", ".join(visible(name) for name in sorted(change.new["destinations"]))
    entities = "; ".join(f"{visible(name)} ({_told(one)})" for name, one in sorted(change.new["entities"].items()))
    return Words(Risk.DATA, f"the endpoint is new, for {change.new['task']}: {entities}; data goes to {goes}")


def _entity(change: Change) -> Words:
    name = visible(change.path[-1])
    if change.kind == "removed":
        return Words(Risk.LOSS, f"{name}: the entity is gone ({change.old['weight']} %), and with it its own path")
    return Words(Risk.ANSWERS, f"{name}: the entity is new ({_told(change.new)})")


def _told(entity: dict[str, Any]) -> str:
    target = entity["target"]
    return visible(f"{entity['weight']} %, model {target['model']} of {target['provider']}, region {target['region']}")


def _weight(change: Change) -> Words:
    note = "" if change.new else "; only its own path reaches it now"
    return Words(Risk.ANSWERS, f"{entity_of(change)}share {change.old} % -> {change.new} %{note}")


def _allowed(endpoints: Any) -> str:
    if endpoints == EVERY_ENDPOINT:
        return "every endpoint"
    return ", ".join(visible(name) for name in sorted(endpoints)) or "no endpoint"


def _principal(change: Change) -> Words:
    who = visible(change.path[1])
    if change.kind == "removed":
        return Words(Risk.LOSS, f"{who} may not call any more")
    metrics = ", and may read metrics" if change.new["metrics"] else ""
    return Words(Risk.ACCESS, f"{who} is new: may call {_allowed(change.new['endpoints'])}{metrics}")


def _permissions(change: Change) -> Words:
    """From all endpoints to named ones, or the other way."""
    who = visible(change.path[1])
    if change.new == EVERY_ENDPOINT:
        return Words(Risk.ACCESS, f"{who} may call every endpoint; it was {_allowed(change.old)}")
    return Words(Risk.LOSS, f"{who} may call {_allowed(change.new)} only; it was every endpoint")


def _permission(change: Change) -> Words:
    who, what = (visible(change.path[at]) for at in (1, 3))
    if change.kind == "removed":
        return Words(Risk.LOSS, f"{who} may not call {what} any more")
    return Words(Risk.ACCESS, f"{who} may call {what}")


def _metrics(change: Change) -> Words:
    who = visible(change.path[1])
    if change.new is True:
        return Words(Risk.ACCESS, f"{who} may read metrics")
    return Words(Risk.LOSS, f"{who} may not read metrics any more")


def _token(change: Change) -> Words:
    who, which = (visible(change.path[at]) for at in (1, 3))
    if change.kind == "added":
        return Words(Risk.ACCESS, f"{who}: the token {which} is new")
    what = "is not taken any more" if change.kind == "removed" else "is another one under the same id"
    return Words(Risk.LOSS, f"{who}: the token {which} {what}")


def _open(change: Change) -> Words:
    if change.new:
        return Words(Risk.ACCESS, "there are no principals any more: whoever reaches the gateway may call everything")
    return Words(Risk.LOSS, "there are principals now: calls without a token are refused")


def _secret(change: Change) -> Words:
    slot, read = (change.new, "is read anew from") if change.kind == "added" else (change.old, "is no longer read from")
    place = " ".join(filter(None, (slot["path"], slot["field"])))
    return Words(Risk.SECRETS, visible(f"{slot['ref']} {read} the store {slot['store']} ({place})"))


def _document(change: Change) -> Words:
    """A document mirrors the rest of its endpoint: of a whole part of it, that it is there or not is enough."""
    value = change.old if change.kind == "removed" else change.new
    if isinstance(value, dict | list):
        return Words(Risk.SHOWN, f"{inside(change)} is {_MIRRORED[change.kind]}")
    return Words(Risk.SHOWN, f"{inside(change)} {step(change)}")


def _slot(name: str) -> Row:
    return lambda change: Words(Risk.SECRETS, f"{visible(change.path[1])}: {name} {step(change)}")


def _dotted(name: str, risk: Risk = Risk.ANSWERS, *, below: int) -> Row:
    """Anything at or below a mapping whose keys are free; `below` names of the path lead to it."""
    return lambda change: Words(
        risk, f"{entity_of(change)}{name} {visible('.'.join(change.path[below:]))} {step(change)}".replace("  ", " ")
    )


_TARGET = "endpoints/*/entities/*/target"
_SERVING = "endpoints/*/serving"
_LISTED: tuple[tuple[str, Row], ...] = (
    ("endpoints/*", _endpoint),
    ("endpoints/*/task", field("task", Risk.LOSS)),
    (
        "endpoints/*/destinations/*",
        either(Words(Risk.DATA, "data goes anew to {name}"), Words(Risk.ANSWERS, "data goes no longer to {name}")),
    ),
    ("endpoints/*/entities/*", _entity),
    ("endpoints/*/entities/*/weight", _weight),
    (
        "endpoints/*/entities/*/lacks/*",
        either(
            Words(Risk.LOSS, "{name} is refused or dropped now"),
            Words(Risk.ANSWERS, "{name} is not refused or dropped any more"),
        ),
    ),
    ("endpoints/*/entities/*/egress", field("egress", Risk.DATA)),
    ("endpoints/*/entities/*/egress/**", _dotted("egress", Risk.DATA, below=5)),
    (f"{_TARGET}/provider", field("provider")),
    (f"{_TARGET}/task", field("task", Risk.LOSS)),
    (f"{_TARGET}/model", field("model")),
    (f"{_TARGET}/url", field("URL")),
    (f"{_TARGET}/region", field("region", Risk.DATA)),
    (f"{_TARGET}/framing", field("framing")),
    (f"{_TARGET}/relay", field("relay class")),
    (f"{_TARGET}/auth/scheme", field("authentication scheme", Risk.SECRETS)),
    (f"{_TARGET}/auth/params/*", item("authentication parameter", Risk.SECRETS)),
    (f"{_TARGET}/auth/slots/*", item("secret for", Risk.SECRETS)),
    (f"{_TARGET}/headers/*", item("header")),
    (f"{_TARGET}/options/**", _dotted("option", below=6)),
    (
        f"{_TARGET}/dialects/*",
        either(
            Words(Risk.ANSWERS, "requests of the dialect {name} are taken as they are"),
            Words(Risk.LOSS, "requests of the dialect {name} are not taken as they are any more"),
        ),
    ),
    (f"{_TARGET}/client_headers/*", item("clients' header passed on:")),
    (f"{_SERVING}/timeouts/connect_ms", limit("time-out connect", "ms")),
    (f"{_SERVING}/timeouts/first_byte_ms", limit("time-out first byte", "ms")),
    (f"{_SERVING}/timeouts/idle_ms", limit("time-out idle", "ms")),
    (f"{_SERVING}/timeouts/total_ms", limit("time-out total", "ms")),
    (f"{_SERVING}/max_body_bytes", limit("largest request body", "bytes")),
    (f"{_SERVING}/hold_ms", field("milliseconds that a stream's headers wait:")),
    (f"{_SERVING}/salt", field("salt")),
    (f"{_SERVING}/sticky", field("sticky key")),
    ("endpoints/*/document/**", _document),
    ("open", _open),
    ("principals/*", _principal),
    ("principals/*/endpoints", _permissions),
    ("principals/*/endpoints/*", _permission),
    ("principals/*/metrics", _metrics),
    ("principals/*/tokens/*", _token),
    ("principals/*/tokens/*/fingerprint", _token),
    ("stores/*", item("store", Risk.SECRETS)),
    ("stores/*/kind", _dotted("store", Risk.SECRETS, below=1)),
    ("stores/*/config/**", _dotted("store", Risk.SECRETS, below=1)),
    ("secrets/*", _secret),
    ("secrets/*/ref", _slot("written as")),
    ("secrets/*/store", _slot("moved from store")),
    ("secrets/*/path", _slot("path")),
    ("secrets/*/field", _slot("field")),
    (
        "hosts/*",
        either(
            Words(Risk.DATA, "the host {name} is called anew"),
            Words(Risk.ANSWERS, "the host {name} is no longer called"),
        ),
    ),
    ("residency", field("regions that data may go to", Risk.DATA)),
    ("egress", field("hosts that may be called", Risk.DATA)),
    ("egress/allow", field("hosts that may be called", Risk.DATA)),
    ("contract", field("plugin contract")),
    ("format", field("format of the table")),
)
_ROWS = tuple((tuple(pattern.split("/")), row) for pattern, row in _LISTED)
