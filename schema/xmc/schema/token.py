"""Client tokens and how a table knows them: one place for the two formats. Pure; randomness comes in as bytes.

A token is `xmc_<id>_<secret>`: a public id of 8 characters that finds the row and may be printed, and 256 random bits.
A table and a spec hold `xmc1$<id>$<salt>$<hex>` instead, where hex is the SHA-256 of salt + token.
"""

import re
from base64 import urlsafe_b64encode
from hashlib import sha256

from xmc.schema.table import TokenHash

_TOKEN = re.compile(r"xmc_(?P<id>[a-z0-9]{8})_[A-Za-z0-9_-]{43}")
_HASH = re.compile(r"xmc1\$(?P<id>[a-z0-9]{8})\$(?P<salt>[A-Za-z0-9]{16,64})\$(?P<sha256>[0-9a-f]{64})")
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_SECRET_BYTES = 32


def make_token(random: bytes) -> str:
    """Return the token that 40 random bytes make: 8 for the id, 32 for the secret.

    >>> make_token(bytes(40))
    'xmc_aaaaaaaa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'

    Raises:
        ValueError: not exactly 40 bytes.
    """
    if len(random) != 8 + _SECRET_BYTES:
        raise ValueError("a token is made of exactly 40 random bytes")
    public = "".join(_ID_ALPHABET[byte % len(_ID_ALPHABET)] for byte in random[:8])
    secret = urlsafe_b64encode(random[8:]).rstrip(b"=").decode()
    return f"xmc_{public}_{secret}"


def token_id(token: str) -> str | None:
    """Return the public id of a well-formed token, else None.

    >>> token_id("xmc_aaaaaaaa_" + 43 * "A"), token_id("something else")
    ('aaaaaaaa', None)
    """
    match = _TOKEN.fullmatch(token)
    return match["id"] if match else None


def hash_token(token: str, salt: str) -> TokenHash:
    """Return what a table holds of a token; the token cannot be found from it.

    Raises:
        ValueError: the token is malformed, or the salt is not 16 to 64 letters and digits. Names neither.
    """
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise ValueError("not a client token: it must be xmc_<id>_<secret>")
    row = TokenHash(id=match["id"], salt=salt, sha256=sha256((salt + token).encode()).hexdigest())
    if parse_token_hash(format_token_hash(row)) is None:
        raise ValueError("a salt is 16 to 64 ASCII letters and digits")
    return row


def format_token_hash(row: TokenHash) -> str:
    """Write a row as it stands under `token_hashes` in a spec."""
    return f"xmc1${row.id}${row.salt}${row.sha256}"


def parse_token_hash(text: str) -> TokenHash | None:
    """Read an entry of `token_hashes`, or return None if it is not one.

    >>> parse_token_hash("xmc1$aaaaaaaa$0123456789abcdef$" + 64 * "0").id
    'aaaaaaaa'
    """
    match = _HASH.fullmatch(text)
    return TokenHash(**match.groupdict()) if match else None


def mask_tokens(text: str) -> str:
    """Return text with the secret part of every client token in it replaced, for logs and messages.

    >>> mask_tokens("/x/xmc_aaaaaaaa_" + 43 * "A" + "/y")
    '/x/xmc_aaaaaaaa_***/y'
    """
    if "xmc_" not in text:
        return text
    return _TOKEN.sub(lambda match: f"xmc_{match['id']}_***", text)
