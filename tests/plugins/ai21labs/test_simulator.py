"""AI21's own client reads the simulator, is refused by it, and sends what the gateway sends."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from ai21 import AsyncAI21Client
from ai21.errors import AI21APIError, TooManyRequestsError, UnprocessableEntity
from ai21.models.chat import ChatMessage
from tests.plugins.recorded import load
from tests.providers import CASES, CONTEXT
from tests.simulators.ai21 import KEY, Simulator, simulator

from xmc.schema import Exchange, Task

# The SDK hands httpx its bytes, and pydantic its dictionaries, in the old ways.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'from_dict' method:DeprecationWarning"),
]

NOTHING = [("stream", False), ("n", 1)]
HELLO = [ChatMessage(role="user", content="hello there")]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@asynccontextmanager
async def talking(key: str = KEY) -> AsyncIterator[tuple[Any, Simulator]]:
    async with simulator() as upstream, httpx.AsyncClient() as http:
        # Untyped: the SDK's overloads for streams do not say that they can be iterated.
        client: Any = AsyncAI21Client(
            api_key=key, api_host=f"{upstream.url}/studio/v1", num_retries=0, http_client=http
        )
        yield client, upstream


async def test_answers_are_read() -> None:
    async with talking() as (client, _):
        said = await client.chat.completions.create(model="jamba-mini", messages=HELLO, n=2)
        asked = [ChatMessage(role="user", content='call weather {"city": "Lund"}')]
        called = await client.chat.completions.create(model="jamba-mini", messages=asked, tools=[TOOL])
    assert [choice.message.content for choice in said.choices] == ["hello there"] * 2
    assert said.usage.total_tokens == 10
    (call,) = called.choices[0].message.tool_calls or []
    assert json.loads(call.function.arguments) == {"city": "Lund"}


async def test_streams_are_read() -> None:
    async with talking() as (client, _):
        stream = await client.chat.completions.create(model="jamba-mini", messages=HELLO, stream=True)
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "hello there"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None


@pytest.mark.parametrize(
    ("model", "more", "error"),
    [
        ("jamba-limited", {}, TooManyRequestsError),
        ("jamba-mini", {"max_tokens": 5000}, UnprocessableEntity),
        ("jamba-mini", {"stream": True, "tools": [TOOL]}, UnprocessableEntity),
    ],
)
async def test_refusals_are_the_clients_own_errors(model: str, more: dict[str, Any], error: type[AI21APIError]) -> None:
    async with talking() as (client, _):
        with pytest.raises(error):
            await client.chat.completions.create(model=model, messages=HELLO, **more)


async def test_a_wrong_key_is_refused() -> None:
    async with talking("another-key") as (client, _):
        with pytest.raises(AI21APIError) as raised:
            await client.chat.completions.create(model="jamba-mini", messages=HELLO)
    assert raised.value.status_code == 401


@pytest.mark.parametrize("name", ["chat-basic", "chat-stream", "chat-tools"])
async def test_our_call_is_the_sample_and_that_of_ai21s_client(name: str) -> None:
    sample = load(f"ai21labs/{name}.request.json")
    exchange = CASES["ai21labs"].adapter(Task.CHAT, sample["model"]).prepare(sample, CONTEXT)
    assert isinstance(exchange, Exchange)
    (wire,) = exchange.calls
    body = json.loads(wire.body)
    # What says nothing is not sent.
    assert body == {key: value for key, value in sample.items() if (key, value) not in NOTHING}
    async with talking() as (client, upstream):
        stream = await client.chat.completions.create(
            **{**sample, "messages": [ChatMessage(**message) for message in sample["messages"]]}
        )
        if sample.get("stream"):
            assert [chunk async for chunk in stream]
    (seen,) = upstream.seen
    assert wire.url == f"https://api.ai21.com{seen.path}"
    assert {key: value for key, value in seen.body.items() if (key, value) not in NOTHING} == body
    assert seen.headers["authorization"].startswith("Bearer ")
    assert dict(wire.headers)["Content-Type"] == seen.headers["content-type"]
