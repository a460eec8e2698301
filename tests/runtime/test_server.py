"""HTTP towards clients, on raw sockets: framing, limits, keep-alive, cuts and the orderly end."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from xmc.runtime.dialect import DATABRICKS
from xmc.runtime.errors import GatewayError, render_error
from xmc.runtime.http import Answer, Inbound, StreamCutError
from xmc.runtime.server import HttpServer

AnswerFunction = Callable[[Inbound], Awaitable[Answer]]
Ends = list[tuple[bool, int]]


def refuse(error: GatewayError) -> Answer:
    return render_error(error, dialect=DATABRICKS, request_id="an-id")


@asynccontextmanager
async def serving(answer: AnswerFunction, *, keepalive_s: float = 60.0) -> AsyncIterator[tuple[HttpServer, int]]:
    server = HttpServer(answer, refuse, keepalive_s=keepalive_s)
    port = await server.listen("127.0.0.1", 0)
    try:
        yield server, port
    finally:
        await server.close(1)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(10):
            yield reader, writer
    finally:
        writer.close()


async def talk(port: int, request: bytes) -> bytes:
    """Send bytes, and return all that comes until the server closes."""
    async with connected(port) as (reader, writer):
        writer.write(request)
        return await reader.read()


def whole(body: bytes = b"hello", ends: Ends | None = None) -> AnswerFunction:
    async def answer(_: Inbound) -> Answer:
        return Answer(200, (("x-a", "b"),), body, on_end=_noting(ends))

    return answer


def stream(*pieces: bytes, cut: bool = False, ends: Ends | None = None) -> AnswerFunction:
    async def give() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
        if cut:
            raise StreamCutError

    async def answer(_: Inbound) -> Answer:
        return Answer(200, (), stream=give(), on_end=_noting(ends))

    return answer


def _noting(ends: Ends | None) -> Callable[[bool, int], None] | None:
    return None if ends is None else lambda ok, count: ends.append((ok, count))


CLOSE = b"GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"


async def test_a_whole_answer_has_its_length_and_ends_once() -> None:
    ends: Ends = []
    async with serving(whole(ends=ends)) as (_, port):
        head, _, body = (await talk(port, CLOSE)).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert {b"x-a: b", b"content-length: 5", b"connection: close"} <= set(lines)
    assert any(line.startswith(b"date: ") for line in lines)
    assert (body, ends) == (b"hello", [(True, 5)])


async def test_a_stream_is_chunked_and_ends_with_the_final_chunk() -> None:
    ends: Ends = []
    async with serving(stream(b"one", b"three", ends=ends)) as (_, port):
        head, _, body = (await talk(port, CLOSE)).partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert body == b"3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"
    assert ends == [(True, 8)]


async def test_a_cut_stream_is_flushed_and_has_no_final_chunk() -> None:
    ends: Ends = []
    keep = CLOSE.replace(b"connection: close\r\n", b"")
    async with serving(stream(b"one", b"x" * 500_000, cut=True, ends=ends)) as (_, port):
        answered = await talk(port, keep)  # returns, because the server closes
    assert answered.endswith(b"x\r\n")
    assert answered.count(b"x") >= 500_000
    assert ends == [(False, 500_003)]


async def test_a_stream_that_raises_is_cut_and_reported_without_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    ends: Ends = []
    words = "private words"  # not on the line that raises: a traceback shows that line

    async def give() -> AsyncIterator[bytes]:
        yield b"one"
        raise RuntimeError(words)

    async def answer(_: Inbound) -> Answer:
        return Answer(200, (), stream=give(), on_end=_noting(ends))

    async with serving(answer) as (_, port):
        answered = await talk(port, CLOSE)
    assert answered.endswith(b"\r\n\r\n3\r\none\r\n")
    assert ends == [(False, 3)]
    said = capsys.readouterr().err
    assert "RuntimeError" in said
    assert words not in said


async def test_connections_are_kept_and_pipelined_requests_answered_in_order() -> None:
    async def echo(inbound: Inbound) -> Answer:
        return Answer(200, (), inbound.path.encode())

    requests = b"".join(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % n for n in range(3))
    async with serving(echo) as (_, port):
        answered = await talk(port, requests + CLOSE)
    bodies = [part.partition(b"\r\n\r\n")[2] for part in answered.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [b"/0", b"/1", b"/2", b"/x"]


async def test_http_1_0_gets_no_chunks_and_keep_alive_only_when_asked() -> None:
    async with serving(stream(b"one", b"two")) as (_, port):
        answered = await talk(port, b"GET / HTTP/1.0\r\n\r\n")
    assert answered.endswith(b"\r\n\r\nonetwo")
    assert b"chunked" not in answered
    async with serving(whole()) as (_, port), connected(port) as (reader, writer):
        writer.write(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"connection: keep-alive" in head
        assert await reader.readexactly(5) == b"hello"


async def test_head_has_the_length_and_no_body() -> None:
    async with serving(whole()) as (_, port):
        answered = await talk(port, CLOSE.replace(b"GET", b"HEAD"))
    assert b"content-length: 5" in answered
    assert answered.endswith(b"\r\n\r\n")


async def test_path_and_query_are_handed_over_encoded() -> None:
    seen: list[Inbound] = []

    async def answer(inbound: Inbound) -> Answer:
        seen.append(inbound)
        return Answer(200, ())

    async with serving(answer) as (_, port):
        await talk(port, CLOSE.replace(b"/x", b"/a%2Fb%20c?d=%65"))
        await talk(port, CLOSE.replace(b"/x", b"http://host:1/a%2Fb?c"))
    assert [(inbound.path, inbound.query) for inbound in seen] == [("/a%2Fb%20c", "d=%65"), ("/a%2Fb", "c")]
    assert seen[0].headers["HOST"] == "a"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 40_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
async def test_what_is_no_http_is_400_in_json_and_logged_nowhere(
    request_bytes: bytes, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(whole()) as (_, port):
        head, _, body = (await talk(port, request_bytes)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"x-request-id: an-id" in head
    assert json.loads(body)["error_code"] == "BAD_REQUEST"
    assert ("too long" in json.loads(body)["message"]) == (b"y" * 40_000 in request_bytes)
    assert caplog.text == ""
    assert capsys.readouterr().err == ""


async def test_what_aiohttp_did_not_expect_is_reported_without_its_words(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = HttpServer(whole(), refuse, keepalive_s=60)._server()
    connection.log_exception("Unhandled exception", exc_info=RuntimeError("private words"))
    said = capsys.readouterr().err + caplog.text
    assert "RuntimeError" in said
    assert "private words" not in said


async def _read_body(inbound: Inbound) -> Answer:
    return Answer(200, (), str(len(await inbound.read(10_000_000))).encode())


async def test_a_large_body_arrives_in_pieces() -> None:
    async with serving(_read_body) as (_, port):
        head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 3000000\r\n\r\n"
        assert (await talk(port, head + b"x" * 3_000_000)).endswith(b"\r\n\r\n3000000")


async def test_a_client_that_waits_for_100_continue_gets_it() -> None:
    async with serving(_read_body) as (_, port), connected(port) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hello")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(1) == b"5"


async def test_a_client_that_leaves_cancels_its_request() -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def answer(_: Inbound) -> Answer:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    async with serving(answer) as (_, port):
        async with connected(port) as (_, writer):
            writer.write(CLOSE)
            await began.wait()
        async with asyncio.timeout(1):
            await cancelled.wait()


async def test_a_client_that_leaves_a_stream_ends_it_once() -> None:
    ends: Ends = []
    closed = asyncio.Event()

    async def give() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x"
                await asyncio.sleep(0)
        finally:
            closed.set()

    async def answer(_: Inbound) -> Answer:
        return Answer(200, (), stream=give(), on_end=_noting(ends))

    async with serving(answer) as (_, port):
        async with connected(port) as (reader, writer):
            writer.write(CLOSE)
            await reader.readuntil(b"x")
        async with asyncio.timeout(1):
            await closed.wait()
    assert [ok for ok, _ in ends] == [False]


async def test_a_slow_reader_holds_the_stream_back_and_loses_nothing() -> None:
    given = 0

    async def give() -> AsyncIterator[bytes]:
        nonlocal given
        for _ in range(400):
            given += 1
            yield b"x" * 100_000

    async def answer(_: Inbound) -> Answer:
        return Answer(200, (), stream=give())

    async with serving(answer) as (_, port), connected(port) as (reader, writer):
        writer.write(CLOSE)
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(200):
            await asyncio.sleep(0)
        assert given < 400  # it waits, though nobody has said that it should
        total = (await reader.read()).count(b"x")
    assert (total, given) == (40_000_000, 400)


async def test_an_idle_connection_is_closed_and_a_half_sent_head_too() -> None:
    async with serving(whole(), keepalive_s=0.2) as (_, port):
        assert await talk(port, b"") == b""
        assert await talk(port, b"GET / HTTP/1.1\r\nho") == b""


async def test_the_first_head_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xmc.runtime.server._FIRST_HEAD_S", 0.2)
    async with serving(whole(), keepalive_s=60) as (_, port):
        assert await talk(port, b"GET / HTTP/1.1\r\nho") == b""
        async with connected(port) as (reader, writer):
            for _ in range(2):
                writer.write(CLOSE.replace(b"connection: close\r\n", b""))
                assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
                await asyncio.sleep(0.3)  # the limit itself must pass by: it is not one between requests


async def test_closing_lets_requests_finish_and_ends_idle_connections() -> None:
    gate, began = asyncio.Event(), asyncio.Event()

    async def answer(_: Inbound) -> Answer:
        began.set()
        await gate.wait()
        return Answer(200, (), b"done")

    server = HttpServer(answer, refuse, keepalive_s=60)
    port = await server.listen("127.0.0.1", 0)
    async with connected(port) as (idle, _), connected(port) as (busy, writer):
        writer.write(CLOSE.replace(b"connection: close\r\n", b""))
        await began.wait()
        closing = asyncio.ensure_future(server.close(10))
        assert await idle.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        gate.set()
        answered = await busy.read()
        await closing
    assert b"connection: close" in answered
    assert answered.endswith(b"done")


@pytest.mark.parametrize("hurried", [False, True])
async def test_the_grace_time_ends_by_itself_or_by_a_second_signal(hurried: bool) -> None:
    began, hurry = asyncio.Event(), asyncio.Event()

    async def answer(_: Inbound) -> Answer:
        began.set()
        await asyncio.Event().wait()
        raise AssertionError

    server = HttpServer(answer, refuse, keepalive_s=60)
    port = await server.listen("127.0.0.1", 0)
    async with connected(port) as (reader, writer):
        writer.write(CLOSE)
        await began.wait()
        if hurried:
            asyncio.get_running_loop().call_soon(hurry.set)
        async with asyncio.timeout(3):
            await server.close(60 if hurried else 0.1, hurry)
        assert await reader.read() == b""


async def test_a_stream_that_outlasts_the_grace_time_says_that_it_is_not_whole() -> None:
    ends: Ends = []

    async def give() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.Event().wait()

    async def answer(_: Inbound) -> Answer:
        return Answer(200, (), stream=give(), on_end=_noting(ends), last_words=lambda: b"data: the end\n\n")

    server = HttpServer(answer, refuse, keepalive_s=60)
    port = await server.listen("127.0.0.1", 0)
    async with connected(port) as (reader, writer):
        writer.write(CLOSE)
        await reader.readuntil(b"one\r\n")
        await server.close(0.1)
        rest = await reader.read()
    size, _, event = rest.partition(b"\r\n")
    assert len(event) == int(size, 16) + 2  # and no final chunk
    assert event == b"data: the end\n\n\r\n"
    assert ends == [(False, 3)]
