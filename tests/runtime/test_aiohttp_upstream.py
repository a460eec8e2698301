"""The upstream protocol against real sockets: limits, failures, TLS and proxies."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from tests.upstreams import (
    END,
    Cut,
    Dribble,
    Hang,
    Reset,
    Script,
    answer,
    free_port,
    json_answer,
    piece,
    scripted,
    stream_head,
)

from xmc.runtime.aiohttp_upstream import USER_AGENT, AiohttpUpstream, tls_context
from xmc.runtime.errors import UpstreamBrokenError, UpstreamError, UpstreamTimeoutError, UpstreamUnreachableError
from xmc.runtime.proxy import Proxies
from xmc.schema import Timeouts, WireRequest

LIMIT = 1_000_000


@asynccontextmanager
async def client(environ: dict[str, str] | None = None, ca: str | None = None) -> AsyncIterator[AiohttpUpstream]:
    upstream = AiohttpUpstream(tls_context(ca), Proxies(environ or {}))
    try:
        yield upstream
    finally:
        await upstream.close()


def call(url: str, body: bytes = b"{}") -> WireRequest:
    return WireRequest("POST", url, (("Content-Type", "application/json"), ("Authorization", "Bearer x")), body)


async def fetch(upstream: AiohttpUpstream, url: str, timeouts: Timeouts | None = None) -> bytes:
    reply = await upstream.send(call(url), timeouts or Timeouts())
    try:
        return await reply.read(LIMIT)
    finally:
        reply.close()


async def drain(upstream: AiohttpUpstream, url: str, timeouts: Timeouts, into: bytearray | None = None) -> bytes:
    """Read a stream to its end, in bounded time; what came before a failure is in `into`."""
    got = bytearray() if into is None else into
    reply = await upstream.send(call(url), timeouts)
    try:
        async with asyncio.timeout(10):
            async for data in reply.chunks():
                got += data
    finally:
        reply.close()
    return bytes(got)


async def test_a_call_arrives_as_it_was_prepared() -> None:
    async with (
        scripted([json_answer({"a": 1}, headers=[("X-Thing", "1"), ("x-thing", "2")])]) as server,
        client() as up,
    ):
        reply = await up.send(call(f"{server.url}/v1/a%2Fb?q=%20x"), Timeouts())
        assert (reply.status, reply.headers["x-thing"]) == (200, "1")
        assert await reply.read(LIMIT) == b'{"a": 1}'
        reply.close()
    (seen,) = server.requests
    assert seen.path == "/v1/a%2Fb?q=%20x"
    assert seen.headers["user-agent"] == USER_AGENT
    assert seen.headers["accept-encoding"] == "gzip, deflate"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["authorization"] == "Bearer x"
    assert "cookie" not in seen.headers


async def test_connections_are_kept_and_cookies_are_not() -> None:
    async with scripted([json_answer({}, headers=[("set-cookie", "a=b")])]) as server, client() as up:
        for _ in range(3):
            await fetch(up, server.url)
    assert server.connections == 1
    assert all("cookie" not in seen.headers for seen in server.requests)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_an_answer_and_never_followed(status: int) -> None:
    async with scripted([answer(b"", status, [("location", "/elsewhere")])]) as server, client() as up:
        reply = await up.send(call(server.url), Timeouts())
        assert reply.status == status
        reply.close()
    assert len(server.requests) == 1


async def test_a_gzipped_answer_is_unpacked() -> None:
    script = [answer(gzip.compress(b"hello" * 100), headers=[("content-encoding", "gzip")])]
    async with scripted(script) as server, client() as up:
        assert await fetch(up, server.url) == b"hello" * 100


async def test_an_answer_beyond_the_limit_is_broken_and_its_connection_closed() -> None:
    bomb = answer(gzip.compress(b"0" * 20_000_000), headers=[("content-encoding", "gzip")])
    async with scripted([bomb, Hang()]) as server, client() as up:
        with pytest.raises(UpstreamBrokenError, match="larger than"):
            await fetch(up, server.url)
        await server.left()


@pytest.mark.parametrize(
    ("script", "phase"),
    [
        ([Hang()], "first_byte"),
        ([b"HTTP/1.1 200", Hang()], "first_byte"),
        ([b"HTTP/1.1 200 X\r\ncontent-length: 5\r\n\r\n", Hang()], "idle"),
        ([b"HTTP/1.1 200 X\r\ncontent-length: 5\r\n\r\nab", Hang()], "idle"),
    ],
)
async def test_silence_is_a_time_out_of_its_phase(script: Script, phase: str) -> None:
    timeouts = Timeouts(first_byte_ms=150, idle_ms=150)
    async with scripted(script) as server, client() as up:
        with pytest.raises(UpstreamTimeoutError) as caught:
            await fetch(up, server.url, timeouts)
        assert caught.value.phase == phase
        await server.left()


async def test_idle_is_counted_apart_from_the_first_byte() -> None:
    """A long first byte must not allow a long silence later, nor a short idle limit cut the wait for the first."""
    script: Script = [stream_head(), piece(b"one"), Hang()]
    async with scripted(script) as server, client() as up:
        got = bytearray()
        with pytest.raises(UpstreamTimeoutError) as caught:
            await drain(up, server.url, Timeouts(first_byte_ms=60_000, idle_ms=100), got)
        assert (bytes(got), caught.value.phase) == (b"one", "idle")


async def test_a_stream_without_a_first_event_runs_into_the_first_byte_limit() -> None:
    async with scripted([stream_head(), Hang()]) as server, client() as up:
        with pytest.raises(UpstreamTimeoutError) as caught:
            await drain(up, server.url, Timeouts(first_byte_ms=150, idle_ms=60_000))
        assert caught.value.phase == "first_byte"


async def test_the_total_limit_ends_a_lively_stream() -> None:
    script: Script = [stream_head(), Dribble(piece(b"x") * 1_000_000, 6)]
    async with scripted(script) as server, client() as up:
        with pytest.raises(UpstreamTimeoutError) as caught:
            await drain(up, server.url, Timeouts(total_ms=200))
        assert caught.value.phase == "total"


async def test_no_timer_outlives_its_answer() -> None:
    """A pooled connection that was idle for longer than the limits still serves."""
    timeouts = Timeouts(first_byte_ms=80, idle_ms=80)
    async with (
        scripted([json_answer({})], [stream_head(), piece(b"x"), END], [json_answer({})]) as server,
        client() as up,
    ):
        await fetch(up, server.url, timeouts)
        reply = await up.send(call(server.url), timeouts)
        assert b"".join([data async for data in reply.chunks()]) == b"x"
        reply.close()
        # The limits themselves are what must pass by; there is no event to wait for.
        await asyncio.sleep(0.2)
        await fetch(up, server.url, timeouts)
    assert server.connections == 1


@pytest.mark.parametrize(
    "script",
    [
        [Cut()],
        [Reset()],
        [b"not http at all\r\n\r\n"],
        [b"HTTP/1.1 200 X\r\nbad header\r\n\r\n"],
        [b"HTTP/1.1 200 X\r\ncontent-length: 10\r\n\r\nabc", Cut()],
        [b"HTTP/1.1 200 X\r\ncontent-length: 10\r\n\r\nabc", Reset()],
        [stream_head(), piece(b"abc"), Cut()],
        [stream_head(), b"zz\r\nabc"],
        [answer(b"not gzip", headers=[("content-encoding", "gzip")])],
    ],
)
async def test_what_breaks_off_or_is_no_http_is_broken(script: Script) -> None:
    async with scripted(script) as server, client() as up:
        with pytest.raises(UpstreamBrokenError):
            await fetch(up, server.url, Timeouts(first_byte_ms=2_000, idle_ms=2_000))
    assert len(server.requests) == 1  # never sent twice


async def test_chunks_come_as_they_are_sent_and_a_cut_raises_after_them() -> None:
    async with scripted([stream_head(), piece(b"one"), piece(b"two"), Cut()]) as server, client() as up:
        got = bytearray()
        with pytest.raises(UpstreamBrokenError):
            await drain(up, server.url, Timeouts(), got)
        assert got == b"onetwo"


async def test_nobody_listens() -> None:
    async with client() as up:
        with pytest.raises(UpstreamUnreachableError):
            await fetch(up, f"http://127.0.0.1:{free_port()}/")
        with pytest.raises(UpstreamUnreachableError, match="host name"):
            await fetch(up, "http://no-such-host.invalid/")


async def test_cancelling_closes_the_connection_at_once() -> None:
    async with scripted([Hang()]) as server, client() as up:
        task = asyncio.ensure_future(fetch(up, server.url))
        await server.arrived()
        task.cancel()
        await server.left(within_s=1)
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls(authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_tls_needs_a_trusted_authority(authority: trustme.CA, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    async with scripted([json_answer({})], tls=server_tls(authority)) as server:
        async with client(ca=str(bundle)) as up:
            assert await fetch(up, server.url) == b"{}"
        async with client() as up:
            with pytest.raises(UpstreamUnreachableError, match="TLS"):
                await fetch(up, server.url)


async def test_tls_checks_the_host_name(authority: trustme.CA, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    async with (
        scripted([json_answer({})], tls=server_tls(authority, "other.test")) as server,
        client(ca=str(bundle)) as up,
    ):
        with pytest.raises(UpstreamUnreachableError, match="TLS"):
            await fetch(up, server.url)


async def test_ssl_cert_file_is_honoured(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    async with scripted([json_answer({})], tls=server_tls(authority)) as server, client() as up:
        assert await fetch(up, server.url) == b"{}"


async def test_plain_calls_go_through_the_proxy_unless_excepted() -> None:
    async with scripted([json_answer({"by": "proxy"})]) as proxy:
        environ = {"http_proxy": proxy.url, "NO_PROXY": "direct.test,.inside.test"}
        async with client(environ) as up:
            assert await fetch(up, "http://upstream.test/v1/x") == b'{"by": "proxy"}'
            for host in ("direct.test", "a.inside.test"):
                with pytest.raises(UpstreamError):
                    await fetch(up, f"http://{host}/")
    (seen,) = proxy.requests
    assert seen.path == "http://upstream.test/v1/x"


async def test_tls_calls_ask_the_proxy_for_a_tunnel() -> None:
    refusal = b"HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n"
    async with scripted([refusal, Cut()]) as proxy, client({"HTTPS_PROXY": proxy.url}) as up:
        with pytest.raises(UpstreamUnreachableError, match="proxy"):
            await fetch(up, "https://upstream.test/")
    (seen,) = proxy.requests
    assert (seen.method, seen.path) == ("CONNECT", "upstream.test:443")
    assert "authorization" not in seen.headers
