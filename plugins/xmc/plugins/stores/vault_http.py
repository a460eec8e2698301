"""Requests to Vault: an hvac client with bounded time and explicit trust; every failure becomes a `StoreError`.

Nothing of the process's environment is read here: hvac and requests would both look into it on their own.
"""

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import hvac
import hvac.adapters
import requests

from xmc.plugins.contract import StoreError
from xmc.plugins.stores.vault_settings import AppRole, VaultSettings
from xmc.plugins.stores.vault_transport import vault_session

SERVER_ERROR = 500
RATE_LIMITED = 429
BAD_REQUEST = 400
FORBIDDEN = 403
NOT_FOUND = 404
UNAVAILABLE = 503
NOT_INITIALISED = 501
OK = 200

Reply = tuple[int, Mapping[str, Any]]
"""Status and decoded JSON body of an answer; an empty mapping if there is none."""


class VaultHttp:
    """One logged-in connection to Vault. Blocking; used by one thread at a time."""

    def __init__(self, settings: VaultSettings) -> None:
        self._settings = settings
        self._dead: StoreError | None = None
        self._client = hvac.Client(
            url=settings.address,
            token=settings.token.reveal() if settings.token else "",
            verify=not settings.skip_verify,  # given, so that hvac does not look for it itself
            timeout=settings.timeout_s,
            session=vault_session(settings),
            adapter=hvac.adapters.RawAdapter,
            namespace=settings.namespace or "",
        )
        if settings.approle is not None:
            self._log_in(settings.approle)

    @property
    def where(self) -> str:
        """The namespace, as messages name it after a path."""
        return f' of namespace "{self._settings.namespace}"' if self._settings.namespace else ""

    def get(self, path: str) -> Reply:
        """Ask for `/v1/<path>`; return what 200, 400, 403 and 404 say.

        Raises:
            StoreError: no answer, sealed, wrong namespace, or nothing that looks like Vault.
        """
        if self._dead is not None:
            raise self._dead
        return self._reply(lambda: self._client.adapter.get(f"/v1/{quote(path, safe='/')}", raise_exception=False))

    def refused(self, denied: str, hint: str) -> StoreError:
        """Explain a 403: the token's policies do not allow it (`denied`), or the token itself is not valid.

        Vault answers both alike. An invalid token may not even look itself up, and then the words differ from those
        of a policy that forbids the look-up.
        """
        status, body = self.get("auth/token/lookup-self")
        words = " ".join(_errors(body))
        if status == FORBIDDEN and (words == "permission denied" or "invalid token" in words or "bad token" in words):
            self._dead = StoreError(
                "invalid",
                "Vault does not accept the token: it has expired, was revoked, or is of another Vault or namespace",
                "log in again and set VAULT_TOKEN, or what the store's `auth` names",
            )
            return self._dead
        return StoreError("denied", denied, hint)

    def _log_in(self, approle: AppRole) -> None:
        secret_id = approle.secret_id.reveal() if approle.secret_id else None
        role_id = approle.role_id.reveal()
        body = {"role_id": role_id} | ({"secret_id": secret_id} if secret_id else {})
        status, answer = self._reply(
            lambda: self._client.adapter.post(
                f"/v1/auth/{quote(approle.mount, safe='/')}/login", json=body, raise_exception=False
            )
        )
        token = (answer.get("auth") or {}).get("client_token")
        if status != OK or not token:
            raise StoreError(
                "invalid",
                f"Vault refused the AppRole login at auth/{approle.mount}{self.where}: "
                + (", ".join(_errors(answer)) or f"status {status}"),
                "make a new secret_id (they expire and can be used up), or check role_id and `mount`",
            )
        self._client.token = token

    def _reply(self, call: Any) -> Reply:
        try:
            response = call()
        except requests.RequestException as error:
            # Not `from error`: it carries the request with its token.
            raise _transport_error(error, self._settings) from None
        body = _json(response)
        if response.status_code in {OK, BAD_REQUEST, FORBIDDEN, NOT_FOUND} and body is not None:
            if "namespace not found" in _errors(body):
                raise StoreError(
                    "invalid",
                    f'Vault has no namespace "{self._settings.namespace}"',
                    "check `namespace` of the store, or VAULT_NAMESPACE",
                )
            return response.status_code, body
        raise self._odd_answer(response, body or {})

    def _odd_answer(self, response: requests.Response, body: Mapping[str, Any]) -> StoreError:
        """Explain a status that says nothing about the question asked."""
        address, status = self._settings.address, response.status_code
        if status == BAD_REQUEST and "HTTPS server" in response.text:
            return StoreError("invalid", f"{address} speaks TLS", "begin the address with https://")
        if status == UNAVAILABLE and "Vault is sealed" in _errors(body):
            if self._is_uninitialised():
                return StoreError("unreachable", f"Vault at {address} is not initialised", "initialise and unseal it")
            return StoreError("unreachable", f"Vault at {address} is sealed", "unseal it, then try again")
        if status >= SERVER_ERROR or status == RATE_LIMITED:
            return StoreError("unreachable", f"Vault at {address} answered with status {status}", "try again later")
        return StoreError("invalid", f"{address} does not answer like Vault (status {status})", "check the address")

    def _is_uninitialised(self) -> bool:
        try:
            response = self._client.adapter.get("/v1/sys/health", raise_exception=False)
        except requests.RequestException:
            return False
        return bool(response.status_code == NOT_INITIALISED)


def _json(response: requests.Response) -> Mapping[str, Any] | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _errors(body: Mapping[str, Any]) -> list[str]:
    errors = body.get("errors")
    return [str(error) for error in errors] if isinstance(errors, list) else []


def _transport_error(error: requests.RequestException, settings: VaultSettings) -> StoreError:
    address = settings.address
    if isinstance(error, requests.exceptions.SSLError):
        return _tls_error(_root_cause(error), address)
    if isinstance(error, requests.exceptions.Timeout):
        return StoreError(
            "unreachable",
            f"Vault at {address} did not answer within {settings.timeout_s} s",
            "check address and network",
        )
    if isinstance(error, requests.exceptions.TooManyRedirects | requests.exceptions.InvalidURL):
        return StoreError("invalid", f"{address} does not answer like Vault (it redirects)", "check the address")
    cause = _root_cause(error)
    reason = (cause.strerror if isinstance(cause, OSError) else None) or type(cause).__name__
    return StoreError(
        "unreachable", f"cannot reach Vault at {address}: {reason}", "check that it runs, and VAULT_ADDR or `address`"
    )


def _tls_error(cause: BaseException, address: str) -> StoreError:
    words = str(cause)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return StoreError(
            "unreachable",
            f"the certificate of Vault at {address} is not trusted: {cause.verify_message}",
            "name its CA by `ca_cert` or VAULT_CACERT (for another host name: VAULT_TLS_SERVER_NAME)",
        )
    if "WRONG_VERSION_NUMBER" in words or "RECORD_LAYER" in words:
        return StoreError("invalid", f"{address} does not speak TLS", "begin the address with http://")
    reason = getattr(cause, "reason", None) or type(cause).__name__
    return StoreError("unreachable", f"no TLS connection to Vault at {address}: {reason}", "check TLS on both sides")


def _root_cause(error: BaseException) -> BaseException:
    """Dig through the layers of requests and urllib3 for the first cause."""
    inner: BaseException | None = error
    while inner is not None:
        error = inner
        reason = getattr(error, "reason", None)
        held = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        inner = error.__cause__ or error.__context__ or (reason if isinstance(reason, BaseException) else held)
    return error
