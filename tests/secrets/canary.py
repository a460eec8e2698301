"""Look for a secret in bytes, however it may have been written down.

Source: RFC 4648 (base64), RFC 3986 (percent-encoding), RFC 8259 (JSON strings).
"""

import base64
import html
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus


def traces(canary: str) -> dict[bytes, str]:
    """Return what a secret looks like in each way of writing it: trace -> the way."""
    return {trace: way for way, trace in _traces(canary) if len(trace) > 3}


def found(canary: str, data: bytes | str) -> list[str]:
    """Return the ways in which a secret stands in `data`; an empty list if it does not."""
    content = data.encode() if isinstance(data, str) else data
    return sorted({way for trace, way in traces(canary).items() if trace in content})


def _traces(canary: str) -> Iterator[tuple[str, bytes]]:
    key = canary.encode()
    yield "raw", key
    yield "raw, UTF-16", canary.encode("utf-16-le")
    yield "JSON", json.dumps(canary)[1:-1].encode()
    yield "JSON, UTF-8", json.dumps(canary, ensure_ascii=False)[1:-1].encode()
    yield "JSON in JSON", json.dumps(json.dumps(canary)[1:-1])[1:-1].encode()
    yield "JSON, slashes escaped", json.dumps(canary)[1:-1].replace("/", "\\/").encode()
    yield "repr", repr(canary)[1:-1].encode()
    yield "repr of bytes", repr(key)[2:-1].encode()
    yield "URL", quote(canary, safe="").encode()
    yield "URL, lower case", quote(canary, safe="").replace("%2F", "%2f").replace("%2B", "%2b").encode()
    yield "URL path", quote(canary).encode()
    yield "form", quote_plus(canary).encode()
    yield "HTML", html.escape(canary).encode()
    yield "hex", key.hex().encode()
    for offset in range(3):
        yield f"base64 at {offset}", _aligned(base64.b64encode, key, offset)
        yield f"base64url at {offset}", _aligned(base64.urlsafe_b64encode, key, offset)


def _aligned(encode: Callable[[bytes], bytes], key: bytes, offset: int) -> bytes:
    """Return the characters that depend on the key alone when it stands `offset` bytes after a group's start."""
    encoded = encode(b"\0" * offset + key)
    first = -(-offset * 8 // 6)
    last = (offset + len(key)) * 8 // 6
    return encoded[first:last]
