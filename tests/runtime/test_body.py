"""Request bodies: packed, too large, too slow, badly framed; on a real socket where the socket matters."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator

import pytest
from tests.gateways import ASK, CHAT, Running, endpoint, running, table, target
from tests.upstreams import json_answer, scripted

from xmc.runtime import body as module
from xmc.runtime.body import unpack
from xmc.runtime.http import BodyTooLargeError, BodyUnreadableError
from xmc.schema import Serving

LIMIT = 100_000
ASKED = json.dumps(ASK).encode()


def test_a_packed_body_is_unpacked_up_to_its_limit_and_not_a_byte_further() -> None:
    for pack in (gzip.compress, zlib.compress):
        assert unpack(pack(b"x" * LIMIT), LIMIT) == b"x" * LIMIT
        with pytest.raises(BodyTooLargeError):
            unpack(pack(b"x" * (LIMIT + 1)), LIMIT)


# gzip writes the time into its head: without names of their own, parallel workers would disagree about the tests.
@pytest.mark.parametrize(
    "data",
    [b"x", gzip.compress(b"abc")[:-1], gzip.compress(b"abc") + b"x", gzip.compress(b"") * 1000],
    ids=["no gzip", "cut", "more after it", "a thousand messages"],
)
def test_what_is_not_one_whole_packed_message_is_refused(data: bytes) -> None:
    with pytest.raises(BodyUnreadableError):
        unpack(data, LIMIT)


@pytest.fixture
async def gateway() -> AsyncIterator[Running]:
    async with (
        scripted([json_answer(CHAT)]) as upstream,
        running(table(endpoint("chat", target(upstream.url), serving=Serving(max_body_bytes=LIMIT)))) as gateway,
    ):
        yield gateway


async def talk(gateway: Running, *pieces: bytes, headers: str = "", path: str = "chat/invocations") -> list[bytes]:
    """Send a POST piece by piece, and return the answers that come until the gateway closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
    try:
        writer.write(f"POST /serving-endpoints/{path} HTTP/1.1\r\nhost: a\r\n{headers}\r\n".encode())
        for data in pieces:
            await writer.drain()
            await asyncio.sleep(0)
            writer.write(data)
        async with asyncio.timeout(5):
            return (await reader.read()).split(b"HTTP/1.1 ")[1:]
    finally:
        writer.close()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


CHUNKED = "transfer-encoding: chunked\r\nconnection: close\r\n"


async def test_a_chunked_body_is_read_and_has_the_same_limit(gateway: Running) -> None:
    (answer,) = await talk(gateway, chunk(ASKED[:5]), chunk(ASKED[5:]), b"0\r\n\r\n", headers=CHUNKED)
    assert answer.startswith(b"200 ")
    large = [chunk(b"x" * 1000)] * (LIMIT // 1000 + 1)
    (answer,) = await talk(gateway, *large, b"0\r\n\r\n", headers=CHUNKED)
    assert answer.startswith(b"400 ")
    assert b"larger than the 100000 bytes" in answer


async def test_a_packed_bomb_is_refused_before_it_is_unpacked(gateway: Running) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    headers = f"content-encoding: gzip\r\ncontent-length: {len(bomb)}\r\nconnection: close\r\n"
    assert len(bomb) < LIMIT
    (answer,) = await talk(gateway, bomb, headers=headers)
    assert b"larger than the 100000 bytes" in answer


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x" * 500])
async def test_another_encoding_is_refused_by_name(gateway: Running, encoding: str) -> None:
    headers = f"content-encoding: {encoding}\r\ncontent-length: {len(ASKED)}\r\nconnection: close\r\n"
    (answer,) = await talk(gateway, ASKED, headers=headers)
    assert answer.startswith(b"400 ")
    assert f"the content-encoding '{encoding[:40]}' is not accepted".encode() in answer
    await gateway.recorded()


@pytest.mark.parametrize("limit", ["PIECE_S", "BODY_S"])
@pytest.mark.parametrize("framing", [f"content-length: {len(ASKED)}\r\n", CHUNKED])
async def test_a_body_that_comes_too_slowly_is_refused(
    gateway: Running, limit: str, framing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, limit, 0.1)
    begin = chunk(b"{") if framing == CHUNKED else b"{"
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
    writer.write(f"POST /serving-endpoints/chat/invocations HTTP/1.1\r\nhost: a\r\n{framing}\r\n".encode() + begin)
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
        body = json.loads(await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])))
    writer.close()
    assert head.startswith(b"HTTP/1.1 400 ")
    assert body["message"] == "the request body did not arrive whole in time"


async def test_a_refused_client_that_waits_for_100_continue_loses_its_connection(gateway: Running) -> None:
    """It still holds its body back, so that whatever comes next on the connection could be taken for the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
    writer.write(b"POST /nowhere HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 404 ")
    assert b"connection: close" in head
