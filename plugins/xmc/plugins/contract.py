"""The plugin contract: what a provider, an authentication scheme, a framing and a secret store are.

The host owns life cycle, ordering, I/O, deadlines, retries and accounting. Plugins are given values and return
values; only authentication schemes (through `AuthIO`) and secret stores (in a thread of their own) talk to anyone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from xmc.schema import (
    Auth,
    Context,
    Event,
    Exchange,
    Finding,
    JsonObject,
    Refusal,
    Secret,
    SecretSlot,
    Target,
    Task,
    WireReply,
    WireRequest,
)

CONTRACT = 1
"""Version of this contract. Every plugin states the version that it was written for (`XMC_CONTRACT = 1` in the module
or object that its entry point names), and every table the version that its targets were linked for; another number is
refused. The number rises when a plugin that keeps its word would break; new members with a default do not raise it."""


# --- providers -----------------------------------------------------------------------------------------------------


class Slot(msgspec.Struct, frozen=True):
    """Stands in a lifted provider configuration where the user wrote a secret; `name` is the slot's name."""

    name: str


class EntitySpec(msgspec.Struct, frozen=True):
    """One served entity of a spec that has passed its provider's schema: the input of `link`.

    `config` is the `<provider>_config` mapping. Every field whose schema says `x-xmc-secret` has been lifted: `K` (a
    reference) and `K_plaintext` (a value) both appear as `K: Slot(...)`, at whatever depth they stand.
    """

    endpoint: str
    name: str
    model: str
    task: Task
    config: Mapping[str, Any]


class Link(msgspec.Struct, frozen=True):
    """What `link` makes of a served entity: a target, or None with at least one finding of severity error."""

    target: Target | None
    findings: tuple[Finding, ...] = ()


class Capability(msgspec.Struct, frozen=True):
    """What one request parameter comes to at a provider, for one task; with where and when that was learnt.

    `status`: `yes` (passed on unchanged), `mapped`, `dropped` (listed in `x-xmc-dropped`), `refused` (400 by name) or
    `unknown` (passed on). `field` says where a mapped one ends up: a field of the upstream's body (dotted path), `url`,
    `header:NAME`, or `answer` if it only changes what the client gets.
    """

    status: str
    source: str
    date: str
    field: str = ""


class Adapter(Protocol):
    """A provider bound to one target. Pure: no I/O, no clock, no environment, no state between requests."""

    def prepare(self, request: JsonObject, context: Context) -> Exchange | Refusal:
        """Translate one canonical request, never mutating it. Raises nothing: what it cannot do it refuses by name."""
        ...


class Provider(Protocol):
    """One provider of `external_model.provider`."""

    @property
    def name(self) -> str:
        """The value of `external_model.provider`, e.g. `openai`."""
        ...

    @property
    def config_key(self) -> str:
        """The key of its configuration in `external_model`, e.g. `openai_config`."""
        ...

    @property
    def config_schema(self) -> JsonObject:
        """JSON Schema 2020-12 of that configuration, `additionalProperties: false`.

        Fields for secrets carry `"x-xmc-secret": "reference"` (the user writes `{{secrets/scope/key}}`) or
        `"x-xmc-secret": "plaintext"` (the user types the value; the name ends in `_plaintext`).
        """
        ...

    @property
    def capabilities(self) -> Mapping[Task, Mapping[str, Capability]]:
        """Capability records by task and request parameter. Its keys are the tasks that the provider serves."""
        ...

    def link(self, entity: EntitySpec) -> Link:
        """Compile time: turn a served entity into a target. Pure; the same entity gives the same target."""
        ...

    def adapter(self, target: Target) -> Adapter:
        """Bind time: called once per target of a table; do what can be done before traffic here."""
        ...


# --- authentication schemes ----------------------------------------------------------------------------------------


class Credential(msgspec.Struct, frozen=True):
    """What a scheme acquired. `headers` are added to a call; `data` is the scheme's own. Never printed.

    `expires_at` is Unix seconds, or None for a credential that lives as long as its secrets. `refresh_at` is when its
    giver wants it to be renewed; without it the host renews some minutes before the end.
    """

    headers: tuple[tuple[str, str], ...] = ()
    data: Any = None
    expires_at: float | None = None
    refresh_at: float | None = None

    def __repr__(self) -> str:
        return f"Credential(expires_at={self.expires_at}, refresh_at={self.refresh_at})"


class AuthIO(Protocol):
    """The only way out for an authentication scheme: one HTTP call through the host's own client."""

    async def call(self, wire: WireRequest) -> WireReply:
        """Send and read the whole reply. Raises the host's own errors for time-outs and connection failures."""
        ...


class Clock(Protocol):
    """Time as the host tells it."""

    def now(self) -> float:
        """Unix seconds."""
        ...


class AuthError(ValueError):
    """A credential that cannot be acquired or used. The message is for the operator and holds no value.

    `transient`: whoever gives out credentials is out of order, and a later attempt may succeed. Otherwise somebody must
    change something first, and clients are told not to try again.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


class AuthScheme(Protocol):
    """A way to put credentials on a call, named by `Target.auth.scheme`."""

    @property
    def name(self) -> str:
        """The scheme's name."""
        ...

    async def acquire(self, auth: Auth, secrets: Mapping[str, Secret], io: AuthIO, clock: Clock) -> Credential:
        """Get a credential; called once per target and secret version, and again before `expires_at`.

        `secrets` maps the roles of `auth.slots` to their values.

        Raises:
            AuthError: the secrets or the parameters make no credential, or the authority refused them.
        """
        ...

    def sign(self, wire: WireRequest, credential: Credential, now: float) -> WireRequest:
        """Return the call with the credential on it. `now` is Unix seconds.

        Pure, and called for every attempt. The host may call it in a thread where the body is large.
        """
        ...

    def stale(self, status: int, headers: Mapping[str, str]) -> bool:
        """Tell whether an upstream's refusal means that the credential on the call is out of date.

        Called for replies of status 401 and 403, before the body is read; header names are lower case. If so, the host
        acquires a new one and sends the call once more. A scheme whose credentials never expire says False.
        """
        ...


# --- framings ------------------------------------------------------------------------------------------------------


class FrameReader(Protocol):
    """Bytes to events, for one stream. Any split of the same bytes gives the same events."""

    def feed(self, data: bytes) -> Sequence[Event]:
        """Return the events that are complete now.

        Raises:
            FramingError: the bytes cannot be this framing, or one event is larger than the limit.
        """
        ...

    def finish(self) -> Sequence[Event]:
        """Called once at the end of the upstream's message: a last event that lacked its terminator, if any."""
        ...


class FramingError(ValueError):
    """An upstream stream that is not in its framing. The message is for the operator and holds no content."""


class Framing(Protocol):
    """A stream framing, named by `Target.framing`."""

    @property
    def name(self) -> str:
        """The framing's name."""
        ...

    @property
    def accept(self) -> str:
        """Media type for the `Accept` header and for telling a stream from a JSON answer."""
        ...

    def reader(self) -> FrameReader:
        """Return a fresh reader for one stream."""
        ...


# --- secret stores -------------------------------------------------------------------------------------------------


class StoreError(Exception):
    """A secret that a store did not give. `kind` says why; the message never holds a value.

    Kinds: `missing` (no such path or field), `denied` (the credentials may not), `unreachable` (no answer, sealed,
    TLS) and `invalid` (the store's settings or credentials are unusable). Raise it `from None` where the first
    exception could hold a value.
    """

    def __init__(self, kind: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.hint = hint


class Proof(msgspec.Struct, frozen=True):
    """That a reference exists, learnt where possible without reading its value. `version` as the store counts.

    `warning` is a sentence on what is wrong all the same, or could not be proven.
    """

    version: str | None = None
    value_was_read: bool = False
    warning: str | None = None


class StoreSession(Protocol):
    """An open store. Blocking: the host calls it in a thread of its own, never on the event loop."""

    def prove(self, slot: SecretSlot) -> Proof:
        """Show that the slot can be read. Raises `StoreError`."""
        ...

    def read(self, slot: SecretSlot) -> tuple[Secret, str | None]:
        """Return the value and its version, if the store counts versions. Raises `StoreError`."""
        ...


class SecretStore(Protocol):
    """A kind of secret store, named by `secrets.stores.<name>.kind` in a spec."""

    @property
    def name(self) -> str:
        """The kind's name, e.g. `vault`."""
        ...

    @property
    def config_schema(self) -> JsonObject:
        """JSON Schema 2020-12 of the store's settings beside `kind`. No secrets among them."""
        ...

    @property
    def scope_schema(self) -> JsonObject:
        """JSON Schema 2020-12 of a scope's entry in the spec's scope map, beside `store`."""
        ...

    def locate(self, scope: str, key: str, settings: JsonObject) -> tuple[str, str]:
        """Return (path, field) of a reference. `settings` is the scope's entry in the spec's scope map, {} if none.

        `settings` has passed `scope_schema`. Raises `StoreError` (`invalid`) for names that the store cannot hold.
        """
        ...

    def open(self, config: JsonObject, environ: Mapping[str, str]) -> StoreSession:
        """Open the store. Lazy imports and connections belong here. Raises `StoreError`."""
        ...
