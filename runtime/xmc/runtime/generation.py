"""A generation: one routing table made ready to serve. Immutable; a request keeps the one that it began with.

Verify says by name what this installation lacks for a table; bind builds adapters, credentials and look-ups, so that
a request finds everything decided.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec

from xmc.plugins import CONTRACT, Adapter, Clock, Framing, Plugins
from xmc.runtime.callers import Callers
from xmc.runtime.credentials import CredentialHolder, UpstreamIO
from xmc.runtime.pick import Picker
from xmc.runtime.upstream import Upstream
from xmc.runtime.ways import EgressError, Ways
from xmc.schema import Auth, Endpoint, Entity, Secret, Serving, Table, TableError, Target, Task

# What carries credentials of ours from clients stays with the host.
_KEPT_BACK = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
# Credentials that need a call are fetched at bind time for at most so long; then traffic begins without them.
_PRIME_S = 5.0
_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class BoundEntity:
    """A served entity with its adapter, framing, credential and way out."""

    name: str
    target: Target
    adapter: Adapter = field(repr=False)
    framing: Framing = field(repr=False)
    credential: CredentialHolder = field(repr=False)
    upstream: Upstream = field(repr=False)


@dataclass(frozen=True, slots=True)
class BoundEndpoint:
    """An endpoint with its entities by name and its pick."""

    name: str
    task: Task
    serving: Serving
    entities: Mapping[str, BoundEntity]
    picker: Picker = field(repr=False)


@dataclass(frozen=True, slots=True)
class Generation:
    """A table bound to this process. `loaded_at_ms` is Unix milliseconds, `max_body_bytes` the largest limit in it."""

    number: int
    table: Table = field(repr=False)
    endpoints: Mapping[str, BoundEndpoint] = field(repr=False)
    callers: Callers = field(repr=False)
    loaded_at_ms: int
    max_body_bytes: int


def verify(table: Table, plugins: Plugins) -> None:
    """Check that this installation can serve the table.

    Raises:
        TableError: another plugin contract, or something that no installed plugin adds; all of it is named at once.
    """
    if table.contract != CONTRACT:
        raise TableError(
            f"this table was compiled for plugin contract {table.contract}; this version of xmc has contract "
            f"{CONTRACT}: compile the spec again"
        )
    targets = [entity.target for endpoint in table.endpoints for entity in endpoint.entities]
    wanted = (
        ("provider", {target.provider for target in targets} - plugins.providers.keys()),
        ("authentication scheme", {target.auth.scheme for target in targets} - plugins.auth_schemes.keys()),
        ("framing", {target.framing for target in targets} - plugins.framings.keys()),
        ("secret store", {store.kind for store in table.stores.values()} - plugins.secret_stores.keys()),
    )
    missing = [f"{kind} {name!r}" for kind, names in wanted for name in sorted(names)]
    if missing:
        raise TableError(f"no installed plugin adds {', '.join(missing)}, which this table needs")
    for endpoint in table.endpoints:
        for entity in endpoint.entities:
            _verify_entity(table, endpoint, entity)


def _verify_entity(table: Table, endpoint: Endpoint, entity: Entity) -> None:
    for header in _KEPT_BACK.intersection(entity.target.client_headers):
        raise TableError(f"{endpoint.name}/{entity.name} asks for the clients' header {header!r}, a credential")
    for slot in entity.target.auth.slots.values():
        if slot not in table.secrets:
            raise TableError(
                f"{endpoint.name}/{entity.name} needs the secret {slot!r}, for which the table has no slot"
            )


@dataclass(frozen=True, slots=True)
class Binder:
    """What it takes to bind: plugins, the values of the table's secret slots by name, and the ways out."""

    plugins: Plugins
    secrets: Mapping[str, Secret] = field(repr=False)
    ways: Ways
    clock: Clock

    async def bind(self, table: Table, *, number: int = 1) -> Generation:
        """Make a verified table ready to serve.

        Raises:
            AuthError: a secret cannot be used by its scheme.
            EgressError: an entity cannot be reached as the table says.
        """
        holders: _Holders = {}
        endpoints = {endpoint.name: self._endpoint(endpoint, holders) for endpoint in table.endpoints}
        await _prime(tuple(holders.values()))
        return Generation(
            number=number,
            table=table,
            endpoints=MappingProxyType(endpoints),
            callers=Callers(table.principals),
            loaded_at_ms=int(self.clock.now() * 1000),
            max_body_bytes=max((endpoint.serving.max_body_bytes for endpoint in table.endpoints), default=0),
        )

    def _endpoint(self, endpoint: Endpoint, holders: "_Holders") -> BoundEndpoint:
        weights = [(entity.name, entity.weight) for entity in endpoint.entities]
        return BoundEndpoint(
            name=endpoint.name,
            task=endpoint.task,
            serving=endpoint.serving,
            entities=MappingProxyType(
                {entity.name: self._entity(endpoint, entity, holders) for entity in endpoint.entities}
            ),
            picker=Picker(endpoint.name, endpoint.serving.salt, weights),
        )

    def _entity(self, endpoint: Endpoint, entity: Entity, holders: "_Holders") -> BoundEntity:
        target, plugins = entity.target, self.plugins
        try:
            upstream, of_schemes = self.ways.of(entity, plugins.auth_schemes[target.auth.scheme])
        except EgressError as error:
            raise EgressError(f"{endpoint.name}/{entity.name}: {error}") from None
        return BoundEntity(
            name=entity.name,
            target=target,
            adapter=plugins.providers[target.provider].adapter(target),
            framing=plugins.framings[target.framing],
            credential=self._credential(target.auth, of_schemes, holders),
            upstream=upstream,
        )

    def _credential(self, auth: Auth, upstream: Upstream, holders: "_Holders") -> CredentialHolder:
        """Return the credential of a target; targets that authenticate alike, by one way, share it and its token."""
        key = (_encode(auth), upstream)
        if key not in holders:
            values = {role: self.secrets[slot] for role, slot in auth.slots.items()}
            scheme = self.plugins.auth_schemes[auth.scheme]
            holders[key] = CredentialHolder(scheme, auth, values, UpstreamIO(upstream), self.clock)
        return holders[key]


_Holders = dict[tuple[bytes, Upstream], CredentialHolder]


async def _prime(holders: Sequence[CredentialHolder]) -> None:
    """Start all acquisitions; what is slow goes on by itself and the first request waits. Raises `AuthError`."""
    tasks = [asyncio.ensure_future(holder.prime()) for holder in holders]
    if tasks:
        done, _ = await asyncio.wait(tasks, timeout=_PRIME_S)
        for task in done:
            task.result()
