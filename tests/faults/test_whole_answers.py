"""What an upstream can do to a whole answer, on real sockets: the documented status, JSON, and no key."""

import asyncio

import pytest
from tests.faults.raw import ask
from tests.gateways import CANARY, CHAT, endpoint, running, table, target
from tests.upstreams import END, Cut, Hang, Reset, Script, answer, free_port, json_answer, piece, scripted

from xmc.runtime.error_table import ERROR_CODES
from xmc.schema import Serving, Timeouts

JSON = [("content-type", "application/json")]
SHORT = Serving(timeouts=Timeouts(first_byte_ms=200, idle_ms=200))
CHUNKED = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"

# What the upstream does -> our status on OpenAI paths, elsewhere, and the error's code.
FAULTS: dict[str, tuple[Script, int, int, str | None]] = {
    "hangs-before-headers": ([Hang()], 504, 504, "upstream_timeout"),
    "hangs-in-headers": ([b"HTTP/1.1 200 OK\r\ncontent-", Hang()], 504, 504, "upstream_timeout"),
    "hangs-in-body": ([b'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"id"', Hang()], 504, 504, "upstream_timeout"),
    "cuts-before-headers": ([Cut()], 502, 500, "upstream_broken"),
    "resets-before-headers": ([Reset()], 502, 500, "upstream_broken"),
    "cuts-in-headers": ([b"HTTP/1.1 200 OK\r\ncontent-", Cut()], 502, 500, "upstream_broken"),
    "cuts-in-json": ([b'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"id"', Cut()], 502, 500, "upstream_broken"),
    "resets-in-json": ([b'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"id"', Reset()], 502, 500, "upstream_broken"),
    "cuts-in-chunks": ([CHUNKED, piece(b'{"id":'), Cut()], 502, 500, "upstream_broken"),
    "length-too-short": ([answer(b'{"id": "', headers=JSON) + b'a"}', Cut()], 502, 500, "upstream_broken"),
    "ends-too-early": ([CHUNKED, piece(b'{"id":'), END], 502, 500, "upstream_garbled"),
    "no-http": ([b"SSH-2.0-OpenSSH_9.2\r\n", Cut()], 502, 500, "upstream_broken"),
    "empty": ([answer(b"", headers=JSON)], 502, 500, "upstream_garbled"),
    "html": ([answer(b"<html>hello</html>", headers=[("content-type", "text/html")])], 502, 500, "upstream_garbled"),
    "text": ([answer(b"OK", headers=[("content-type", "text/plain")])], 502, 500, "upstream_garbled"),
    "not-utf-8": ([answer(b'{"id": "\xff\xfe", "choices": []}', headers=JSON)], 502, 500, "upstream_garbled"),
    "nan": ([answer(b'{"id": NaN, "choices": []}', headers=JSON)], 502, 500, "upstream_garbled"),
    "deep": ([answer(b'{"a":' * 5000 + b"1" + b"}" * 5000, headers=JSON)], 502, 500, "upstream_garbled"),
    "list": ([json_answer([CHAT])], 502, 500, "upstream_garbled"),
    "null": ([json_answer(None)], 502, 500, "upstream_garbled"),
    "no-choices": ([json_answer({"id": "a"})], 502, 500, "upstream_garbled"),
    "error-with-200": ([json_answer({"error": {"message": "boom", "code": "c"}})], 502, 500, "c"),
    "error-with-200-and-number": ([json_answer({"error": {"message": "boom", "code": 429}})], 429, 429, "429"),
    "redirect": ([answer(b"", 307, [("location", "http://127.0.0.1:9/")])], 502, 500, None),
    "no-content": ([b"HTTP/1.1 204 X\r\n\r\n"], 502, 500, "upstream_garbled"),
    "bad-gzip": ([answer(b"no gzip", headers=[*JSON, ("content-encoding", "gzip")])], 502, 500, "upstream_broken"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_broken_answer_is_a_documented_error(fault: str) -> None:
    script, openai_status, rest_status, code = FAULTS[fault]
    late = openai_status == 504
    asked = [(openai, stream) for openai in (True, False) for stream in (True, False)]
    async with (
        scripted(script) as upstream,
        running(table(endpoint("chat", target(upstream.url), serving=SHORT if late else Serving()))) as gateway,
    ):
        answers = await asyncio.gather(*(ask(gateway.url, openai=openai, stream=stream) for openai, stream in asked))
        # The next request is served as if nothing had happened.
        upstream.scripts[:] = [[json_answer(CHAT)]]
        assert (await ask(gateway.url, stream=False)).json() == CHAT
    for got, (openai, stream) in zip(answers, asked, strict=True):
        body = got.json()
        assert got.status == (openai_status if openai else rest_status), body
        assert got.whole
        assert body["error_code"] in ERROR_CODES
        assert set(body) == ({"error_code", "message", "error"} if openai else {"error_code", "message"})
        if openai and not (stream and fault == "text"):
            assert body["error"]["code"] == code
        assert CANARY not in str(got)
    outcome = "timeout" if late else "upstream_error"
    assert [record.outcome for record in gateway.records] == [outcome] * 4 + ["ok"]
    assert sorted(record.status for record in gateway.records[:4]) == sorted(got.status for got in answers)


async def test_a_refused_connection_is_503() -> None:
    served = table(endpoint("chat", target(f"http://127.0.0.1:{free_port()}")))
    async with running(served) as gateway:
        for openai in (True, False):
            for stream in (True, False):
                got = await ask(gateway.url, stream=stream, openai=openai)
                assert got.status == 503
                assert got.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
                assert ("error" in got.json()) is openai


@pytest.mark.parametrize("stream", [False, True])
async def test_a_whole_answer_of_a_wrong_type_is_read_all_the_same(stream: bool) -> None:
    body = json_answer(CHAT).replace(b"application/json", b"application/problem+json;x")
    async with scripted([body]) as upstream, running(table(endpoint("chat", target(upstream.url)))) as gateway:
        got = await ask(gateway.url, stream=stream)
    assert got.status == 200
    assert got.whole
    if stream:
        assert got.events[-1] == "[DONE]"
        assert got.events[0]["choices"][0]["delta"]["content"] == "hello"
    else:
        assert got.json() == CHAT
