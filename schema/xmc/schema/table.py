"""The routing table: the frozen artifact that the compiler emits and the runtime serves.

Everything that can be decided before traffic is decided here. The file is canonical JSON; `digest` covers all
other members. No secret value is ever in it, only slots.
"""

from enum import StrEnum
from typing import Any

import msgspec

from xmc.schema.egress import Egress, EgressPolicy
from xmc.schema.json import digest, encode_exact
from xmc.schema.secret import SecretSlot
from xmc.schema.task import Task
from xmc.schema.wire import CANONICAL

FORMAT = 1
"""Version of the table format. A table of another format is refused, not guessed."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all table records: immutable, and an unknown member is an error."""


class Relay(StrEnum):
    """How much of an upstream stream is looked at before it goes on to the client.

    `EXACT`: events pass as bytes after a line scan. `SCAN`: every event is parsed, and passes as bytes where it is
    already canonical. `NORMALISE`: every event is decoded and encoded anew.
    """

    EXACT = "exact"
    SCAN = "scan"
    NORMALISE = "normalise"


class Auth(Record, frozen=True, kw_only=True):
    """The authentication scheme of a target, by name. `slots` maps the scheme's roles to names in `Table.secrets`."""

    scheme: str
    params: dict[str, str] = {}
    slots: dict[str, str] = {}


class Target(Record, frozen=True, kw_only=True):
    """The compiled upstream of one served entity: what a provider plugin's `link` returns.

    `url` is the complete, percent-encoded request URL. `headers` go on every call and hold no credential. `options`
    is the plugin's own data for its adapter (plain JSON, no floats). `region` is `unknown` unless the plugin knows.
    `dialects` are those of clients that the adapter takes as they are; `client_headers` are the names, in lower case,
    of the clients' headers that it wants to see, none of which may carry a credential.
    """

    provider: str
    task: Task
    model: str
    url: str
    auth: Auth
    framing: str = "sse"
    relay: Relay = Relay.NORMALISE
    region: str = "unknown"
    headers: tuple[tuple[str, str], ...] = ()
    options: dict[str, Any] = {}
    dialects: tuple[str, ...] = (CANONICAL,)
    client_headers: tuple[str, ...] = ()


class Entity(Record, frozen=True, kw_only=True):
    """A served entity with its share of traffic in percent; 0 means that only a pinned path reaches it.

    `lacks` names the capabilities that it does not have: request parameters that its provider refuses or drops.
    `egress` is None where the upstream is simply reached by its URL.
    """

    name: str
    weight: int
    target: Target
    lacks: tuple[str, ...] = ()
    egress: Egress | None = None


class Timeouts(Record, frozen=True, kw_only=True):
    """Limits on one upstream call, in milliseconds.

    `connect_ms`: TCP and TLS. `first_byte_ms`: from sending to the first byte of the answer (of a stream: the first
    event). `idle_ms`: between two reads. `total_ms`: the whole call.
    """

    connect_ms: int = 10_000
    first_byte_ms: int = 300_000
    idle_ms: int = 120_000
    total_ms: int = 600_000


class Serving(Record, frozen=True, kw_only=True):
    """How an endpoint is served: xmc's own settings, which Databricks does not have.

    `hold_ms`: how long a stream's headers wait for the first upstream event. `sticky` names what keeps a caller on one
    entity: `principal`, `body:<field>` or `header:<name>`. `salt` reshuffles the pick.
    """

    timeouts: Timeouts = Timeouts()
    hold_ms: int = 30_000
    max_body_bytes: int = 16 * 1024 * 1024
    salt: str = ""
    sticky: str | None = None


class Endpoint(Record, frozen=True, kw_only=True):
    """A named, client-visible endpoint. `document` is what `GET /api/2.0/serving-endpoints/{name}` shows, redacted."""

    name: str
    task: Task
    entities: tuple[Entity, ...]
    serving: Serving = Serving()
    document: dict[str, Any] = {}


class TokenHash(Record, frozen=True, kw_only=True):
    """A client token as the table knows it: `sha256` is the hex SHA-256 of salt + token, both as UTF-8.

    `id` is the public part of the token (`xmc_<id>_<secret>`) and finds the row; tokens carry 256 random bits, so a
    plain salted hash is enough.
    """

    id: str
    salt: str
    sha256: str


class Principal(Record, frozen=True, kw_only=True):
    """Who may call. `endpoints` are names, or `*` for all; `metrics` allows `GET /metrics` on the serving port."""

    name: str
    tokens: tuple[TokenHash, ...]
    endpoints: tuple[str, ...] = ("*",)
    metrics: bool = False


class Store(Record, frozen=True, kw_only=True):
    """A secret store that slots read from: `kind` is the plugin's name, `config` its own settings (no secrets)."""

    kind: str
    config: dict[str, Any] = {}


class Table(Record, frozen=True, kw_only=True):
    """The routing table. `contract` is the plugin contract version that its targets were linked for.

    `residency` holds the patterns of the regions that its targets were allowed to be in; () if all were.
    `egress` lists the hosts that may be called; None allows all but those that are never called.
    """

    endpoints: tuple[Endpoint, ...]
    contract: int
    principals: tuple[Principal, ...] = ()
    stores: dict[str, Store] = {}
    secrets: dict[str, SecretSlot] = {}
    residency: tuple[str, ...] = ()
    egress: EgressPolicy | None = None
    format: int = FORMAT
    digest: str = ""


class TableError(ValueError):
    """A table that must not be served; the message says why, in a sentence for the operator."""


def encode_table(table: Table) -> bytes:
    """Freeze a table: canonical JSON with its digest filled in, ending in a newline."""
    plain = msgspec.to_builtins(table)
    del plain["digest"]
    plain["digest"] = digest(plain)
    return encode_exact(plain) + b"\n"


def freeze_table(table: Table) -> Table:
    """Return the table as `decode_table` reads what `encode_table` writes, with its digest; the file need not be.

    Raises:
        TableError: something in it is not of the type that it says.
    """
    try:
        return msgspec.json.decode(encode_table(table), type=Table)
    except msgspec.ValidationError as error:
        raise TableError(f"this is not a valid routing table: {error}") from error


def decode_table(data: bytes) -> Table:
    """Read a table and verify its format, its digest, and that its bytes are exactly those that xmc writes.

    Raises:
        TableError: not JSON, another format, a digest that does not fit, other bytes for the same content, or a shape
            that is not a table.
    """
    try:
        plain = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TableError(f"this is not a routing table: {error}") from error
    if not isinstance(plain, dict) or "format" not in plain:
        raise TableError("this is not a routing table: it has no `format`")
    if type(plain["format"]) is not int or plain["format"] != FORMAT:
        raise TableError(f"this table has format {plain['format']!r}; this version of xmc reads format {FORMAT}")
    _verify_bytes(data, plain)
    try:
        return msgspec.convert(plain, Table)
    except msgspec.ValidationError as error:
        raise TableError(f"this is not a valid routing table: {error}") from error


def _verify_bytes(data: bytes, plain: dict[str, Any]) -> None:
    """The digest is of what a table says; that it is said in the canonical bytes is asked as well.

    Otherwise white space, another order of keys or an escape would be a change that nothing notices.
    """
    claimed = plain.pop("digest", None)
    try:
        actual = digest(plain)
    except (TypeError, RecursionError) as error:
        raise TableError(f"this table was changed after it was compiled ({error}); compile the spec again") from error
    if claimed != actual:
        raise TableError(
            "the digest does not fit: this table was changed after it was compiled; compile the spec again"
        )
    plain["digest"] = claimed
    if msgspec.json.encode(plain, order="sorted") + b"\n" != data:
        raise TableError(
            "this table says what was compiled, in other bytes (white space, order of keys or escapes): "
            "it was changed after it was compiled; compile the spec again"
        )
