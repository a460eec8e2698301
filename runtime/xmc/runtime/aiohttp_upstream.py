"""The upstream protocol on aiohttp's client: one session, one connection pool and one TLS context per process.

Connections are kept per (scheme, host, port, proxy), and none is made that the guard of egress refuses. Every limit is
enforced here: aiohttp's own timers are used, so that a call costs one timer for the total and one for the socket.

A kept connection may be closed by the other side just as a call goes out on it; aiohttp does not send a POST again.
Here it is sent once more, on a new connection, if nothing of an answer came and the connection broke within a second:
an upstream that breaks off later was probably working on it. See `docs/errors-for-clients.md`.
"""

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from importlib import metadata
from types import MappingProxyType
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDict
from yarl import URL

from xmc.runtime.errors import (
    EgressRefusedError,
    UpstreamBrokenError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from xmc.runtime.guard import Guard, GuardedResolver, RefusedSocketError
from xmc.runtime.proxy import Proxies
from xmc.schema import Timeouts, WireRequest

USER_AGENT = f"xmc/{metadata.version('xmc')}"

# Below the idle limits of common servers and load balancers, so that they seldom close while we send.
_KEEPALIVE_S = 15.0
_READ_BYTES = 256 * 1024
# aiohttp warns of a larger body in one piece, and sends a file in many.
_LARGE_BYTES = 1024 * 1024
# Upstreams behind several proxies send long heads.
_HEADER_BYTES = 64 * 1024
# A connection that was closed while idle shows it within a round trip.
_STALE_S = 1.0
_connected: ContextVar[bool] = ContextVar("connected")
"""Whether the call under way got a new connection; set by `_Connector`."""

# URLs come from tables and are few; whatever an authentication scheme calls counts too, hence a bound.
_MAX_ROUTES = 4096


class AiohttpUpstream:
    """Sends calls through aiohttp. Made on the running loop; closed once.

    `instead` maps hosts to the address or name that is connected to in their place; TLS and HTTP keep the host.
    `resolver` resolves names in the place of the system's.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        proxies: Proxies,
        guard: Guard | None = None,
        instead: Mapping[str, str] = MappingProxyType({}),
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._proxies = proxies
        self._guard = guard or Guard()
        self._resolver = GuardedResolver(self._guard, instead, resolver)
        shared: dict[str, Any] = {
            "limit": 0,
            "ttl_dns_cache": 30,
            "ssl": tls,
            "resolver": self._resolver,
            "socket_factory": self._guard.open_socket,
        }
        self._session = _session(_Connector(keepalive_timeout=_KEEPALIVE_S, **shared))
        self._resends = _session(aiohttp.TCPConnector(force_close=True, **shared))
        self._routes: dict[str, tuple[URL, URL | None]] = {}
        self._limits: dict[Timeouts, aiohttp.ClientTimeout] = {}

    async def send(self, wire: WireRequest, timeouts: Timeouts) -> "AiohttpReply":
        """Send one call; see `Upstream.send`."""
        started = asyncio.get_running_loop().time()
        _connected.set(False)
        try:
            response = await self._request(self._session, wire, timeouts)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if not self._is_stale(error, started):
                raise translate(error, headers_seen=False) from error
            response = await self._resent(wire, timeouts)
        return AiohttpReply(response, timeouts, started)

    def check(self, url: str) -> None:
        """Check now what a first call of a URL would check. Raises `EgressRefusedError`."""
        self._route(url)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
        await self._resends.close()
        await self._resolver.close()

    async def _request(
        self, session: aiohttp.ClientSession, wire: WireRequest, timeouts: Timeouts
    ) -> aiohttp.ClientResponse:
        url, proxy = self._routes.get(wire.url) or self._route(wire.url)
        body = wire.body
        return await session.request(
            wire.method,
            url,
            data=body if len(body) < _LARGE_BYTES else io.BytesIO(body),
            headers=CIMultiDict(wire.headers),
            timeout=self._limits.get(timeouts) or self._limit(timeouts),
            proxy=proxy,
            allow_redirects=False,
        )

    async def _resent(self, wire: WireRequest, timeouts: Timeouts) -> aiohttp.ClientResponse:
        try:
            return await self._request(self._resends, wire, timeouts)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise translate(error, headers_seen=False) from error

    def _is_stale(self, error: Exception, started: float) -> bool:
        """Tell whether a call met a kept connection that the other side had closed or was closing."""
        if _connected.get() or asyncio.get_running_loop().time() - started > _STALE_S:
            return False
        match error:
            case aiohttp.ServerDisconnectedError():
                return isinstance(error.message, str)  # else it is the beginning of an answer
            case aiohttp.ClientConnectionResetError() | aiohttp.ClientOSError():
                return True
            case _:
                return False

    def _route(self, url: str) -> tuple[URL, URL | None]:
        """Parse a URL once, decide whether it goes through a proxy, and check it. Raises `EgressRefusedError`."""
        if len(self._routes) >= _MAX_ROUTES:
            self._routes.clear()
        parsed = URL(url, encoded=True)
        route = (parsed, self._proxies.proxy_of(parsed))
        self._guard.check_url(*route)
        self._routes[url] = route
        return route

    def _limit(self, timeouts: Timeouts) -> aiohttp.ClientTimeout:
        limit = aiohttp.ClientTimeout(
            total=timeouts.total_ms / 1000,
            connect=timeouts.connect_ms / 1000,
            sock_read=timeouts.first_byte_ms / 1000,
        )
        self._limits[timeouts] = limit
        return limit


class _Connector(aiohttp.TCPConnector):
    """Notes which calls get a new connection."""

    async def _create_connection(self, *args: Any, **options: Any) -> Any:
        _connected.set(True)
        return await super()._create_connection(*args, **options)


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=True,
        trust_env=False,
        read_bufsize=_READ_BYTES,
        max_line_size=_HEADER_BYTES,
        max_field_size=_HEADER_BYTES,
    )


class AiohttpReply:
    """An answer whose headers have arrived; see `UpstreamReply`."""

    __slots__ = ("_response", "_started", "_timeouts", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse, timeouts: Timeouts, started: float) -> None:
        self._response = response
        self._timeouts = timeouts
        self._started = started
        self.status: int = response.status
        self.headers: Mapping[str, str] = _lower(response)

    async def read(self, limit: int) -> bytes:
        """Return the whole body; see `UpstreamReply.read`."""
        content = self._response.content
        self._set_silence(self._timeouts.idle_ms / 1000)
        pieces: list[bytes] = []
        size = 0
        try:
            while piece := await content.readany():
                size += len(piece)
                if size > limit:
                    self.close()
                    raise UpstreamBrokenError(f"the upstream's answer is larger than {limit} bytes")
                pieces.append(piece)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise translate(error, headers_seen=True) from error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes; see `UpstreamReply.chunks`."""
        content = self._response.content
        watch: _SilenceWatch | None = None
        elapsed = asyncio.get_running_loop().time() - self._started
        self._set_silence(max(self._timeouts.first_byte_ms / 1000 - elapsed, 0.001))
        try:
            piece = await content.readany()
            if not piece:
                return
            self._set_silence(None)
            watch = _SilenceWatch(content, self._timeouts.idle_ms / 1000)
            while piece:
                yield piece
                watch.begin()
                piece = await content.readany()
                watch.end()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise translate(error, headers_seen=watch is not None) from error
        finally:
            if watch is not None:
                watch.stop()

    def close(self) -> None:
        """Let go; an unfinished message takes its connection with it."""
        self._response.close()

    def _set_silence(self, seconds: float | None) -> None:
        """Allow the socket to be silent for so long from now on. Without a connection the whole message is here."""
        connection = self._response.connection
        protocol = connection.protocol if connection is not None else None
        if protocol is not None and not self._response.content.is_eof():
            protocol.read_timeout = seconds
            protocol.start_timeout()


class _SilenceWatch:
    """Ends a body for which somebody has waited too long.

    One timer that looks how long the present wait has lasted: aiohttp's own makes a new one for every read, which is a
    tenth of what a small chunk costs.
    """

    __slots__ = ("_content", "_limit_s", "_loop", "_since", "_timer")

    def __init__(self, content: aiohttp.StreamReader, limit_s: float) -> None:
        self._content = content
        self._limit_s = limit_s
        self._loop = asyncio.get_running_loop()
        self._since: float | None = None
        self._timer = self._loop.call_later(limit_s, self._look)

    def begin(self) -> None:
        """Somebody waits from now on."""
        self._since = self._loop.time()

    def end(self) -> None:
        """Nobody waits: a client that reads slowly is not the upstream's silence."""
        self._since = None

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        left = self._limit_s - (now - self._since if self._since is not None else 0)
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self._content.set_exception(aiohttp.SocketTimeoutError("the upstream is silent"))


def translate(error: Exception, *, headers_seen: bool) -> UpstreamError:
    """Turn what aiohttp raises into the runtime's own errors; the one table for that."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return UpstreamTimeoutError("connect")
        case aiohttp.SocketTimeoutError():
            return UpstreamTimeoutError("idle" if headers_seen else "first_byte")
        case TimeoutError():
            return UpstreamTimeoutError("total")
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, RefusedSocketError):
            return EgressRefusedError("address")
        case aiohttp.ClientConnectorDNSError():
            return UpstreamUnreachableError("the upstream's host name cannot be resolved")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return UpstreamUnreachableError("no trusted TLS connection to the upstream came about")
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return UpstreamUnreachableError("the proxy towards the upstream did not connect")
        case aiohttp.ClientConnectorError() | aiohttp.InvalidURL():
            return UpstreamUnreachableError()
        case aiohttp.ServerDisconnectedError() if not headers_seen:
            return UpstreamBrokenError("the upstream closed the connection without an answer")
        case aiohttp.ClientResponseError():
            return UpstreamBrokenError("what the upstream sent is not HTTP")
        case _:
            return UpstreamBrokenError()


def tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """Return the process's TLS context: the system's authorities (or `SSL_CERT_FILE`), and those of `ca_bundle`.

    Raises:
        OSError: the bundle cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    if ca_bundle is not None:
        context.load_verify_locations(cafile=ca_bundle)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _lower(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        headers.setdefault(name.lower(), value)
    return MappingProxyType(headers)
