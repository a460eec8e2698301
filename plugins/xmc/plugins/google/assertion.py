"""The claim that a service account signs: a JSON Web Token of algorithm RS256.

Sources: RFC 7515, RFC 7519, RFC 7523, section 3; equal to google-auth's by a test.
"""

from base64 import urlsafe_b64encode
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from xmc.plugins.contract import AuthError
from xmc.plugins.google.key import Key

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LIFE_S = 3600  # the most that Google takes


def sign_assertion(key: Key, slot: str, *, audience: str, now: int) -> str:
    """Return the signed claim, valid from `now` (Unix seconds) for an hour. Blocks while the key is checked.

    Raises:
        AuthError: not an RSA private key in PEM, or one with a password.
    """
    private = _private_key(key.pem, slot)
    header = {"typ": "JWT", "alg": "RS256", **({} if key.key_id is None else {"kid": key.key_id})}
    claim = {"iat": now, "exp": now + _LIFE_S, "iss": key.client_email, "aud": audience, "scope": SCOPE}
    signed = f"{_segment(header)}.{_segment(claim)}"
    return f"{signed}.{_encoded(private.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def _private_key(pem: str, slot: str) -> RSAPrivateKey:
    try:
        private = load_pem_private_key(pem.encode("utf-8", "replace"), password=None)
    except TypeError:
        raise AuthError(f"secret {slot} holds a private key with a password; store it without") from None
    except (ValueError, UnsupportedAlgorithm):
        raise AuthError(f"secret {slot} holds no private key in PEM that can be read") from None
    if not isinstance(private, RSAPrivateKey):
        raise AuthError(f"secret {slot} holds a private key that is not an RSA key")
    return private


def _segment(value: dict[str, Any]) -> str:
    return _encoded(msgspec.json.encode(value))


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
