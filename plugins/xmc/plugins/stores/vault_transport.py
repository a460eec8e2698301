"""The way to Vault: a requests session with explicit trust, proxy and redirect rules."""

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import certifi
import requests
import requests.adapters
import urllib3

from xmc.plugins.contract import StoreError
from xmc.plugins.stores.vault_settings import VaultSettings


def vault_session(settings: VaultSettings) -> requests.Session:
    """Return a session that reads nothing of the process's environment. Raises `StoreError` for unusable TLS files."""
    session = _Session()
    session.trust_env = False
    session.max_redirects = 1  # as the vault CLI: a standby node may send us to the active one
    session.mount("https://", _TlsAdapter(_tls_context(settings), settings))
    if settings.proxy:
        session.proxies = {urlsplit(settings.address).scheme: settings.proxy}
    return session


class _Session(requests.Session):
    """Follows a redirect only if it does not lead from TLS to plain HTTP: the token goes with it."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target: str | None = super().get_redirect_target(resp)
        if target and str(resp.url).startswith("https:") and target.startswith("http:"):
            raise requests.exceptions.InvalidURL("redirect to plain HTTP")
        return target


class _TlsAdapter(requests.adapters.HTTPAdapter):
    """Trusts what the settings say and nothing else; requests would add its own bundle."""

    def __init__(self, context: ssl.SSLContext, settings: VaultSettings) -> None:
        self._context = context
        self._verify = not settings.skip_verify
        self._tls: dict[str, Any] = {"ssl_context": context}
        if settings.server_name:
            self._tls["server_hostname"] = settings.server_name
        if settings.skip_verify:  # asked for by name; one warning per request would say nothing new
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        """Give every pool our TLS settings."""
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs, **self._tls)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Give every pool behind a proxy our TLS settings."""
        return super().proxy_manager_for(proxy, **kwargs, **self._tls)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:  # noqa: ARG002 - requests' signature
        """Decide trust by our settings, not by those of the call."""
        return super().build_connection_pool_key_attributes(request, self._verify, None)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Do nothing: the context holds trust and client certificate."""


def _tls_context(settings: VaultSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if settings.skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        _load_trust(context, settings)
        if settings.client_cert:
            context.load_cert_chain(settings.client_cert, settings.client_key)
    except (OSError, ssl.SSLError) as error:
        raise StoreError(
            "invalid",
            f"cannot use the TLS files for Vault: {error.strerror or error}",
            "check `ca_cert`, VAULT_CACERT, VAULT_CAPATH, VAULT_CLIENT_CERT and VAULT_CLIENT_KEY",
        ) from None
    return context


def _load_trust(context: ssl.SSLContext, settings: VaultSettings) -> None:
    if settings.ca_cert:
        context.load_verify_locations(settings.ca_cert)
    elif settings.ca_path:
        for path in sorted(Path(settings.ca_path).iterdir()):
            if path.is_file():  # as the vault CLI: every file of the folder
                context.load_verify_locations(path)
    else:
        context.load_default_certs()
        if not context.cert_store_stats()["x509_ca"]:  # a slim image without ca-certificates
            context.load_verify_locations(certifi.where())
