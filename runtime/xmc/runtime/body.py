"""A client's body: read within limits of size and time, and unpacked within the same limit of size.

aiohttp does not unpack for us: it would go on beyond the limit, for as long as a small packed body has more to give.
"""

import asyncio
import zlib

from aiohttp import ClientPayloadError, StreamReader, web

from xmc.runtime.http import BodyTooLargeError, BodyUnreadableError

# A client that sends its body more slowly than one piece in this time, or one body in that, is not waited for.
PIECE_S = 30.0
BODY_S = 300.0

# zlib's own number for "gzip or zlib, as the head says".
_GZIP_OR_ZLIB = 47
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})


class Body:
    """Reads one request's body."""

    __slots__ = ("_request",)

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request

    async def read(self, limit: int) -> bytes:
        """See `Inbound.read`. The limit holds for the body as it came and as it is unpacked."""
        request = self._request
        length = request.content_length
        if length is not None and length > limit:
            raise BodyTooLargeError
        encoding = request.headers.get("content-encoding")
        if encoding is not None:
            encoding = _known(encoding)
        content = request.content
        if content.is_eof():  # arrived together with its head, as small bodies do
            data = content.read_nowait()
            if len(data) > limit:
                raise BodyTooLargeError
        else:
            if request.headers.get("expect", "").lower() == "100-continue" and request.transport is not None:
                request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            data = await _gather(content, limit)
        if encoding is None or not data:
            return data
        return await asyncio.to_thread(unpack, data, limit)


def unpack(data: bytes, limit: int) -> bytes:
    """Return what a gzip or deflate body holds; never makes more than `limit` bytes and one.

    Raises:
        BodyTooLargeError: it holds more.
        BodyUnreadableError: it is neither, broken off, or followed by something else.
    """
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        unpacked = unpacker.decompress(data, limit + 1)
    except zlib.error:
        raise BodyUnreadableError("the request body is not in its declared content-encoding") from None
    if len(unpacked) > limit:
        raise BodyTooLargeError
    # One member and nothing else: a body of a million empty ones would cost their number squared.
    if not unpacker.eof or unpacker.unused_data:
        raise BodyUnreadableError("the request body is not one whole message in its declared content-encoding")
    return unpacked


def _known(encoding: str) -> str | None:
    """Return the encoding to undo, None for none. Raises `BodyUnreadableError` for one that is not ours."""
    name = encoding.strip().lower()
    if name in _PACKED:
        return name
    if name in {"", "identity"}:
        return None
    raise BodyUnreadableError(
        f"the content-encoding {encoding[:40]!r} is not accepted: send the body as it is, or in gzip or deflate"
    )


async def _gather(content: StreamReader, limit: int) -> bytes:
    # aiohttp does not tell where a body's chunk framing breaks in a later read: that too ends by `PIECE_S`.
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                async with asyncio.timeout(PIECE_S):
                    piece = await content.readany()
                if not piece:
                    return b"".join(pieces)
                size += len(piece)
                if size > limit:
                    raise BodyTooLargeError
                pieces.append(piece)
    except TimeoutError:
        raise BodyUnreadableError("the request body did not arrive whole in time") from None
    except (web.RequestPayloadError, ClientPayloadError):
        raise BodyUnreadableError("the request body broke off, or is not framed as HTTP") from None
