"""The signature file: who vouches for a table, its lock and its sealed values, and with which serial number.

Canonical JSON with a newline. Signed (Ed25519) is a line that says what this is, and everything in the file but the
signature itself, as canonical JSON.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated

import msgspec

from xmc.schema.json import canonical_json, decode_canonical
from xmc.schema.keys import PublicKey, SigningKey, describe
from xmc.schema.table import TableError

SIGNATURE_FORMAT = 1
"""Version of the signature file. Another one is refused."""

MAX_SERIAL = 2**53 - 1
"""The largest serial number: beyond it JSON numbers are no longer exact."""

_PURPOSE = b"xmc signature\n"
_SIGNATURE_BYTES = 64


class SignatureError(TableError):
    """A signature that does not vouch for a table; the message says why."""


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a signature says. `table` is the table's own digest; `lock` and `sealed` are those of the files' bytes.

    `sealed` is None if no sealed file belongs to the table, `serial` is None if none was given. `key` is the id of the
    key that signed.
    """

    table: str
    lock: str
    key: str
    sealed: str | None = None
    serial: Annotated[int, msgspec.Meta(ge=0, le=MAX_SERIAL)] | None = None
    format: int = SIGNATURE_FORMAT


class _File(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    signature: str


def digest_bytes(data: bytes) -> str:
    """Return `sha256:<hex>` of a file's bytes.

    >>> digest_bytes(b"")[:20]
    'sha256:e3b0c44298fc1'
    """
    return "sha256:" + sha256(data).hexdigest()


def sign(statement: Statement, key: SigningKey) -> bytes:
    """Return the signature file; `statement.key` is set to the key that signs."""
    said = msgspec.to_builtins(msgspec.structs.replace(statement, key=key.public.id))
    signature = key.sign(_PURPOSE + canonical_json(said))
    return canonical_json({**said, "signature": signature.hex()}) + b"\n"


def read_signature(data: bytes) -> tuple[Statement, bytes]:
    """Return what a signature file says and its signature, which is not checked here.

    Raises:
        SignatureError: it is no such file, of another format, or its bytes are not exactly as xmc writes them.
    """
    try:
        plain = decode_canonical(data)
    except ValueError as error:
        raise SignatureError(f"this is not a signature file: {error}") from None
    if not isinstance(plain, dict) or plain.get("format") != SIGNATURE_FORMAT:
        found = plain.get("format") if isinstance(plain, dict) else None
        raise SignatureError(
            f"this signature file has format {found!r}; this version of xmc reads format {SIGNATURE_FORMAT}"
        )
    try:
        held = msgspec.convert(plain, _File)
        signature = bytes.fromhex(held.signature)
    except ValueError as error:  # msgspec.ValidationError is one
        raise SignatureError(f"this is not a signature file: {error}") from None
    if len(signature) != _SIGNATURE_BYTES or signature.hex() != held.signature:
        raise SignatureError("this is not a signature file: a signature is 128 digits of lower-case hex")
    del plain["signature"]
    return msgspec.convert(plain, Statement), signature


def check_signature(data: bytes, trusted: Sequence[PublicKey]) -> Statement:
    """Return what a signature file says, if one of the trusted keys signed it.

    Raises:
        SignatureError: as `read_signature`; another key signed it; or it was changed after it was signed.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - only who verifies pays for it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - as above

    statement, signature = read_signature(data)
    key = next((one for one in trusted if one.id == statement.key), None)
    if key is None:
        raise SignatureError(f"this table was signed by {statement.key}, which is not trusted; is: {describe(trusted)}")
    try:
        message = _PURPOSE + canonical_json(msgspec.to_builtins(statement))
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
    except InvalidSignature:
        raise SignatureError(f"the signature by {statement.key} does not fit: it was changed, or forged") from None
    return statement
