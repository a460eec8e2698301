"""The scheme `google-service-account`: the key of a service account signs a claim, which buys an access token.

Parameters: `token_uri` (Google's own unless another is given) and `client_email`, for a key that is only a PEM. Slot:
`private_key`. Tokens live for an hour; the host renews them, one attempt at a time for all targets of one account.
Source: Google Identity, "Using OAuth 2.0 for Server to Server Applications", HTTP/REST; RFC 7523; google-auth 2.62.2.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from xmc.plugins.contract import AuthError, AuthIO, Clock, Credential
from xmc.schema import Auth, Secret, WireReply, WireRequest

TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - the address of tokens, not one of them
"""Where Google exchanges signed claims for tokens; also the audience of every claim, wherever it is sent."""

ROLE = "private_key"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_HEADERS = (("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json"))
_OK, _UNAUTHORIZED = 200, 401
_TRANSIENT = frozenset({408, 429})
_TRANSIENT_NAMES = frozenset({"internal_failure", "server_error", "temporarily_unavailable"})
_SERVER_ERRORS = 500
_NAME = re.compile(r"[a-z_]{1,40}")
# A description is repeated only if nothing in it can be a key or a token, which are long words.
_DESCRIPTION = re.compile(r"(?!.*[A-Za-z0-9_-]{33})[A-Za-z0-9 .,:;'()_-]{1,200}")


class ServiceAccount:
    """A token for the account whose key the slot holds, as JSON or as PEM."""

    name = "google-service-account"

    async def acquire(self, auth: Auth, secrets: Mapping[str, Secret], io: AuthIO, clock: Clock) -> Credential:
        """Sign a claim in a thread, since checking an RSA key takes a tenth of a second, and exchange it for a token.

        Raises:
            AuthError: the secret is no usable key, or the authority refused it or is out of order.
        """
        import asyncio  # noqa: PLC0415 - every command imports this module, and only traffic needs these

        from xmc.plugins.google.assertion import sign_assertion  # noqa: PLC0415 - as above
        from xmc.plugins.google.key import read_key  # noqa: PLC0415 - as above

        slot = auth.slots.get(ROLE, ROLE)
        secret = secrets.get(ROLE)
        if secret is None:
            raise AuthError(f"secret {slot}: it was not read")
        uri = auth.params.get("token_uri", TOKEN_URI)
        key = read_key(secret.reveal(), slot, client_email=auth.params.get("client_email"), token_uri=uri)
        now = clock.now()
        assertion = await asyncio.to_thread(sign_assertion, key, slot, audience=TOKEN_URI, now=int(now))
        body = urlencode({"grant_type": _GRANT, "assertion": assertion}).encode()
        token, life_s = _token_of(await io.call(WireRequest("POST", uri, _HEADERS, body)))
        return Credential(headers=(("Authorization", f"Bearer {token}"),), expires_at=now + life_s)

    def sign(self, wire: WireRequest, credential: Credential, now: float) -> WireRequest:
        """Add the header."""
        del now
        return wire.with_headers(credential.headers)

    def calls(self, auth: Auth) -> tuple[str, ...]:
        """Name the token endpoint."""
        return (auth.params.get("token_uri", TOKEN_URI),)

    def stale(self, status: int, headers: Mapping[str, str]) -> bool:
        """Say yes to 401, UNAUTHENTICATED: a token that ran out or was revoked. 403 is about what the account may."""
        del headers
        return status == _UNAUTHORIZED


def _token_of(reply: WireReply) -> tuple[str, float]:
    """Return the token and the seconds it lives. Raises `AuthError`."""
    body = _decoded(reply.body)
    if reply.status != _OK:
        raise _refusal(reply.status, body)
    token, life_s = body.get("access_token"), body.get("expires_in")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable() or " " in token:
        raise AuthError("Google's token endpoint answered without an access token", transient=True)
    if isinstance(life_s, bool) or not isinstance(life_s, int | float) or life_s <= 0:
        raise AuthError("Google's token endpoint does not say how long its token lives", transient=True)
    return token, float(life_s)


def _refusal(status: int, body: Mapping[str, Any]) -> AuthError:
    """Return the error for a refusal; of its words only those that cannot hold what was sent."""
    name, about = body.get("error"), body.get("error_description")
    said = f"Google's token endpoint answered {status}"
    if isinstance(name, str) and _NAME.fullmatch(name):
        said += f": {name}"
        if isinstance(about, str) and _DESCRIPTION.fullmatch(about):
            said += f" ({about})"
    transient = status in _TRANSIENT or status >= _SERVER_ERRORS or name in _TRANSIENT_NAMES
    return AuthError(said, transient=transient)


def _decoded(data: bytes) -> Mapping[str, Any]:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
