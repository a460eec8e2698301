"""The ways out of a process: one upstream client for each way in which the entities of a table are reached.

Decided when a table is bound: files are read, hosts are checked and pools are made here, so that a request has nothing
left to choose. Entities that are reached alike share a way, and its connections.
"""

import ssl
from collections.abc import Callable
from pathlib import Path

from yarl import URL

from xmc.plugins import AuthScheme, called_by
from xmc.runtime.aiohttp_upstream import AiohttpUpstream, tls_context
from xmc.runtime.errors import EgressRefusedError
from xmc.runtime.guard import Guard
from xmc.runtime.proxy import OneProxy, Proxies
from xmc.runtime.upstream import Upstream
from xmc.schema import ClientCertificate, Egress, Entity, host_key, read_address


class EgressError(ValueError):
    """A served entity that cannot be reached as its table says; one line for the operator."""


class Ways:
    """Makes and keeps the ways out. `folder` is what relative paths of the table count from."""

    def __init__(self, guard: Guard, proxies: Proxies, ca_bundle: str | None, folder: Path) -> None:
        self._guard = guard
        self._proxies = proxies
        self._ca_bundle = ca_bundle
        self._folder = folder
        self._tls: dict[tuple[str | None, ClientCertificate | None], ssl.SSLContext] = {}
        self._made: dict[tuple[Egress, str | None], AiohttpUpstream] = {}
        self.usual = AiohttpUpstream(self._context(Egress()), proxies, guard)
        """The way of all entities without an egress of their own."""

    def of(self, entity: Entity, scheme: AuthScheme) -> tuple[Upstream, Upstream]:
        """Return the ways of an entity's requests and of what its authentication scheme calls.

        Raises:
            EgressError: a file cannot be used, or the policy refuses a host. Does not name the entity.
        """
        egress, target = entity.egress or Egress(), entity.target
        host = URL(target.url, encoded=True).raw_host or ""
        # What stands in for the upstream's host, and the certificate for it, are not for token endpoints.
        ways = (self._way(egress, host), self._way(Egress(proxy=egress.proxy, ca_bundle=egress.ca_bundle), ""))
        try:
            self._check_instead(egress, host)
            ways[0].check(target.url)
            for url in called_by(scheme, target.auth):
                ways[1].check(url)
        except EgressRefusedError as error:
            raise EgressError(error.message) from None
        return ways

    async def close(self) -> None:
        """Close all connections."""
        for upstream in (self.usual, *self._made.values()):
            await upstream.close()

    def _check_instead(self, egress: Egress, host: str) -> None:
        """Check what stands in for a host. Raises `EgressError`, `EgressRefusedError`."""
        if egress.address is not None:
            self._guard.check_pin(egress.address)
        if egress.host is not None:
            self._guard.check_host(egress.host)
        # Nobody resolves an address, so nothing could be put in its place.
        if (egress.address or egress.host) is not None and read_address(host) is not None:
            raise EgressError(f"nothing can stand in for the address {host}")

    def _way(self, egress: Egress, host: str) -> AiohttpUpstream:
        if egress == Egress():
            return self.usual
        instead = egress.address or egress.host
        key = (egress, host_key(host) if instead is not None else None)
        if key not in self._made:
            self._made[key] = self._make(egress, {} if instead is None else {host_key(host): instead})
        return self._made[key]

    def _make(self, egress: Egress, instead: dict[str, str]) -> AiohttpUpstream:
        proxies = self._proxies
        if instead:
            proxies = Proxies({})
        elif egress.proxy is not None:
            proxies = OneProxy(egress.proxy)
        return AiohttpUpstream(self._context(egress), proxies, self._guard, instead)

    def _context(self, egress: Egress) -> ssl.SSLContext:
        key = (egress.ca_bundle, egress.client_certificate)
        if key not in self._tls:
            context = tls_context(self._ca_bundle)
            if egress.ca_bundle is not None:
                _use("CA bundle", self._folder / egress.ca_bundle, context.load_verify_locations)
            if egress.client_certificate is not None:
                self._certify(context, egress.client_certificate)
            self._tls[key] = context
        return self._tls[key]

    def _certify(self, context: ssl.SSLContext, given: ClientCertificate) -> None:
        key = self._folder / given.key
        _use("key of the client certificate", key, Path.read_bytes)
        certificate = self._folder / given.certificate
        _use("client certificate", certificate, lambda path: context.load_cert_chain(path, key, _no_passphrase))


def _use(what: str, path: Path, use: Callable[[Path], object]) -> None:
    """Read a file of TLS. Raises `EgressError`, which says which file it is and what is wrong with it."""
    try:
        path.read_bytes()
        use(path)
    except ssl.SSLError as error:
        raise EgressError(f"the {what} {path} cannot be used: {error.reason or 'it is no PEM file'}") from None
    except OSError as error:
        raise EgressError(f"the {what} {path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise EgressError(f"the {what} {str(path)!r} cannot be read: it is no path") from None


def _no_passphrase() -> str:
    """Answer in the place of a person: OpenSSL would ask one at the terminal, and wait."""
    return ""
