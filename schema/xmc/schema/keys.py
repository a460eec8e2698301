"""Keys that protect artifacts: sealing keys (AES-256) and signing keys (Ed25519), and how their files read.

A file holds several keys of one kind, so that keys can be rotated: the first one seals, any of them opens or is
trusted. `cryptography` is imported where it is needed: who serves a plain table does not pay for it.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_BYTES = 32
"""Length of a sealing key, and of a raw Ed25519 key."""

_HEX = re.compile(rf"[0-9A-Fa-f]{{{2 * KEY_BYTES}}}")
_PUBLIC = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
_SHOWN = 16


class UnusableKeyError(ValueError):
    """A key that cannot be used. The message is a sentence for the operator and holds no part of the key."""


class SealKey:
    """A sealing key. Its repr shows `id`, which is derived from it and gives nothing of it away."""

    __slots__ = ("_raw", "id")

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise UnusableKeyError(f"a sealing key is {KEY_BYTES} bytes; this one is {len(raw)}")
        self._raw = raw
        self.id = "aes-256:" + sha256(b"xmc sealing key\0" + raw).hexdigest()[:_SHOWN]

    def reveal(self) -> bytes:
        """Return the 32 bytes, for the one place that seals or opens."""
        return self._raw

    def __repr__(self) -> str:
        return f"SealKey({self.id})"

    def __reduce__(self) -> tuple[type, tuple[bytes, ...]]:
        raise TypeError("a SealKey is never pickled")


class PublicKey(msgspec.Struct, frozen=True):
    """An Ed25519 public key, 32 raw bytes."""

    raw: bytes

    @property
    def id(self) -> str:
        """A name for the key: the beginning of the SHA-256 of its raw bytes."""
        return "ed25519:" + sha256(self.raw).hexdigest()[: 2 * _SHOWN]


class SigningKey:
    """An Ed25519 private key. Its repr shows the public key's id."""

    __slots__ = ("_private", "public")

    def __init__(self, private: "Ed25519PrivateKey") -> None:
        self._private = private
        self.public = PublicKey(private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes."""
        return self._private.sign(message)

    def __repr__(self) -> str:
        return f"SigningKey({self.public.id})"


def parse_seal_keys(text: str) -> tuple[SealKey, ...]:
    """Read sealing keys: one a line, each 32 bytes in base64 or hex; lines that begin with # are comments.

    Raises:
        UnusableKeyError: there is none, or one of them is not 32 bytes.
    """
    words = [word for line in text.splitlines() if not line.lstrip().startswith("#") for word in line.split()]
    if not words:
        raise UnusableKeyError("there is no sealing key in it; `xmc keygen seal` makes one")
    return tuple(SealKey(_key_bytes(word)) for word in words)


def _key_bytes(word: str) -> bytes:
    if _HEX.fullmatch(word):
        return bytes.fromhex(word)
    plain = word.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableKeyError(
            f"a sealing key is {KEY_BYTES} bytes in base64 or hex; this is neither ({len(word)} characters)"
        ) from None


def format_seal_key(raw: bytes) -> str:
    """Write a sealing key as `parse_seal_keys` reads it.

    >>> parse_seal_keys(format_seal_key(bytes(32)))[0].reveal() == bytes(32)
    True
    """
    return base64.b64encode(SealKey(raw).reveal()).decode() + "\n"


def load_signing_key(pem: bytes) -> SigningKey:
    """Read an Ed25519 private key: PEM, PKCS #8, without a password.

    Raises:
        UnusableKeyError: it is something else.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as above

    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:  # what cryptography raises for a key with a password
        raise UnusableKeyError("it is protected by a password, which xmc cannot ask for") from None
    except Exception:  # noqa: BLE001 - cryptography raises many kinds, and what they say may quote the key
        raise UnusableKeyError("it holds no private key in PEM; `xmc keygen sign` makes one") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableKeyError("it holds a private key that is not Ed25519; `xmc keygen sign` makes one")
    return SigningKey(key)


def load_public_keys(pem: bytes) -> tuple[PublicKey, ...]:
    """Read Ed25519 public keys: one or several PEM blocks.

    Raises:
        UnusableKeyError: there is none, or one is something else.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415 - as above

    if b"PRIVATE KEY" in pem:
        raise UnusableKeyError("it holds a private key; who verifies needs the public one only (FILE.pub)")
    found: list[PublicKey] = []
    for block in _PUBLIC.findall(pem):
        try:
            key = load_pem_public_key(block)
        except Exception:  # noqa: BLE001 - cryptography raises many kinds
            raise UnusableKeyError("it holds a public key that cannot be read") from None
        if not isinstance(key, Ed25519PublicKey):
            raise UnusableKeyError("it holds a public key that is not Ed25519")
        found.append(PublicKey(key.public_bytes_raw()))
    if not found:
        raise UnusableKeyError("it holds no public key in PEM")
    return tuple(found)


def format_signing_key(raw: bytes) -> tuple[bytes, bytes]:
    """Write the key pair of 32 random bytes: the private key and the public key, both PEM."""
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - as above

    private = Ed25519PrivateKey.from_private_bytes(raw)
    public = private.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    return private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()), public


def describe(keys: Sequence[SealKey | PublicKey]) -> str:
    """Name keys by their ids, for a message.

    >>> describe([])
    'none'
    """
    return ", ".join(key.id for key in keys) or "none"
