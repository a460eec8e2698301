"""Every call held against the egress policy: its host when a URL is first used, its address when a connection is made.

What is checked is what is connected to: a name is resolved once, by the resolver below, and the connection gets only
addresses that passed. So a name that answers differently the next time (DNS rebinding) gains nothing by it. The
socket is the last place to look, whatever way the address came.
"""

import socket
from collections.abc import Callable, Mapping
from types import MappingProxyType

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from xmc.runtime.errors import EgressRefusedError
from xmc.runtime.fault import report_egress
from xmc.schema import EgressPolicy, Refused, host_key, read_address, refuses_address, refuses_host, refuses_pin

_MAX_TOLD = 1000
_NOTHING: Mapping[str, str] = MappingProxyType({})
_WHY = {
    Refused.NEVER: "which is never called",
    Refused.NOT_LISTED: "which `egress.allow` does not list",
    Refused.LOOPBACK: "which is this machine itself, and `egress.allow` does not list the name",
}
AddressInfo = tuple[int, int, int, str, tuple[str | int | bytes, ...]]


class RefusedSocketError(PermissionError):
    """No socket is made to this address. An `OSError`, as aiohttp expects it here."""


class Guard:
    """The egress policy of a process. `tell` gets what the operator should know, each refusal once."""

    def __init__(self, policy: EgressPolicy | None = None, tell: Callable[[str], None] = report_egress) -> None:
        self._policy = policy
        self._tell = tell
        self._told: set[str] = set()

    def check_url(self, url: URL, proxy: URL | None = None) -> None:
        """Check the host that a URL names and that of the proxy towards it, as they are written.

        Raises:
            EgressRefusedError: one of them may not be called.
        """
        self.check_host(url.raw_host or "")
        if proxy is not None:
            self.check_host(proxy.raw_host or "", "proxy")

    def check_host(self, host: str, what: str = "host") -> None:
        """Check a host as it is written. Raises `EgressRefusedError`."""
        why = refuses_host(self._policy, host)
        if why is not None:
            self._refuse(what, f"{host}, {_WHY[why]}")

    def pick(self, host: str, addresses: list[ResolveResult]) -> list[ResolveResult]:
        """Return those addresses of a host that may be connected to.

        Raises:
            EgressRefusedError: there is none.
        """
        refused = {one["host"]: refuses_address(self._policy, host, one["host"]) for one in addresses}
        allowed = [one for one in addresses if refused[one["host"]] is None]
        why = next((f"{address}, {_WHY[why]}" for address, why in refused.items() if why is not None), None)
        if why is not None and not allowed:
            self._refuse("address", f"{host}: it resolves to {why}")
        return allowed

    def check_pin(self, address: str) -> None:
        """Check an address that stands in for a host. Raises `EgressRefusedError`."""
        why = refuses_pin(self._policy, address)
        if why is not None:
            self._refuse("address", f"{address}, {_WHY[why]}")

    def open_socket(self, info: AddressInfo) -> socket.socket:
        """Make the socket of a connection, for aiohttp. Raises `RefusedSocketError` for what is never called."""
        family, kind, protocol, _, address = info
        if refuses_host(None, str(address[0])) is not None:
            raise RefusedSocketError(str(address[0]))
        return socket.socket(family, kind, protocol)

    def _refuse(self, what: str, about: str) -> None:
        if about not in self._told and len(self._told) < _MAX_TOLD:
            self._told.add(about)
            self._tell(about)
        raise EgressRefusedError(what)


class GuardedResolver(AbstractResolver):
    """Resolves names and lets through what the guard allows.

    `instead` maps hosts to what is connected to in their place: an address, or a name that is resolved.
    """

    def __init__(
        self, guard: Guard, instead: Mapping[str, str] = _NOTHING, resolver: AbstractResolver | None = None
    ) -> None:
        self._guard = guard
        self._instead = instead
        self._resolver = resolver or aiohttp.DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve a name, for aiohttp.

        Raises:
            OSError: there is no such name.
            EgressRefusedError: the policy allows none of its addresses.
        """
        wanted = self._instead.get(host_key(host), host)
        if wanted is not host and read_address(wanted) is not None:
            self._guard.check_pin(wanted)
            found = socket.AF_INET6 if ":" in wanted else socket.AF_INET
            return [ResolveResult(hostname=host, host=wanted, port=port, family=found, proto=0, flags=0)]
        return self._guard.pick(wanted, await self._resolver.resolve(wanted, port, family))

    async def close(self) -> None:
        """Close what resolves."""
        await self._resolver.close()
