"""Binary event streams as AWS writes them, for simulators and tests. Knows nothing of the code under test."""

import json
import struct
from binascii import crc32
from collections.abc import Iterable, Mapping
from typing import Any

Header = tuple[str, tuple[int, bytes]]
"""A header: its name, the number of its type, and its value as it stands on the wire."""


def text(value: str) -> tuple[int, bytes]:
    """Return a header's value of type string."""
    return 7, struct.pack("!H", len(value.encode())) + value.encode()


def message(headers: Iterable[Header], payload: bytes) -> bytes:
    """Return one message with its checksums."""
    written = b"".join(bytes([len(name)]) + name.encode() + bytes([kind]) + value for name, (kind, value) in headers)
    prelude = struct.pack("!II", 16 + len(written) + len(payload), len(written))
    head = prelude + struct.pack("!I", crc32(prelude)) + written + payload
    return head + struct.pack("!I", crc32(head))


def event(kind: str, payload: Mapping[str, Any], *, sort: str = "event") -> bytes:
    """Return an event, or with `sort="exception"` a modelled failure."""
    headers = {f":{sort}-type": kind, ":content-type": "application/json", ":message-type": sort}
    return message([(name, text(value)) for name, value in headers.items()], json.dumps(payload).encode())


def failure(code: str, said: str) -> bytes:
    """Return an unmodelled failure."""
    headers = {":error-code": code, ":error-message": said, ":message-type": "error"}
    return message([(name, text(value)) for name, value in headers.items()], b"")
