"""Which proxy a URL goes through, by the environment as it was when the process started.

`HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, the lower-case spelling winning. Loopback never goes through a proxy.
"""

from collections.abc import Mapping
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # in typeshed for other systems only

from yarl import URL

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Proxies:
    """The proxies of one process. `environ` is read once, here."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._by_scheme = {scheme: _url(_variable(environ, f"{scheme}_proxy")) for scheme in ("http", "https")}
        self._exceptions = {"no": _variable(environ, "no_proxy")}

    def proxy_of(self, url: URL) -> URL | None:
        """Return the proxy for this URL, or None for a direct connection."""
        proxy = self._by_scheme.get(url.scheme)
        host = url.raw_host or ""
        if proxy is None or host in _LOOPBACK:
            return None
        if proxy_bypass_environment(host, self._exceptions):
            return None
        return proxy


class OneProxy(Proxies):
    """The proxy that a served entity names: for every URL, whatever the environment says."""

    def __init__(self, proxy: str) -> None:
        super().__init__({})
        self._proxy = URL(proxy)

    def proxy_of(self, url: URL) -> URL | None:
        """Return the proxy."""
        del url
        return self._proxy


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper(), "")


def _url(text: str) -> URL | None:
    if not text:
        return None
    return URL(text if "://" in text else f"http://{text}")
