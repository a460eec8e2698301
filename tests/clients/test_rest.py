"""Plain REST over aiohttp: the exact bytes, headers and status codes that the libraries above rely on."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.clients.gateway import Gateway

CHAT = "/serving-endpoints/chat/invocations"


@pytest.fixture
async def http(served: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(served.url, headers=served.bearer(), timeout=timeout) as session:
        yield session


def ask(text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **more}


async def test_invocations_and_a_pinned_entity(http: aiohttp.ClientSession, served: Gateway) -> None:
    async with http.post(CHAT, json=ask("hi", model="ignored here")) as reply:
        assert reply.status == 200
        assert reply.headers["served-model-name"] == "sim"
        assert reply.headers["x-request-id"]
        assert (await reply.json())["choices"][0]["message"]["content"] == "echo: hi"
    async with http.post("/serving-endpoints/two/served-models/right/invocations", json=ask("pinned")) as reply:
        assert (reply.status, reply.headers["served-model-name"]) == (200, "right")
    assert served.upstream.seen[-1]["model"] == "sim-right"
    async with http.post("/serving-endpoints/two/served-models/middle/invocations", json=ask("x")) as reply:
        assert (reply.status, (await reply.json())["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


async def test_a_stream_is_data_lines_and_blank_lines_and_ends_in_done(http: aiohttp.ClientSession) -> None:
    async with http.post(CHAT, json=ask("a b", stream=True)) as reply:
        assert reply.status == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert reply.headers["served-model-name"] == "sim"
        raw = await reply.read()
    lines = raw.decode().split("\n")
    assert all(line == "" or line.startswith("data: ") for line in lines)
    events = [line.removeprefix("data: ") for line in lines if line]
    assert events[-1] == "[DONE]"
    assert events.count("[DONE]") == 1
    chunks = [json.loads(event) for event in events[:-1]]
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == "echo: a b"


async def test_a_cut_stream_has_one_error_event_no_done_and_a_broken_message(http: aiohttp.ClientSession) -> None:
    parts: list[bytes] = []
    async with http.post(CHAT, json=ask("cut", stream=True)) as reply:
        with pytest.raises(aiohttp.ClientPayloadError):
            await _collect(reply, parts)
    raw = b"".join(parts)
    assert b"[DONE]" not in raw
    last = json.loads(raw.decode().strip().rpartition("data: ")[2])
    assert last["error"]["message"] == last["message"]
    assert last["error_code"]


async def test_errors_have_no_error_key_on_databricks_paths_and_one_on_openai_paths(
    http: aiohttp.ClientSession,
) -> None:
    async with http.post(CHAT, json=ask("error 400")) as reply:
        body = await reply.json()
        assert (reply.status, set(body)) == (400, {"error_code", "message"})
    async with http.post("/serving-endpoints/chat/completions", json=ask("error 400", model="chat")) as reply:
        body = await reply.json()
        assert (reply.status, set(body)) == (400, {"error_code", "message", "error"})
        assert body["error"]["message"] == body["message"] == "the upstream says 400"


async def test_a_bad_gateway_is_500_on_databricks_paths_and_502_on_openai_paths(http: aiohttp.ClientSession) -> None:
    async with http.post(CHAT, json=ask("error 502")) as reply:
        assert (reply.status, reply.headers["x-upstream-status"]) == (500, "502")
    async with http.post("/serving-endpoints/chat/completions", json=ask("error 502", model="chat")) as reply:
        assert reply.status == 502


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/v1/models"), ("POST", "/serving-endpoints"), ("POST", "/serving-endpoints/a/b/c/d/e")],
)
async def test_unknown_routes_are_404_in_json(http: aiohttp.ClientSession, method: str, path: str) -> None:
    async with http.request(method, path) as reply:
        assert reply.status == 404
        assert reply.headers["content-type"].startswith("application/json")
        assert (await reply.json())["error_code"] in {"NOT_FOUND", "ENDPOINT_NOT_FOUND"}


@pytest.mark.parametrize("slash", ["", "/"])
async def test_the_list_is_served_with_and_without_a_slash(http: aiohttp.ClientSession, slash: str) -> None:
    async with http.get(f"/api/2.0/serving-endpoints{slash}", allow_redirects=False) as reply:
        assert reply.status == 200
        assert (await reply.json())["endpoints"][0]["name"] == "chat"


async def test_the_probe_of_every_client_start_is_answered_without_a_token(served: Gateway) -> None:
    async with aiohttp.ClientSession(served.url) as stranger:
        for path in ("/.well-known/databricks-config", "/health/live", "/health/ready"):
            async with stranger.get(path) as reply:
                assert reply.status == 200
                assert isinstance(await reply.json(), dict)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", CHAT),
        ("POST", "/serving-endpoints/chat/completions"),
        ("GET", "/serving-endpoints/models"),
        ("GET", "/api/2.0/serving-endpoints"),
        ("GET", "/api/2.0/serving-endpoints/chat"),
        ("GET", "/metrics"),
    ],
)
async def test_everything_else_needs_a_token(served: Gateway, method: str, path: str) -> None:
    body = ask("x", model="chat") if method == "POST" else None
    async with aiohttp.ClientSession(served.url) as stranger:
        async with stranger.request(method, path, json=body) as reply:
            assert (reply.status, (await reply.json())["error_code"]) == (401, "UNAUTHENTICATED")
        async with stranger.request(method, path, json=body, headers=served.bearer("prom")) as reply:
            assert reply.status == 200


async def test_a_token_as_x_api_key_or_basic_password(served: Gateway) -> None:
    basic = b64encode(f"token:{served.tokens['alice']}".encode()).decode()
    async with aiohttp.ClientSession(served.url) as session:
        for headers in ({"x-api-key": served.tokens["alice"]}, {"Authorization": f"Basic {basic}"}):
            async with session.post(CHAT, json=ask("x"), headers=headers) as reply:
                assert reply.status == 200


async def test_metrics_count_what_was_served_for_those_who_may_read_them(
    http: aiohttp.ClientSession, served: Gateway
) -> None:
    async with http.post(CHAT, json=ask("counted")) as reply:
        assert reply.status == 200
    async with http.get("/metrics") as reply:
        assert reply.status == 403
    async with http.get("/metrics", headers=served.bearer("prom")) as reply:
        assert reply.status == 200
        families = {family.name: family for family in text_string_to_metric_families(await reply.text())}
    counted = [
        sample.value
        for sample in families["xmc_requests"].samples
        if sample.labels["endpoint"] == "chat" and sample.labels["status"] == "200" and sample.labels["entity"] == "sim"
    ]
    assert sum(counted) >= 1
    assert any(sample.value >= 5 for sample in families["xmc_tokens"].samples if sample.labels["endpoint"] == "chat")


async def test_bad_input_is_400_in_json(http: aiohttp.ClientSession) -> None:
    for data in (b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"messages": NaN}', b"[" * 100_000):
        async with http.post(CHAT, data=data, headers={"content-type": "application/json"}) as reply:
            assert reply.status == 400, data[:20]
            assert (await reply.json())["error_code"] in {"INVALID_PARAMETER_VALUE", "BAD_REQUEST"}


async def test_every_request_has_one_line_without_prompt_or_token(http: aiohttp.ClientSession, served: Gateway) -> None:
    canary = "prompt-canary-7f3a"
    async with http.post(CHAT, json=ask(canary), headers={"x-request-id": "find-me"}) as reply:
        assert reply.headers["x-request-id"] == "find-me"
    async with http.post(CHAT, json=ask(canary, stream=True), headers={"x-request-id": "find-me-too"}) as reply:
        await reply.read()
    lines = await _lines(served, {"find-me", "find-me-too"})
    whole = lines["find-me"]
    assert (whole["endpoint"], whole["entity"], whole["principal"], whole["status"]) == ("chat", "sim", "alice", 200)
    assert (whole["prompt_tokens"], whole["completion_tokens"], whole["outcome"]) == (5, 3, "ok")
    assert lines["find-me-too"]["streamed"] is True
    assert lines["find-me-too"]["chunks"] > 2
    text = served.log.read_text()
    assert canary not in text
    assert served.upstream.key not in text
    assert not any(token in text for token in served.tokens.values())


async def _collect(reply: aiohttp.ClientResponse, parts: list[bytes]) -> None:
    async for part in reply.content.iter_any():
        parts.append(part)  # noqa: PERF401 - what came before the break is what the test looks at


async def _lines(served: Gateway, wanted: set[str]) -> dict[str, dict[str, Any]]:
    """Read the log until the wanted lines are there: they are written by a timer of another process."""
    async with asyncio.timeout(10):
        while True:
            rows = [json.loads(line) for line in served.log.read_text().splitlines()]
            found = {row["request_id"]: row for row in rows if row["request_id"] in wanted}
            if set(found) == wanted:
                return found
            await asyncio.sleep(0.05)
