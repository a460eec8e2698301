"""Authentication schemes whose credential is a secret as it stands: `bearer`, `header-key` and `none`.

The secret becomes one header. It lives as long as the secret does, so nothing expires and nothing is fetched.
"""

from collections.abc import Iterable, Mapping

from xmc.plugins.contract import AuthError, AuthIO, AuthScheme, Clock, Credential
from xmc.plugins.hookspecs import hookimpl
from xmc.schema import Auth, Secret, WireRequest

XMC_CONTRACT = 1


class Bearer:
    """`Authorization: Bearer <token>`. Slot: `token`.

    Source: RFC 6750, section 2.1.
    """

    name = "bearer"
    static = True

    async def acquire(self, auth: Auth, secrets: Mapping[str, Secret], io: AuthIO, clock: Clock) -> Credential:
        """Make the header of the secret `token`. Raises `AuthError`."""
        del io, clock
        return Credential(headers=(("Authorization", f"Bearer {_header_value(auth, secrets, 'token')}"),))

    def sign(self, wire: WireRequest, credential: Credential, now: float) -> WireRequest:
        """Add the header."""
        del now
        return wire.with_headers(credential.headers)

    def stale(self, status: int, headers: Mapping[str, str]) -> bool:
        """Say no: a fixed key is right or wrong, and no newer one can be had."""
        del status, headers
        return False


class HeaderKey:
    """`<header>: <key>`. Parameter: `header`, the header's name. Slot: `key`."""

    name = "header-key"
    static = True

    async def acquire(self, auth: Auth, secrets: Mapping[str, Secret], io: AuthIO, clock: Clock) -> Credential:
        """Make the header of the secret `key`. Raises `AuthError`."""
        del io, clock
        header = auth.params.get("header")
        if not header:
            raise AuthError("authentication scheme header-key: the target names no header")
        return Credential(headers=((header, _header_value(auth, secrets, "key")),))

    def sign(self, wire: WireRequest, credential: Credential, now: float) -> WireRequest:
        """Add the header."""
        del now
        return wire.with_headers(credential.headers)

    def stale(self, status: int, headers: Mapping[str, str]) -> bool:
        """Say no: a fixed key is right or wrong, and no newer one can be had."""
        del status, headers
        return False


class NoAuth:
    """No credential at all, for an upstream that asks for none."""

    name = "none"
    static = True

    async def acquire(self, auth: Auth, secrets: Mapping[str, Secret], io: AuthIO, clock: Clock) -> Credential:
        """Return an empty credential."""
        del auth, secrets, io, clock
        return Credential()

    def sign(self, wire: WireRequest, credential: Credential, now: float) -> WireRequest:
        """Leave the call as it is."""
        del credential, now
        return wire

    def stale(self, status: int, headers: Mapping[str, str]) -> bool:
        """Say no: there is none."""
        del status, headers
        return False


def _header_value(auth: Auth, secrets: Mapping[str, Secret], role: str) -> str:
    """Return the secret of a role, if it can stand in a header as it is.

    Stricter than Latin-1: beyond ASCII, HTTP libraries do not agree on the bytes. White space at the ends would be
    lost on the way, and a line break would start another header.

    Raises:
        AuthError: names the slot and what is wrong, never the value.
    """
    slot = auth.slots.get(role, role)
    secret = secrets.get(role)
    if secret is None:
        raise AuthError(f"secret {slot}: it was not read (role {role!r} of scheme {auth.scheme!r})")
    value = secret.reveal()
    if not value:
        raise AuthError(f"secret {slot} is empty")
    if "\r" in value or "\n" in value:
        raise AuthError(f"secret {slot} holds a line break and cannot stand in a header; store it without")
    if not (value.isascii() and value.isprintable()):
        raise AuthError(f"secret {slot} holds characters that cannot stand in a header; only visible ASCII can")
    if value != value.strip():
        raise AuthError(f"secret {slot} begins or ends with a space; store it without")
    return value


@hookimpl
def xmc_auth_schemes() -> Iterable[AuthScheme]:
    """Add the schemes."""
    return (Bearer(), HeaderKey(), NoAuth())
