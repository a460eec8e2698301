"""The sealed file: secret values beside a table, encrypted with AES-256-GCM and bound to that table.

Canonical JSON with a newline. Everything but the ciphertext is authenticated with it as associated data: the table's
digest, so that it fits no other table, and format, cipher, key id and nonce.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence

import msgspec

from xmc.schema.json import canonical_json, decode_canonical
from xmc.schema.keys import SealKey, describe
from xmc.schema.table import TableError

SEAL_FORMAT = 1
"""Version of the sealed file. Another one is refused."""

NONCE_BYTES = 12
"""Length of a nonce: random, and never used twice with one key."""

CIPHER = "AES-256-GCM"


class SealError(TableError):
    """A sealed file that cannot be used; the message says why and holds no value."""


class Sealed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sealed file as it stands. `table` is the digest of its table, `key` the id of the key that opens it.

    `nonce` is hex, `sealed` base64 of ciphertext and tag.
    """

    table: str
    key: str
    nonce: str
    sealed: str
    cipher: str = CIPHER
    format: int = SEAL_FORMAT

    def associated(self) -> bytes:
        """Return what is authenticated beside the ciphertext."""
        held = msgspec.to_builtins(self)
        del held["sealed"]
        return b"xmc sealed\n" + canonical_json(held)


def seal(values: Mapping[str, str], table: str, key: SealKey, nonce: bytes) -> bytes:
    """Return the sealed file of values (slot name -> value) for the table of that digest.

    `nonce` is 12 random bytes, never used before with this key.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - only who seals pays for it

    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce is {NONCE_BYTES} bytes")
    open_ = Sealed(table=table, key=key.id, nonce=nonce.hex(), sealed="")
    content = msgspec.json.encode({"secrets": dict(values)}, order="sorted")
    hidden = AESGCM(key.reveal()).encrypt(nonce, content, open_.associated())
    done = msgspec.structs.replace(open_, sealed=base64.b64encode(hidden).decode())
    return canonical_json(msgspec.to_builtins(done)) + b"\n"


def read_sealed(data: bytes, table: str) -> Sealed:
    """Read a sealed file without opening it; it must be of a known format and belong to the table of that digest.

    Raises:
        SealError: it does not, or its bytes are not exactly as xmc writes them.
    """
    try:
        plain = decode_canonical(data)
    except ValueError as error:
        raise SealError(f"this is not a sealed file: {error}") from None
    if not isinstance(plain, dict) or plain.get("format") != SEAL_FORMAT:
        found = plain.get("format") if isinstance(plain, dict) else None
        raise SealError(f"this sealed file has format {found!r}; this version of xmc reads format {SEAL_FORMAT}")
    try:
        held = msgspec.convert(plain, Sealed)
    except msgspec.ValidationError as error:
        raise SealError(f"this is not a sealed file: {error}") from None
    if held.cipher != CIPHER:
        raise SealError(f"this sealed file is encrypted with {held.cipher!r}; this version of xmc reads {CIPHER}")
    if held.table != table:
        raise SealError(f"this sealed file belongs to another table ({held.table}); compile the spec again")
    _parts(held)
    return held


def open_sealed(data: bytes, table: str, keys: Sequence[SealKey]) -> Mapping[str, str]:
    """Return the values of a sealed file (slot name -> value).

    Raises:
        SealError: as `read_sealed`; none of the keys opens it; or it was changed after it was sealed.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - only who opens pays for it
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above

    held = read_sealed(data, table)
    nonce, hidden = _parts(held)
    key = next((one for one in keys if one.id == held.key), None)
    if key is None:
        raise SealError(f"this file was sealed with another key ({held.key}); at hand: {describe(keys)}")
    try:
        content = AESGCM(key.reveal()).decrypt(nonce, hidden, held.associated())
        return msgspec.json.decode(content, type=dict[str, dict[str, str]])["secrets"]
    except InvalidTag:
        raise SealError("this sealed file was changed after it was sealed; compile the spec again") from None
    except (msgspec.DecodeError, KeyError):  # what it says may quote the content
        raise SealError("what is sealed are not the values of a table") from None


def _parts(held: Sealed) -> tuple[bytes, bytes]:
    """Return nonce and ciphertext; only the one way of writing them that `seal` has is read."""
    try:
        nonce, hidden = bytes.fromhex(held.nonce), base64.b64decode(held.sealed, validate=True)
    except (binascii.Error, ValueError):
        raise SealError("this is not a sealed file: its nonce or its content is not encoded as it must be") from None
    if len(nonce) != NONCE_BYTES or nonce.hex() != held.nonce or base64.b64encode(hidden).decode() != held.sealed:
        raise SealError("this is not a sealed file: its nonce or its content is not encoded as it must be")
    return nonce, hidden
