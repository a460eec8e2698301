"""What we send equals what the official OpenAI client sends for the same call, to a real server on loopback."""

import json
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI
from tests.plugins.recorded import REQUESTS, load, read, task_of
from tests.providers import CONTEXT
from tests.upstreams import END, json_answer, piece, scripted, stream_head

from xmc.plugins import AuthIO, Clock, EntitySpec, Slot
from xmc.plugins.auth import Bearer
from xmc.plugins.openai import OPENAI
from xmc.schema import Exchange, Secret, Task, WireReply, WireRequest

KEY = "canary-key"
CALLS = [name for name in REQUESTS if name.startswith("openai/")]


class NoIO(AuthIO, Clock):
    async def call(self, wire: WireRequest) -> WireReply:
        raise AssertionError(wire)

    def now(self) -> float:
        raise AssertionError


async def our_call(base: str, task: Task, request: dict[str, Any]) -> WireRequest:
    config = {"openai_api_key": Slot("s/k"), "openai_api_base": base, "openai_organization": "org-1"}
    target = OPENAI.link(EntitySpec("e", "n", request["model"], task, config)).target
    assert target is not None
    exchange = OPENAI.adapter(target).prepare({**request, "model": "endpoint"}, CONTEXT)
    assert isinstance(exchange, Exchange)
    scheme = Bearer()
    credential = await scheme.acquire(target.auth, {"token": Secret(KEY)}, NoIO(), NoIO())
    return scheme.sign(exchange.calls[0], credential, 0.0)


async def client_call(base: str, task: Task, request: dict[str, Any]) -> None:
    async with AsyncOpenAI(base_url=base, api_key=KEY, organization="org-1", max_retries=0) as client:
        if task is Task.EMBEDDINGS:
            await client.embeddings.create(**request)
        elif task is Task.COMPLETIONS:
            await client.completions.create(**request)
        elif request.get("stream"):
            assert [chunk async for chunk in await client.chat.completions.create(**request)]
        else:
            await client.chat.completions.create(**request)


@pytest.mark.parametrize("name", CALLS)
async def test_our_call_equals_the_official_clients(name: str) -> None:
    task, request = task_of(name), load(name)
    if request.get("stream"):
        script = [stream_head(), piece(read("openai/chat-stream.sse")), END]
    else:
        kind = {Task.CHAT: "chat-basic", Task.COMPLETIONS: "completions-basic", Task.EMBEDDINGS: "embeddings-float"}
        script = [json_answer(load(f"openai/{kind[task]}.response.json"))]
    async with scripted(script) as upstream:
        base = f"{upstream.url}/v1"
        await client_call(base, task, request)
        theirs = upstream.requests[0]
    ours = await our_call(base, task, request)
    assert (ours.method, ours.url) == (theirs.method, f"{upstream.url}{theirs.path}")
    assert json.loads(ours.body) == theirs.json() == request
    headers = {header.lower(): value for header, value in ours.headers}
    for header in ("authorization", "content-type", "openai-organization"):
        assert headers[header] == theirs.headers[header]
    assert headers["accept"] == ("text/event-stream" if request.get("stream") else "application/json")
    assert len(headers) == len(ours.headers) == 4


def test_the_samples_are_here() -> None:
    assert {Path(name).name for name in CALLS} >= {"chat-basic.request.json", "chat-stream.request.json"}
