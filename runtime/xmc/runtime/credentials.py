"""Credentials of targets: acquired through their scheme, kept in memory, refreshed before they expire.

One holder for all targets that authenticate alike. A credential without expiry costs a request nothing. An expiring
one is refreshed by a single task while the old one still serves; only when it has run out do requests wait, all of
them for the same attempt. The same holds for one that an upstream calls out of date before its time.
"""

import asyncio
import time
from collections.abc import Mapping

from xmc.plugins import AuthError, AuthIO, AuthScheme, Clock, Credential
from xmc.runtime.error_text import shown
from xmc.runtime.errors import GatewayError, UpstreamError
from xmc.runtime.fault import report_credential
from xmc.runtime.upstream import Upstream, UpstreamReply
from xmc.schema import Auth, Secret, Timeouts, WireReply, WireRequest

# A token is fetched anew this long before it expires, or when a fifth of its life is left if that is less.
_MARGIN_S = 300.0
_MARGIN_SHARE = 0.2
# After a failed refresh the old credential serves on; the next attempt waits this long.
_RETRY_S = 5.0
# An operator is told of a target's failing credential at most so often.
_REPORT_S = 60.0
# One that is younger than this is not replaced because an upstream refused it.
_FRESH_S = 30.0
_LARGE_BYTES = 1024 * 1024
_MAX_REPLY = 1024 * 1024
_IO_TIMEOUTS = Timeouts(connect_ms=5_000, first_byte_ms=20_000, idle_ms=10_000, total_ms=30_000)


class SystemClock:
    """The machine's clock, as authentication schemes see it."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()


class UpstreamIO:
    """`AuthIO` over the host's own client: same pool, proxy and TLS rules as traffic."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def call(self, wire: WireRequest) -> WireReply:
        """Send and read the whole reply."""
        reply = await self._upstream.send(wire, _IO_TIMEOUTS)
        try:
            return WireReply(reply.status, reply.headers, await reply.read(_MAX_REPLY))
        finally:
            reply.close()


class _WatchedIO:
    """Remembers whether a scheme went out: what fails without that is a mistake, and not an outage."""

    __slots__ = ("_io", "used")

    def __init__(self, io: AuthIO) -> None:
        self._io = io
        self.used = False

    async def call(self, wire: WireRequest) -> WireReply:
        self.used = True
        return await self._io.call(wire)


class CredentialHolder:
    """The credential of one target. Never printed: neither secrets nor credential are in its repr."""

    __slots__ = (
        "_acquired_at",
        "_auth",
        "_clock",
        "_current",
        "_io",
        "_refresh_at",
        "_reported_at",
        "_scheme",
        "_secrets",
        "_serving",
        "_task",
        "secrets",
    )

    def __init__(self, scheme: AuthScheme, auth: Auth, secrets: Mapping[str, Secret], io: AuthIO, clock: Clock) -> None:
        self._scheme = scheme
        self._auth = auth
        self._secrets = secrets
        self._io = _WatchedIO(io)
        self._clock = clock
        self.secrets: tuple[Secret, ...] = tuple(secrets.values())
        """The values behind this credential, so that upstream text can be scrubbed of them."""
        self._current: Credential | None = None
        self._refresh_at: float | None = None
        self._acquired_at = 0.0
        self._reported_at: float | None = None
        self._serving = False
        self._task: asyncio.Task[Credential] | None = None

    async def sign(self, wire: WireRequest) -> tuple[WireRequest, Credential]:
        """Return the call with a valid credential on it, and that credential.

        Raises:
            GatewayError: there is none, and none could be acquired.
        """
        credential = self._current
        now = self._clock.now()
        if credential is None or (self._refresh_at is not None and now >= self._refresh_at):
            credential = await self._renewed(credential, now)
        if len(wire.body) > _LARGE_BYTES:
            # A signature may cover the body, and hashing megabytes takes milliseconds that others would wait.
            return await asyncio.to_thread(self._scheme.sign, wire, credential, now), credential
        return self._scheme.sign(wire, credential, now), credential

    async def replace(self, credential: Credential, reply: UpstreamReply) -> bool:
        """Acquire a new credential if the reply says that this one is out of date; True if there is another one now.

        The old one stays until then, as other upstreams may still take it. One that was acquired a moment ago is not
        replaced: what is refused then is not its age.
        """
        if credential.expires_at is None or not self._scheme.stale(reply.status, reply.headers):
            return False
        if self._current is credential:
            if self._clock.now() - self._acquired_at < _FRESH_S:
                return False
            try:
                await self._shared()
            except GatewayError:
                return False  # the refusal says more than the failed attempt, of which the operator is told
        return self._current is not credential

    async def prime(self) -> None:
        """Acquire at bind time. An outage of a token endpoint is left to the first request: it is not one of ours.

        Raises:
            AuthError: the secrets themselves cannot be used.
        """
        try:
            await self._shared()
        except GatewayError as error:
            if isinstance(error.__cause__, AuthError) and not self._io.used:
                raise error.__cause__ from None

    async def _renewed(self, credential: Credential | None, now: float) -> Credential:
        self._serving = True
        if credential is None or (credential.expires_at is not None and now >= credential.expires_at):
            return await self._shared()
        self._start()  # in the background; the old one is still good
        return credential

    async def _shared(self) -> Credential:
        """Wait for the one attempt under way. Shielded: a client that leaves must not take it from the others."""
        return await asyncio.shield(self._start())

    def _start(self) -> asyncio.Task[Credential]:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._acquire())
            self._task.add_done_callback(_retrieve)
        return self._task

    async def _acquire(self) -> Credential:
        try:
            credential = await self._scheme.acquire(self._auth, self._secrets, self._io, self._clock)
        except GatewayError as error:
            self._failed(error)
            raise
        except Exception as error:  # noqa: BLE001 - a plugin's own fault must not be more than this target's
            self._failed(error)
            # Any other exception's words may hold what a token endpoint echoed, so it is not even chained.
            raise _unusable(self._scheme.name, error) from (error if isinstance(error, AuthError) else None)
        self._current = credential
        self._acquired_at = self._clock.now()
        self._refresh_at = _refresh_at(credential, self._acquired_at)
        return credential

    def _failed(self, error: Exception) -> None:
        """Put the next attempt off, and tell the operator: clients are only told that they must ask one."""
        now = self._clock.now()
        self._refresh_at = now + _RETRY_S
        if not (self._serving or self._io.used):
            return  # a mistake found at start, where it is told by name
        if self._reported_at is None or now - self._reported_at >= _REPORT_S:
            self._reported_at = now
            # Any other exception's words may hold what a token endpoint echoed.
            told = shown(str(error), self.secrets) if isinstance(error, AuthError) else type(error).__name__
            report_credential(self._scheme.name, told)


def _unusable(scheme: str, error: Exception) -> UpstreamError:
    if isinstance(error, AuthError) and error.transient:
        return UpstreamError(
            f"the gateway cannot get a credential for this upstream at the moment ({scheme})",
            status=503,
            error_code="TEMPORARILY_UNAVAILABLE",
            type="upstream_auth_error",
            code="upstream_auth_unavailable",
        )
    return UpstreamError(
        f"the gateway has no usable credential for this upstream ({scheme}: {type(error).__name__}); its operator must "
        "check it",
        status=403,
        error_code="PERMISSION_DENIED",
        type="upstream_auth_error",
        code="upstream_auth_error",
        should_retry=False,
    )


def _refresh_at(credential: Credential, now: float) -> float | None:
    if credential.expires_at is None:
        return None
    latest = credential.expires_at - min(_MARGIN_S, max(credential.expires_at - now, 0.0) * _MARGIN_SHARE)
    return latest if credential.refresh_at is None else min(credential.refresh_at, latest)


def _retrieve(task: asyncio.Task[Credential]) -> None:
    """Mark a background failure as seen; whoever needed the credential got it raised."""
    if not task.cancelled():
        task.exception()
