"""Every upstream status through everything: both path families, streaming asked for or not."""

import pytest
from tests.errors import EXPECTED
from tests.faults.raw import ask
from tests.gateways import CANARY, endpoint, running, table, target
from tests.upstreams import answer, json_answer, scripted

from xmc.runtime.error_table import ERROR_CODES

STATUSES = [status for status in EXPECTED if status >= 300]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("openai", [True, False])
async def test_every_upstream_status_comes_out_as_documented(openai: bool, stream: bool) -> None:
    column = 0 if openai else 1
    words = {"error": {"message": "no model today", "type": "t", "code": "c", "param": "p"}}
    scripts = [[json_answer(words, status, [("x-request-id", f"up{status}")])] for status in STATUSES]
    async with scripted(*scripts) as upstream, running(table(endpoint("chat", target(upstream.url)))) as gateway:
        for status in STATUSES:
            got = await ask(gateway.url, stream=stream, openai=openai)
            body = got.json()
            assert (status, got.status) == (status, EXPECTED[status][column])
            assert got.whole
            assert got.headers["content-type"] == "application/json"
            assert got.headers["x-request-id"]
            assert got.headers["x-upstream-request-id"] == f"up{status}"
            assert got.headers.get("x-upstream-status") == (None if got.status == status else str(status))
            assert got.headers["served-model-name"] == "e0"
            assert body["error_code"] in ERROR_CODES
            assert ("error" in body) is openai
            assert body["message"] == ("no model today" if status != 401 else body["message"])
            if openai and status != 401:
                assert body["error"] == words["error"]
    assert [record.status for record in gateway.records] == [EXPECTED[status][column] for status in STATUSES]
    assert [record.upstream_status for record in gateway.records] == STATUSES
    assert {record.outcome for record in gateway.records} == {"upstream_error"}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("status", [429, 503, 529])
async def test_retry_after_comes_through_once_in_whole_seconds(status: int, stream: bool) -> None:
    script = [json_answer({"error": {"message": "slow down"}}, status, [("retry-after", "1.5")])]
    async with scripted(script) as upstream, running(table(endpoint("chat", target(upstream.url)))) as gateway:
        got = await ask(gateway.url, stream=stream)
    assert got.headers["retry-after"] == "2"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("openai", [True, False])
@pytest.mark.parametrize("status", [401, 403])
async def test_an_upstream_that_echoes_the_key_does_not_reach_the_client(
    openai: bool, status: int, stream: bool
) -> None:
    words = {"error": {"message": f"Incorrect API key provided: {CANARY}", "type": CANARY, "code": "invalid_api_key"}}
    script = [json_answer(words, status)]
    async with scripted(script) as upstream, running(table(endpoint("chat", target(upstream.url)))) as gateway:
        got = await ask(gateway.url, stream=stream, openai=openai)
    assert got.status == 403
    assert got.json()["error_code"] == "PERMISSION_DENIED"
    assert "'e0'" in got.json()["message"]
    assert got.headers["x-should-retry"] == "false"
    assert CANARY not in f"{got} {gateway.records}"


@pytest.mark.parametrize("stream", [True, False])
async def test_the_key_is_struck_out_of_any_other_error(stream: bool) -> None:
    words = {"error": {"message": f"you sent {CANARY}", "code": CANARY, "innererror": {"a": [CANARY]}}}
    script = [json_answer(words, 400)]
    async with scripted(script) as upstream, running(table(endpoint("chat", target(upstream.url)))) as gateway:
        got = await ask(gateway.url, stream=stream, openai=True)
    assert got.json()["message"] == "you sent ***"
    assert CANARY not in str(got)


@pytest.mark.parametrize("stream", [True, False])
async def test_an_error_that_is_no_json_becomes_json(stream: bool) -> None:
    bodies = [b"", b"<html><title>Bad Gateway</title></html>", b"upstream connect error", b"\xff\xfe", b"[]", b'{"a":']
    scripts = [[answer(body, 503, [("content-type", "text/html")])] for body in bodies for _ in (0, 1)]
    async with scripted(*scripts) as upstream, running(table(endpoint("chat", target(upstream.url)))) as gateway:
        for _ in bodies:
            for openai in (True, False):
                got = await ask(gateway.url, stream=stream, openai=openai)
                assert got.status == 503
                assert got.json()["message"]
                assert ("error" in got.json()) is openai
