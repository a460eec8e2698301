"""Who calls: from request headers to a caller with its permissions.

A token is looked up by its public id, then compared by one salted SHA-256 in constant time. That costs about four
microseconds, so there is no cache, and no raw token outlives its request.
"""

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from xmc.runtime.errors import UnauthenticatedError
from xmc.schema import Principal, token_id

EVERY_ENDPOINT = "*"

# A token has 56 characters; whatever is far longer is refused before any work is done on it.
_MAX_HEADER = 512
_BASIC_USER = "token"

_HOW = "send a client token as `Authorization: Bearer <token>` (or as `x-api-key`, or HTTP Basic with user `token`)"
# One text for unknown id and wrong secret: an answer must not tell which part of a guess was right.
_UNKNOWN = "this client token is not known here; ask the gateway's operator for a new one"


@dataclass(frozen=True, slots=True)
class Caller:
    """An identified principal. `endpoints` is None where all may be queried."""

    name: str
    endpoints: frozenset[str] | None
    may_read_metrics: bool

    def may_query(self, endpoint: str) -> bool:
        """Whether this caller may query the endpoint of that name, and see it listed."""
        return self.endpoints is None or endpoint in self.endpoints


ANONYMOUS = Caller("anonymous", None, may_read_metrics=True)
"""Everybody, where a table has no principals. The server refuses such a table on a non-loopback host."""


@dataclass(frozen=True, slots=True)
class _Row:
    salt: bytes
    digest: bytes = field(repr=False)
    caller: Caller


class Callers:
    """The principals of one table, made ready for look-up. Without any, everybody is let in (`open`)."""

    def __init__(self, principals: Iterable[Principal]) -> None:
        # Ids are unique in practice; two tokens that share one are both tried.
        rows: dict[str, tuple[_Row, ...]] = {}
        self.open = True
        for principal in principals:
            self.open = False
            caller = _caller(principal)
            for token in principal.tokens:
                row = _Row(token.salt.encode(), bytes.fromhex(token.sha256), caller)
                rows[token.id] = (*rows.get(token.id, ()), row)
        self._rows = rows

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """Return who sent these headers (looked up case-insensitively); `Authorization` wins over `x-api-key`.

        Raises:
            UnauthenticatedError: no token, a malformed one or an unknown one. The message never repeats what was sent.
        """
        if self.open:
            return ANONYMOUS
        token = _token_from_headers(headers)
        public = token_id(token)
        if public is None:
            raise UnauthenticatedError(f"this is not a client token of this gateway; {_HOW}")
        secret = token.encode()
        for row in self._rows.get(public, ()):
            if hmac.compare_digest(sha256(row.salt + secret).digest(), row.digest):
                return row.caller
        raise UnauthenticatedError(_UNKNOWN)


def _caller(principal: Principal) -> Caller:
    everything = EVERY_ENDPOINT in principal.endpoints
    return Caller(principal.name, None if everything else frozenset(principal.endpoints), principal.metrics)


def _token_from_headers(headers: Mapping[str, str]) -> str:
    value = headers.get("authorization")
    if value is None:
        value = headers.get("x-api-key")
        if value is None:
            raise UnauthenticatedError(f"no credentials were sent; {_HOW}")
        return value[:_MAX_HEADER]
    scheme, _, rest = value[:_MAX_HEADER].partition(" ")
    kind = scheme.lower()
    if kind == "bearer":
        return rest.strip()
    if kind == "basic":
        return _token_from_basic(rest)
    raise UnauthenticatedError(f"this `Authorization` scheme is not accepted; {_HOW}")


def _token_from_basic(encoded: str) -> str:
    """Return the password of HTTP Basic credentials whose user is `token`, as the vendor's own clients send it."""
    try:
        user, _, password = b64decode(encoded.strip(), validate=True).decode("ascii").partition(":")
    except (Base64Error, ValueError):
        raise UnauthenticatedError(f"the HTTP Basic credentials cannot be read; {_HOW}") from None
    if user != _BASIC_USER:
        raise UnauthenticatedError(f"the user of HTTP Basic credentials must be `token`; {_HOW}")
    return password
