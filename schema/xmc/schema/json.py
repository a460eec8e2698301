"""Canonical JSON (RFC 8785) for what is digested, and the type of a decoded JSON object.

Source: RFC 8785, "JSON Canonicalization Scheme (JCS)".
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

JsonObject = Mapping[str, Any]
"""A decoded JSON object. Values are `None`, `bool`, `int`, `float`, `str`, lists and further objects."""

# Beyond this an integer is no longer exact in the JSON number model (RFC 8785, 3.2.2.3).
_EXACT_INTEGER = 2**53 - 1


def canonical_json(value: Any) -> bytes:
    """Encode plain data (`None`, `bool`, `int`, `str`, `list`, `tuple`, `dict`) as canonical JSON, UTF-8.

    Narrower than RFC 8785 on purpose, so that one fast encoder is exact: no floats (durations are whole
    milliseconds in what we digest) and only ASCII keys (whose order is the same in UTF-8 and UTF-16).

    Raises:
        TypeError: a float, an integer beyond 2**53 - 1, a key that is not ASCII, or any other type.
    """
    refuse_inexact(value)
    return encode_exact(value)


def encode_exact(value: Any) -> bytes:
    """Encode what has passed `refuse_inexact` as canonical JSON."""
    return msgspec.json.encode(value, order="sorted")


def decode_canonical(data: bytes) -> Any:
    """Decode a file that is canonical JSON and a newline: these very bytes, not another way to write the same.

    Raises:
        ValueError: it is not; the message does not quote it.
    """
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("it is not JSON") from None
    try:
        exact = canonical_json(value) + b"\n" == data
    except (TypeError, RecursionError):
        exact = False
    if not exact:
        raise ValueError("it is not canonical JSON as xmc writes it")
    return value


def digest(value: Any) -> str:
    """Return `sha256:<hex>` of the canonical JSON of plain data; raises as `canonical_json`."""
    return "sha256:" + sha256(canonical_json(value)).hexdigest()


def refuse_inexact(value: Any) -> None:
    """Raise `TypeError` for what `canonical_json` does not take. One loop, not a recursion: tables are large."""
    pending = [value]
    for item in pending:  # grows while it is read
        kind = type(item)
        if kind is dict:
            for key in item:
                if type(key) is not str or not key.isascii():
                    raise TypeError(f"not a canonical key: {key!r}")
            pending += [part for part in item.values() if type(part) is not str]
        elif kind is list or kind is tuple:
            pending += [part for part in item if type(part) is not str]
        elif kind is int:
            if not -_EXACT_INTEGER <= item <= _EXACT_INTEGER:
                raise TypeError("not canonical: int")
        elif kind is not str and kind is not bool and item is not None:
            raise TypeError(f"not canonical: {kind.__name__}")
