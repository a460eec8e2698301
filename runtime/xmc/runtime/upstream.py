"""The way out: one HTTP exchange with an upstream, as the rest of the runtime sees it.

An implementation owns connections, TLS, proxies and the clock of every limit. It raises only the gateway errors
`UpstreamTimeoutError`, `UpstreamUnreachableError` and `UpstreamBrokenError`; an upstream that answers, with any
status, is a reply. Redirects are never followed: a 3xx is a reply like any other.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from xmc.schema import Timeouts, WireRequest


class UpstreamReply(Protocol):
    """An answer whose status and headers have arrived. Exactly one of `read` and `chunks` is used, once.

    Whoever got the reply calls `close` when done, on every path; after the whole message was read it costs nothing.
    """

    @property
    def status(self) -> int:
        """The upstream's HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Header names in lower case; of a repeated header the first value."""
        ...

    async def read(self, limit: int) -> bytes:
        """Return the whole body, un-gzipped.

        Raises:
            UpstreamBrokenError: the message ended early, or the body is larger than `limit` bytes.
            UpstreamTimeoutError: phase `idle` or `total`.
        """
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the body as it comes, un-gzipped, never an empty piece; ends only where the message ended properly.

        Raises (while iterating):
            UpstreamBrokenError: the message ended early.
            UpstreamTimeoutError: phase `first_byte` (until the first piece), `idle` or `total`.
        """
        ...

    def close(self) -> None:
        """Let go. A message that was not read to its end takes its connection with it, at once. Idempotent."""
        ...


class Upstream(Protocol):
    """Sends signed calls. One per process; safe for any number of calls at once."""

    async def send(self, wire: WireRequest, timeouts: Timeouts) -> UpstreamReply:
        """Send one call and return when status and headers of the answer are here.

        Cancelling closes the connection at once.

        Raises:
            UpstreamUnreachableError: no connection (refused, DNS, TLS, proxy).
            UpstreamTimeoutError: phase `connect`, `first_byte` or `total`.
            UpstreamBrokenError: the connection broke before the headers were whole, or they are not HTTP.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
