"""What crosses between the host and a provider plugin while a request is served. Plain frozen values.

The host owns sessions, deadlines, retries, accounting and the final `[DONE]`; a plugin only translates.

What is made for every request or event is a `msgspec.Struct`: as frozen as a frozen dataclass, and made in a tenth of
the time.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from xmc.schema.json import JsonObject

CANONICAL = "openai"
"""The dialect that adapters translate from and to. A target that takes another one too relays it as it is."""


class WireRequest(msgspec.Struct, frozen=True):
    """A provider-shaped HTTP request. `url` is complete and percent-encoded; no credential is in it yet."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def with_headers(self, headers: tuple[tuple[str, str], ...]) -> "WireRequest":
        """Return the same request with more headers, as a signature does."""
        return WireRequest(self.method, self.url, self.headers + headers, self.body)

    def __repr__(self) -> str:
        # Signed requests carry credentials in headers: names only.
        names = ", ".join(name for name, _ in self.headers)
        return f"WireRequest({self.method} {self.url.partition('?')[0]}, headers: {names}, {len(self.body)} bytes)"


class WireReply(msgspec.Struct, frozen=True):
    """A provider's whole HTTP answer. Header names are lower case; `body` is already un-gzipped."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"WireReply({self.status}, headers: {', '.join(self.headers)}, {len(self.body)} bytes)"


class Event(msgspec.Struct, frozen=True):
    """One decoded unit of an upstream stream (an SSE event, an event-stream message, a line of NDJSON).

    `data` is the payload as it came; `kind` is the SSE `event:` field or the framing's own message type, "" if none.
    """

    data: bytes
    kind: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """A request that this target cannot honour, by name. The client sees 400 with `code` and `param`."""

    message: str
    param: str | None = None
    code: str = "unsupported_parameter"


class ProviderError(msgspec.Struct, frozen=True):
    """An upstream failure in the provider's own words.

    `status` is the upstream's HTTP status, or for an error inside a stream the number the provider names, 0 if none.
    `garbled` marks an answer that could not be read at all. `details` is kept under `error.innererror`.
    """

    status: int
    message: str
    code: str | None = None
    type: str | None = None
    param: str | None = None
    request_id: str | None = None
    details: Any = None
    garbled: bool = False


class Response(msgspec.Struct, frozen=True):
    """A response body in the dialect of the request (in the canonical one: OpenAI's shape for the task), decoded.

    `raw` is the same as bytes, where the upstream's own may go to the client as they came.
    """

    body: dict[str, Any]
    raw: bytes | None = None


Chunk = dict[str, Any]
"""A canonical stream chunk. The usage chunk is the one with `choices: []` and `usage`."""


class StreamDecoder(Protocol):
    """Provider events to canonical chunks, for one stream. Same chunks however the bytes were split.

    Total: anything unreadable comes out as a `ProviderError`, never as an exception. After a `ProviderError` the
    host stops feeding. The usage chunk is always emitted when usage is known; the host withholds it if not asked for.
    """

    def feed(self, event: Event) -> Sequence[Chunk | ProviderError]:
        """Translate one event into zero or more chunks."""
        ...

    def finish(self) -> Sequence[Chunk | ProviderError]:
        """Called once, after the upstream's message ended properly: the last chunks (usage), or an error."""
        ...


class Context(msgspec.Struct, frozen=True):
    """What the host knows about one request. Adapters get ids and times here and make none of their own.

    `created` is Unix seconds. `id` is the stem for ids that the upstream does not give (`chatcmpl-<id>`).
    `dialect` names the shape that the client speaks: `openai`, or another one of `Target.dialects` (`messages`), in
    which request and answer pass as they are. `headers` are those of the client's that `Target.client_headers` names.
    """

    request_id: str
    id: str
    created: int
    dialect: str = CANONICAL
    options: JsonObject = {}
    headers: Mapping[str, str] = {}


class Exchange(msgspec.Struct, frozen=True):
    """One canonical request, translated: the upstream calls to make, and how to read what they answer.

    `calls` are made concurrently (bounded by the host). `decode` gets their replies in the same order, also an only
    one with an error status; of several calls the first that is answered with a status from 400 ends the others, and
    `decode` gets that reply alone. `decoder` is None where the upstream call does not stream: if the client asked for a
    stream the host replays the decoded response as chunks. `choices` is how many choices a complete stream finishes.
    `dropped` lists parameters without effect, for the `x-xmc-dropped` header.
    """

    calls: tuple[WireRequest, ...]
    decode: Callable[[Sequence[WireReply]], Response | ProviderError]
    decoder: Callable[[], StreamDecoder] | None = None
    choices: int = 1
    dropped: tuple[str, ...] = ()
