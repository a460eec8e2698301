"""A client that hides nothing: it speaks HTTP on a bare socket and tells whether the message was whole."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.streams import events_of

OPENAI = "/serving-endpoints/chat/completions"
WITHIN_S = 10.0


@dataclass(frozen=True)
class Got:
    """An answer as it arrived. `body` is without HTTP's chunk framing; `whole` tells a proper end from a cut."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        return events_of(self.body)


async def ask(url: str, endpoint: str = "chat", *, stream: bool = True, openai: bool = False) -> Got:
    """Ask an endpoint on its REST path or on the OpenAI path, and read the answer to its end, whatever that is."""
    async with asking(url, endpoint, stream=stream, openai=openai) as reader, asyncio.timeout(WITHIN_S):
        return await read_answer(reader)


@asynccontextmanager
async def asking(
    url: str, endpoint: str = "chat", *, stream: bool = True, openai: bool = False
) -> AsyncIterator[asyncio.StreamReader]:
    """Send the question and give the socket to read from; leaving the block closes it."""
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "stream": stream}
    if openai:
        body["model"] = endpoint
    path = OPENAI if openai else f"/serving-endpoints/{endpoint}/invocations"
    data = json.dumps(body).encode()
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1 << 24)
    try:
        head = (
            f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        )
        writer.write(head.encode() + data)
        yield reader
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> Got:
    status, headers = await read_head(reader)
    if headers.get("transfer-encoding") == "chunked":
        body, whole = await _read_chunked(reader)
    else:
        length = int(headers["content-length"])
        try:
            body, whole = await reader.readexactly(length), True
        except asyncio.IncompleteReadError as error:
            body, whole = error.partial, False
    return Got(status, headers, body, whole)


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        assert name.lower() not in headers, f"{name} came twice"
        headers[name.lower()] = value
    return int(first.split(" ")[1]), headers


async def _read_chunked(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    body = b""
    while True:
        try:
            size = int((await reader.readuntil(b"\r\n")).strip(), 16)
            piece = await reader.readexactly(size + 2)
        except (asyncio.IncompleteReadError, ConnectionError):
            return body, False
        assert piece.endswith(b"\r\n")
        if size == 0:
            return body, True
        body += piece[:-2]
