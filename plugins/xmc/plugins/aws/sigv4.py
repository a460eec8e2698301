"""The scheme `aws-sigv4`: signatures of version 4 over method, path, query, headers and body.

Parameters: `region`, `service`. Slots: `access_key_id`, `secret_access_key`, and `session_token` for temporary keys.
The signed URL must go out as it is: its path is encoded once in the URL and once more in what is signed.

Source: AWS Identity and Access Management User Guide, "Create a signed AWS API request"; equal to botocore's
`SigV4Auth` by a law.
"""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from time import gmtime, strftime
from urllib.parse import SplitResult, quote, urlsplit

from xmc.plugins.contract import AuthError, AuthIO, Clock, Credential
from xmc.schema import Auth, Secret, WireRequest

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"
# What proxies and clients change on the way.
_UNSIGNED = frozenset({"accept-encoding", "connection", "expect", "user-agent", "x-amzn-trace-id", "transfer-encoding"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Keys:
    """AWS keys for one region and service, with the key of the day, which is derived from them. Never printed."""

    __slots__ = ("_day", "_key", "access_key", "region", "secret_key", "service", "token")

    def __init__(self, access_key: str, secret_key: str, token: str | None, region: str, service: str) -> None:
        self.access_key = access_key
        self.secret_key = secret_key
        self.token = token
        self.region = region
        self.service = service
        self._day = ""
        self._key = b""

    def of_day(self, day: str) -> bytes:
        """Return the signing key of a day (`YYYYMMDD`); made once a day."""
        if day != self._day:
            key = f"AWS4{self.secret_key}".encode()
            for part in (day, self.region, self.service, "aws4_request"):
                key = _mac(key, part)
            # Replaced together or not at all: signing may run in several threads.
            self._key, self._day = key, day
            return key
        return self._key


class SigV4:
    """Keys that were given."""

    name = "aws-sigv4"
    static = True

    async def acquire(self, auth: Auth, secrets: Mapping[str, Secret], io: AuthIO, clock: Clock) -> Credential:
        """Return the keys as they are: they live as long as their secrets."""
        del io, clock
        access_key, secret_key, token = (_key(auth, secrets, role) for role in _ROLES)
        if not access_key or not secret_key:
            raise AuthError("an AWS access key needs both `access_key_id` and `secret_access_key`")
        if access_key.startswith("ASIA") and not token:
            raise AuthError(
                f"secret {auth.slots['access_key_id']} is a temporary access key (ASIA…): AWS takes it only with its "
                "session token"
            )
        return Credential(data=Keys(access_key, secret_key, token, auth.params["region"], auth.params["service"]))

    def sign(self, wire: WireRequest, credential: Credential, now: float) -> WireRequest:
        """Add `Authorization`, `X-Amz-Date` and, for temporary keys, `X-Amz-Security-Token`."""
        return signed(wire, credential.data, now)

    def stale(self, status: int, headers: Mapping[str, str]) -> bool:
        """Say no: no newer keys can be had."""
        del status, headers
        return False


_ROLES = ("access_key_id", "secret_access_key", "session_token")


def _key(auth: Auth, secrets: Mapping[str, Secret], role: str) -> str | None:
    secret = secrets.get(role)
    if secret is None:
        return None
    value = secret.reveal()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise AuthError(
            f"secret {auth.slots.get(role, role)} is no AWS key: it is empty or holds a space or line break"
        )
    return value


def signed(wire: WireRequest, keys: Keys, now: float) -> WireRequest:
    """Return the call with its signature, made for `now` (Unix seconds; AWS takes 5 minutes of difference)."""
    moment = strftime("%Y%m%dT%H%M%SZ", gmtime(now))
    day = moment[:8]
    added = [("X-Amz-Date", moment)]
    if keys.token:
        added.append(("X-Amz-Security-Token", keys.token))
    names, canonical = _canonical(wire, added)
    scope = f"{day}/{keys.region}/{keys.service}/aws4_request"
    to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(keys.of_day(day), to_sign.encode(), "sha256").hex()
    authorization = f"{_ALGORITHM} Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return wire.with_headers((*added, ("Authorization", authorization)))


def _canonical(wire: WireRequest, added: list[tuple[str, str]]) -> tuple[str, str]:
    """Return the names of the signed headers and the canonical request."""
    url = urlsplit(wire.url)
    headers: dict[str, list[str]] = {}
    for name, value in (*wire.headers, ("host", _host(url)), *added):
        lower = name.lower()
        if lower not in _UNSIGNED:
            headers.setdefault(lower, []).append(" ".join(value.split()))
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{','.join(headers[name])}\n" for name in sorted(headers))
    path = quote(url.path or "/", safe="/" + _UNRESERVED)
    return names, f"{wire.method}\n{path}\n{_query(url.query)}\n{lines}\n{names}\n{sha256(wire.body).hexdigest()}"


def _host(url: SplitResult) -> str:
    """Return the `Host` header as clients send it: without the scheme's own port."""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or ""
    return host if url.port in {None, _DEFAULT_PORTS.get(url.scheme)} else f"{host}:{url.port}"


def _query(query: str) -> str:
    """Sort the pairs of a query, which is percent-encoded already."""
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return "&".join(f"{name}={value}" for name, value in sorted((name, value) for name, _, value in pairs))


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
