"""The key of a service account, as it stands in a secret: the JSON file that Google gives out, or a bare PEM.

Source: Google Cloud documentation, "Create and delete service account keys".
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from xmc.plugins.contract import AuthError


@dataclass(frozen=True, slots=True)
class Key:
    """`pem` is the private key; `key_id` names it to Google, if that is known. Never printed."""

    client_email: str
    pem: str = field(repr=False)
    key_id: str | None = None


def read_key(text: str, slot: str, *, client_email: str | None, token_uri: str) -> Key:
    r"""Read a secret. `client_email` and `token_uri` are the spec's.

    A PEM whose lines end in a written `\n`, as environment variables hold it, is taken too.

    Raises:
        AuthError: says what is missing or contradicts the spec, and no value.
    """
    stripped = text.strip()
    if not stripped.startswith("{"):
        if not stripped.startswith("-----BEGIN"):
            raise AuthError(f"secret {slot} is neither the JSON of a service account's key nor a private key in PEM")
        if client_email is None:
            raise AuthError(f"secret {slot} is a bare PEM, which does not say whose it is: the spec needs client_email")
        return Key(client_email, _lines(stripped))
    found = _decoded(stripped, slot)
    kind = found.get("type")
    if kind != "service_account":
        raise AuthError(f"secret {slot} is JSON, but not of a service account's key: its `type` is not service_account")
    given = {name: found.get(name) for name in ("client_email", "private_key")}
    missing = [name for name, value in given.items() if not isinstance(value, str) or not value.strip()]
    if missing:
        raise AuthError(f"secret {slot} lacks {' and '.join(missing)}")
    if client_email is not None and client_email != given["client_email"]:
        raise AuthError(f"secret {slot} is the key of another account than the spec's client_email")
    if found.get("token_uri", token_uri) != token_uri:
        # Whoever may write the secret must not decide where signed claims are sent to.
        raise AuthError(f"secret {slot} names a token_uri that the spec does not allow; the spec's is {token_uri}")
    key_id = found.get("private_key_id")
    return Key(
        str(given["client_email"]),
        _lines(str(given["private_key"]).strip()),
        key_id if isinstance(key_id, str) and key_id else None,
    )


def _lines(pem: str) -> str:
    return pem if "\n" in pem else pem.replace("\\n", "\n")


def _decoded(text: str, slot: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        # Its words may repeat a part of the text.
        raise AuthError(f"secret {slot} looks like JSON and cannot be read as such") from None
    return value
