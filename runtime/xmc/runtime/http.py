"""HTTP as plain values: what the dispatcher takes and gives. Free of aiohttp, so that the server can change."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import msgspec

Headers = tuple[tuple[str, str], ...]


class BodyTooLargeError(Exception):
    """The request body is larger than the limit given to `Inbound.read`."""


class BodyUnreadableError(Exception):
    """The request body came too slowly, broke off or is not encoded as declared. The message is for the client."""


class Inbound(msgspec.Struct, frozen=True):
    """A client's request. `path` is still percent-encoded, without query; `headers` look up case-insensitively.

    `read(limit)` reads the whole body once, at most `limit` bytes; raises `BodyTooLargeError` beyond
    that and `BodyUnreadableError`.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    read: Callable[[int], Awaitable[bytes]]


class StreamCutError(Exception):
    """Raised by an answer's `stream` after its last bytes: close the connection without ending the HTTP message.

    The client must see that the answer is not whole (design promise 3); an error event went out before, if it could.
    """


class Answer(msgspec.Struct, frozen=True):
    """What goes back. Either `body`, or `stream`: bytes that go out as they come, chunked.

    `on_end(ok, bytes_out)` is called exactly once when the last byte was handed to the transport, the client left or
    the stream was cut; accounting hangs on it. `last_words()` gives the error event of a stream that the gateway itself
    must end early.
    """

    status: int
    headers: Headers
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None
    on_end: Callable[[bool, int], None] | None = None
    last_words: Callable[[], bytes] | None = None
