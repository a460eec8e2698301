"""The scheme `entra-client-secret`: an access token of Microsoft Entra ID, by the client credentials grant.

Parameters: `authority` (the URL of the sign-in service), `tenant`, `client_id`, `scope`. Slot: `client_secret`.
Source: Microsoft identity platform, "OAuth 2.0 client credentials flow", v2.0; RFC 6749, sections 4.4 and 5.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from xmc.plugins.contract import AuthError, AuthIO, Clock, Credential
from xmc.schema import Auth, Secret, WireReply, WireRequest

_OK, _UNAUTHORIZED, _THROTTLED, _SERVER = 200, 401, 429, 500
# A token that lives at least so long is renewed at half of it, as Microsoft's own libraries do.
_LONG_S = 7200.0
_MAX_LIFE_S = 30 * 24 * 3600.0
# What may be repeated of a refusal. Its description names tenant and application, and could echo more.
_ERROR = re.compile(r"[a-z_]{1,40}")
_ID = re.compile(r"[0-9A-Fa-f-]{1,40}")
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class EntraClientSecret:
    """`Authorization: Bearer <token>`, the token fetched with an application's id and secret."""

    name = "entra-client-secret"

    async def acquire(self, auth: Auth, secrets: Mapping[str, Secret], io: AuthIO, clock: Clock) -> Credential:
        """Ask the tenant's token endpoint.

        Raises:
            AuthError: the secret is empty, Entra ID refused it, is out of order, or answered what is no token.
        """
        secret = secrets.get("client_secret")
        if secret is None or not secret.reveal():
            raise AuthError(f"secret {auth.slots.get('client_secret', 'client_secret')} is empty or was not read")
        reply = await io.call(token_request(auth, secret))
        body = _read(reply)
        if reply.status != _OK:
            raise _refused(reply.status, body)
        return _credential(body, clock.now())

    def sign(self, wire: WireRequest, credential: Credential, now: float) -> WireRequest:
        """Add the header."""
        del now
        return wire.with_headers(credential.headers)

    def calls(self, auth: Auth) -> tuple[str, ...]:
        """Name the sign-in service."""
        return (auth.params["authority"],)

    def stale(self, status: int, headers: Mapping[str, str]) -> bool:
        """Say yes to any 401: Azure says the same of a token that was revoked and of one that has run out."""
        del headers
        return status == _UNAUTHORIZED


def token_request(auth: Auth, secret: Secret) -> WireRequest:
    """Return the call to the token endpoint; its form holds the secret, percent-encoded."""
    form = {
        "client_id": auth.params["client_id"],
        "client_secret": secret.reveal(),
        "grant_type": "client_credentials",
        "scope": auth.params["scope"],
    }
    return WireRequest(
        "POST",
        f"{auth.params['authority']}/{quote(auth.params['tenant'], safe='-_.~')}/oauth2/v2.0/token",
        (("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")),
        urlencode(form).encode(),
    )


def _read(reply: WireReply) -> Mapping[str, Any]:
    try:
        body = msgspec.json.decode(reply.body)
    except _DECODE_ERRORS:
        body = None
    return body if isinstance(body, dict) else {}


def _credential(body: Mapping[str, Any], now: float) -> Credential:
    """Read a token. Times are seconds from now; `refresh_in` comes with tokens that live long. Raises `AuthError`."""
    token, life = body.get("access_token"), _seconds(body.get("expires_in"))
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token) or life is None:
        raise AuthError("Entra ID answered with something that is no token with a life time", transient=True)
    early = _seconds(body.get("refresh_in"))
    if early is None and life >= _LONG_S:
        early = life / 2
    return Credential(
        headers=(("Authorization", f"Bearer {token}"),),
        expires_at=now + life,
        refresh_at=None if early is None else now + early,
    )


def _seconds(value: Any) -> float | None:
    """Return a life time; older endpoints write it as text.

    >>> _seconds("3599"), _seconds(-1), _seconds("soon")
    (3599.0, None, None)
    """
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:12])
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MAX_LIFE_S:
        return None
    return float(value)


def _refused(status: int, body: Mapping[str, Any]) -> AuthError:
    """Tell the operator what Entra ID said: its error and codes, by which its documentation explains them."""
    error = body.get("error")
    name = error if isinstance(error, str) and _ERROR.fullmatch(error) else "no reason"
    codes = body.get("error_codes")
    told = [f"AADSTS{code}" for code in codes if type(code) is int] if isinstance(codes, list) else []
    correlation = body.get("correlation_id")
    if isinstance(correlation, str) and _ID.fullmatch(correlation):
        told.append(f"correlation id {correlation}")
    more = f" ({', '.join(told)})" if told else ""
    if status == _THROTTLED or status >= _SERVER or name == "temporarily_unavailable":
        return AuthError(f"Entra ID gives no token at the moment: {status}, {name}{more}", transient=True)
    return AuthError(f"Entra ID refused the application's credentials: {status}, {name}{more}")
