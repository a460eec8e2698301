"""Upstreams that are odd and yet right, or odd and wrong: each through a whole gateway."""

import asyncio
import gzip
import io
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from tests.gateways import ASK, CHAT, Running, endpoint, running, table, target
from tests.streams import compact, delta, opening
from tests.upstreams import END, Cut, Script, answer, json_answer, piece, scripted, stream_head

from xmc.schema import Relay

PATH = "/serving-endpoints/chat/invocations"
GOOD = json.dumps(CHAT).encode()
EVENTS = compact(opening(), delta("a"), delta(finish="stop")) + b"data: [DONE]\n\n"
PLAIN = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"


async def asked(gateway: Running, *, stream: bool = False) -> tuple[int, bytes, dict[str, str]]:
    async with gateway.client() as client, client.post(PATH, json={**ASK, "stream": stream}) as reply:
        return reply.status, await reply.read(), {name.lower(): value for name, value in reply.headers.items()}


@pytest.mark.parametrize("relay", list(Relay))
@pytest.mark.parametrize(
    "script",
    [
        [b"HTTP/1.1 100 Continue\r\n\r\n" + json_answer(CHAT)],
        [b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + json_answer(CHAT)],
        [answer(GOOD)],
        [b"HTTP/1.0 200 OK\r\n\r\n" + GOOD, Cut()],
        [b"HTTP/1.1 200 OK\r\nx: " + b"y" * 30_000 + b"\r\n" + answer(GOOD).split(b"\r\n", 1)[1]],
        [answer(gzip.compress(GOOD), headers=[("content-encoding", "gzip")])],
    ],
    ids=["100", "103", "no-type", "http-1.0", "long-header", "gzip"],
)
async def test_an_odd_whole_answer_is_an_answer(script: Script, relay: Relay) -> None:
    async with (
        scripted(script) as upstream,
        running(table(endpoint("chat", target(upstream.url, relay=relay)))) as gateway,
    ):
        status, body, headers = await asked(gateway)
    assert (status, json.loads(body)) == (200, CHAT)
    assert "content-encoding" not in headers


@pytest.mark.parametrize("relay", list(Relay))
@pytest.mark.parametrize(
    "script",
    [
        [f"{PLAIN}\r\n".encode(), piece(EVENTS), END],
        [f"{PLAIN}content-encoding: gzip\r\n\r\n".encode(), piece(gzip.compress(EVENTS)), END],
        [b"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + EVENTS, Cut()],
        [stream_head("Text/Event-Stream; Charset=UTF-8"), piece(EVENTS.replace(b"\n", b"\r\n")), END],
    ],
    ids=["no-type", "gzip", "http-1.0", "crlf"],
)
async def test_an_odd_stream_is_a_stream(script: Script, relay: Relay) -> None:
    async with (
        scripted(script) as upstream,
        running(table(endpoint("chat", target(upstream.url, relay=relay)))) as gateway,
    ):
        status, body, headers = await asked(gateway, stream=True)
    assert (status, body.endswith(b"data: [DONE]\n\n")) == (200, True)
    assert headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("head", "upstream_status"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", "101"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "204"),
        (b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n", "302"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "304"),
        (b"HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n", "999"),
    ],
)
async def test_a_status_that_is_no_answer_is_a_bad_gateway(stream: bool, head: bytes, upstream_status: str) -> None:
    async with (
        scripted([head, Cut()]) as upstream,
        running(table(endpoint("chat", target(upstream.url)))) as gateway,
    ):
        status, body, headers = await asked(gateway, stream=stream)
    assert (status, json.loads(body)["error_code"]) == (500, "INTERNAL_ERROR")
    assert headers["x-upstream-status"] == upstream_status
    assert len(upstream.requests) == 1


async def test_an_answer_before_the_request_was_read_is_passed_on() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(json_answer({"error": {"message": "no such model"}}, 404))
        await writer.drain()
        while await reader.read(65536):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    large = json.dumps({"messages": [{"role": "user", "content": "x" * 8_000_000}]}).encode()
    async with (
        server,
        running(table(endpoint("chat", target(url)))) as gateway,
        gateway.client() as client,
        asyncio.timeout(10),
        client.post(PATH, data=io.BytesIO(large)) as reply,
    ):
        assert (reply.status, (await reply.json())["message"]) == (404, "no such model")


async def test_an_upstream_may_be_an_ipv6_address() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(json_answer(CHAT))
        await reader.read()
        writer.close()

    seen: list[bytes] = []
    server = await asyncio.start_server(serve, "::1", 0, family=socket.AF_INET6)
    port = server.sockets[0].getsockname()[1]
    async with server, running(table(endpoint("chat", target(f"http://[::1]:{port}")))) as gateway:
        assert (await asked(gateway))[0] == 200
    assert f"host: [::1]:{port}\r\n".encode() in seen[0].lower()


@asynccontextmanager
async def connect_proxy(to_port: int, seen: list[bytes]) -> AsyncIterator[str]:
    """Run a CONNECT proxy that takes every name for 127.0.0.1:`to_port`."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to_port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://user:pass@127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("stream", [False, True])
async def test_tls_with_an_authority_of_ones_own_through_a_proxy(tmp_path: Path, stream: bool) -> None:
    """The certificate is checked through the tunnel, and the proxy sees neither key nor prompt."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("upstream.test").configure_cert(tls)
    seen: list[bytes] = []
    script: Script = [stream_head(), piece(EVENTS), END] if stream else [json_answer(CHAT)]
    async with scripted(script, tls=tls) as upstream:
        port = int(upstream.url.rsplit(":", 1)[1])
        served = table(endpoint("chat", target("https://upstream.test")))
        async with connect_proxy(port, seen) as proxy:
            environ = {"HTTPS_PROXY": proxy}
            async with running(served, environ=environ, ca_bundle=str(tmp_path / "ca.pem")) as gateway:
                assert [(await asked(gateway, stream=stream))[0] for _ in range(2)] == [200, 200]
            async with running(served, environ=environ) as gateway:
                status, body, _ = await asked(gateway, stream=stream)
                assert (status, "TLS" in json.loads(body)["message"]) == (503, True)
            async with running(served, environ={**environ, "NO_PROXY": ".test"}) as gateway:
                status, body, _ = await asked(gateway, stream=stream)
                assert (status, "host name" in json.loads(body)["message"]) == (503, True)
    assert len(seen) == 2
    assert seen[0].startswith(b"CONNECT upstream.test:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dXNlcjpwYXNz\r\n" in seen[0]
    assert b"Bearer" not in seen[0]
    assert upstream.requests[0].headers["authorization"].startswith("Bearer ")
