"""What we send equals what Anthropic's own client sends for the same call, to a real server on loopback.

The client (2.x) sends `anthropic-version: 2026-10-21` and the key as a bearer token, where we pin the version that
takes sampling parameters and send `x-api-key`; both are documented. Method, path, content type, betas and body are the
same. Its types have no `temperature`, so that goes by its `extra_body`.
"""

import json
from typing import Any

import pytest
from anthropic import AsyncAnthropic
from tests.plugins.anthropic.asking import prepared
from tests.plugins.anthropic.test_samples import CANONICAL
from tests.plugins.recorded import load, read
from tests.upstreams import END, json_answer, piece, scripted, stream_head

KEY = "canary-key"


async def client_call(base: str, request: dict[str, Any], betas: list[str]) -> None:
    known = {key: value for key, value in request.items() if key != "temperature"}
    extra = {key: value for key, value in request.items() if key == "temperature"}
    async with AsyncAnthropic(base_url=base, api_key=KEY, max_retries=0) as client:
        if betas:
            await client.beta.messages.create(**known, extra_body=extra, betas=betas)
        elif request.get("stream"):
            assert [event async for event in await client.messages.create(**known, extra_body=extra)]
        else:
            await client.messages.create(**known, extra_body=extra)


@pytest.mark.parametrize(
    ("name", "stream"),
    [(name, stream) for name in CANONICAL for stream in (False, True) if not (stream and name == "chat-computer-use")],
)
async def test_our_call_equals_the_official_clients(name: str, stream: bool) -> None:
    request = load(f"anthropic/{name}.request.json")
    betas = ["computer-use-2025-01-24"] if "computer" in name else []
    if stream:
        request["stream"] = True
        script = [stream_head(), piece(read("anthropic/chat-basic.response.sse")), END]
    else:
        script = [json_answer(load("anthropic/chat-basic.response.json"))]
    async with scripted(script) as upstream:
        await client_call(upstream.url, request, betas)
        theirs = upstream.requests[0]
        canonical = {**CANONICAL[name], "stream": stream}
        ours = prepared(canonical, anthropic_api_base=f"{upstream.url}/v1/").calls[0]
    path, _, query = theirs.path.partition("?")
    assert (ours.method, ours.url) == (theirs.method, f"{upstream.url}{path}")
    assert query in {"", "beta=true"}
    theirs_body = theirs.json()
    assert json.loads(ours.body) == {key: value for key, value in theirs_body.items() if value is not False}
    headers = {header.lower(): value for header, value in ours.headers}
    assert headers["content-type"] == theirs.headers["content-type"]
    assert headers.get("anthropic-beta") == theirs.headers.get("anthropic-beta")
    assert headers["accept"] == ("text/event-stream" if stream else "application/json")
    assert headers["anthropic-version"] == "2023-06-01"
    assert set(headers) - {"anthropic-beta"} == {"accept", "anthropic-version", "content-type"}
    credential = {"authorization": f"Bearer {KEY}", "anthropic-version": "2026-10-21"}
    assert {header: theirs.headers[header] for header in credential} == credential
