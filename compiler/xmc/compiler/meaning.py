"""What a routing table means, as plain nested data in which the order of names is gone. Pure.

Lists whose items have a name become mappings by it, sets become mappings to `True`, and a few facts that follow from
several fields stand beside them: `open`, `hosts`, and of every endpoint `destinations`. Every field of every record is
there under its own name, also those that nothing here knows, except the digest, which only repeats the rest.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import msgspec

from xmc.schema import Endpoint, Entity, Table

WITHOUT_MEANING = ("digest",)
"""Fields of `Table` that say nothing by themselves."""

DERIVED = {"open": (), "hosts": (), "destinations": ("endpoints", "*")}
"""What is added to the fields, by the place where it stands; no record may have a field of that name."""

EVERY_ENDPOINT = "*"
"""Stands in a meaning for all that a principal may call, in place of names."""

_ENTITY = "endpoints/*/entities/*"
# Lists by the key that names their items. Where two items have the same name, the second gets `#2`.
_NAMED = {
    "endpoints": "name",
    "endpoints/*/entities": "name",
    "endpoints/*/document/config/served_entities": "name",
    "endpoints/*/document/config/traffic_config/routes": "served_entity_name",
    "endpoints/*/document/tags": "key",
    "principals": "name",
    "principals/*/tokens": "id",
}
_SETS = {
    "principals/*/endpoints",
    f"{_ENTITY}/lacks",
    f"{_ENTITY}/target/dialects",
    f"{_ENTITY}/target/client_headers",
}
_PAIRS = {f"{_ENTITY}/target/headers"}
_FINGERPRINT = 12


def meaning(table: Table) -> dict[str, Any]:
    """Return the meaning of a table. Of client tokens only a fingerprint is in it, of secrets where they are kept."""
    plain: dict[str, Any] = msgspec.to_builtins(table)
    for field in WITHOUT_MEANING:
        del plain[field]
    for principal in plain["principals"]:
        if EVERY_ENDPOINT in principal["endpoints"]:
            principal["endpoints"] = EVERY_ENDPOINT  # what is named beside it adds nothing
        principal["tokens"] = [_fingerprint(token) for token in principal["tokens"]]
    for endpoint, one in zip(plain["endpoints"], table.endpoints, strict=True):
        endpoint["destinations"] = {label: True for entity in one.entities for label in destinations(entity)}
    hosts = {host: True for endpoint in table.endpoints for host in _hosts(endpoint)}
    tree: dict[str, Any] = _settled({**plain, "hosts": hosts, "open": not table.principals}, "")
    return tree


def destinations(entity: Entity) -> Iterator[str]:
    """Return where the data of an entity goes: the host of its URL with the region, and hosts of further URLs.

    These are in the target's options and credentials and in settings of the entity, such as a token's or a proxy's.
    """
    target = entity.target
    own = host_of(target.url)
    yield f"{own} (region {target.region})"
    yield from sorted({host for url in _urls(_rest(entity)) if (host := host_of(url)) != own})


def host_of(url: str) -> str:
    """Return host and port of a URL.

    >>> host_of("https://llm.example:8443/v1/chat?x=1"), host_of("no url")
    ('llm.example:8443', 'no host')
    """
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or "no host"
    except ValueError:
        return "no host"


def _hosts(endpoint: Endpoint) -> Iterator[str]:
    for entity in endpoint.entities:
        yield host_of(entity.target.url)
        yield from (host_of(url) for url in _urls(_rest(entity)))


def _rest(entity: Entity) -> dict[str, Any]:
    """Return an entity without its main URL, and without headers: what these name is not called."""
    plain: dict[str, Any] = msgspec.to_builtins(entity)
    plain["target"] = {key: value for key, value in plain["target"].items() if key not in {"url", "headers"}}
    return plain


def _urls(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(("http://", "https://")):
            yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _urls(part)


def _fingerprint(token: dict[str, str]) -> dict[str, str]:
    whole = encoded([token["salt"], token["sha256"]])
    return {"id": token["id"], "fingerprint": sha256(whole).hexdigest()[:_FINGERPRINT]}


def encoded(value: Any) -> bytes:
    """Return plain data as bytes that are equal exactly where it is; to Python, `True` and `1` are equal too."""
    return msgspec.json.encode(value, order="sorted")


def _settled(value: Any, place: str) -> Any:
    if isinstance(value, dict):
        return {key: _settled(part, f"{place}/{key}" if place else key) for key, part in value.items()}
    if not isinstance(value, list | tuple):
        return value
    if place in _SETS and all(isinstance(item, str) for item in value):
        return dict.fromkeys(value, True)
    if place in _PAIRS:
        return _by_name(((str(item[0]), item[1]) for item in value), place, ordered=True)
    key = _NAMED.get(place)
    if key and all(isinstance(item, dict) and isinstance(item.get(key), str) for item in value):
        named = ((item[key], {name: part for name, part in item.items() if name != key}) for item in value)
        return _by_name(named, place, ordered=False)
    return [_settled(item, f"{place}/*") for item in value]


def _by_name(items: Iterable[tuple[str, Any]], place: str, *, ordered: bool) -> dict[str, Any]:
    """Return items by name. Of those with the same name the order counts only if they are `ordered`."""
    listed = list(items) if ordered else sorted(items, key=lambda item: (item[0], encoded(item[1])))
    found: dict[str, Any] = {}
    for name, item in listed:
        free, number = name, 1
        while free in found:
            number += 1
            free = f"{name}#{number}"
        found[free] = _settled(item, f"{place}/*")
    return found
