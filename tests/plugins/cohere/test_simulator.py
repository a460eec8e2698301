"""Cohere's own client reads the simulator, is refused by it, and sends what the gateway sends."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from cohere import AsyncClientV2
from cohere.core import ApiError
from cohere.errors import BadRequestError, NotFoundError, TooManyRequestsError
from tests.plugins.recorded import load
from tests.providers import CASES, CONTEXT
from tests.simulators.cohere import KEY, Simulator, simulator

from xmc.schema import Exchange, Task

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
HELLO: Any = [{"role": "user", "content": "hello there"}]
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


@asynccontextmanager
async def talking(key: str = KEY) -> AsyncIterator[tuple[AsyncClientV2, Simulator]]:
    async with simulator() as upstream, httpx.AsyncClient() as http:
        yield AsyncClientV2(api_key=key, base_url=upstream.url, httpx_client=http), upstream


async def test_answers_are_read() -> None:
    async with talking() as (client, _):
        said: Any = await client.chat(model="command-a-03-2025", messages=HELLO)
        asked: Any = [{"role": "user", "content": 'call weather {"city": "Lund"}\ncall weather'}]
        called: Any = await client.chat(model="command-a-03-2025", messages=asked, tools=[TOOL])
        rows: Any = await client.embed(
            model="embed-v4.0", texts=["a", "bcd"], input_type="search_query", embedding_types=["float"]
        )
    assert said.message.content[0].text == "hello there"
    assert (said.finish_reason, said.usage.tokens.input_tokens) == ("COMPLETE", 7)
    assert called.message.tool_plan == "I will look it up."
    assert [json.loads(call.function.arguments) for call in called.message.tool_calls] == [{"city": "Lund"}, {}]
    assert rows.embeddings.float_ == [[1.0, 0.5], [3.0, 0.5]]


async def test_streams_are_read() -> None:
    async with talking() as (client, _):
        asked: Any = [{"role": "user", "content": "think hello there"}]
        events: Any = [event async for event in client.chat_stream(model="command-a-03-2025", messages=asked)]
        asked = [{"role": "user", "content": 'call weather {"city": "Lund"}\ncall weather'}]
        calls: Any = [
            event async for event in client.chat_stream(model="command-a-03-2025", messages=asked, tools=[TOOL])
        ]
    texts = [event.delta.message.content.text for event in events if event.type == "content-delta"]
    assert "".join(filter(None, texts)) == "hello there"
    assert events[-1].delta.finish_reason == "COMPLETE"
    arguments = [
        event.delta.message.tool_calls.function.arguments for event in calls if event.type == "tool-call-delta"
    ]
    assert json.loads("".join(arguments)) == {"city": "Lund"}
    assert [event.type for event in calls].count("tool-call-start") == 2


@pytest.mark.parametrize(
    ("model", "more", "error"),
    [
        ("limited", {}, TooManyRequestsError),
        ("nope", {}, NotFoundError),
        ("command-a-03-2025", {"temperature": 1.5}, BadRequestError),
        ("command-a-03-2025", {"messages": [{"role": "user", "content": "x", "index": 0}]}, BadRequestError),
    ],
)
async def test_refusals_are_the_clients_own_errors(model: str, more: dict[str, Any], error: type[ApiError]) -> None:
    async with talking() as (client, _):
        options: Any = {"max_retries": 0}
        with pytest.raises(error):
            await client.chat(**{"model": model, "messages": HELLO, "request_options": options, **more})


async def test_a_wrong_key_is_refused() -> None:
    async with talking("another-key") as (client, _):
        with pytest.raises(ApiError) as raised:
            await client.chat(model="command-a-03-2025", messages=HELLO)
    assert raised.value.status_code == 401


CANONICAL: dict[str, dict[str, Any]] = {
    "chat-v2-basic": {
        "messages": [
            {"role": "developer", "content": "Answer briefly."},
            {"role": "user", "content": "Say hello in Swedish."},
        ],
        "temperature": 0.1, "top_p": 0.9, "top_k": 0, "max_tokens": 64, "stop": "END", "seed": 7,
        "frequency_penalty": 0.2,
    },
    "chat-v2-json": {
        "messages": [
            {"role": "system", "content": "Answer briefly."},
            {"role": "user", "content": "Say hello in Swedish."},
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "word",
                "schema": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
            },
        },
        "reasoning_effort": "none",
        "safety_mode": "CONTEXTUAL",
    },
}  # fmt: skip


def sent(request: dict[str, Any], model: str = "command-a-03-2025", task: Task = Task.CHAT, **config: Any) -> Any:
    exchange = CASES["cohere"].adapter(task, model, **config).prepare(request, CONTEXT)
    assert isinstance(exchange, Exchange), exchange
    return exchange


def from_sample(name: str) -> dict[str, Any]:
    """Return the canonical request that a sample's body is the translation of."""
    if name in CANONICAL:
        return CANONICAL[name]
    sample = load(f"cohere/{name}.request.json")
    request = {key: value for key, value in sample.items() if key not in {"strict_tools", "tool_choice", "model"}}
    request["tools"] = [
        {**tool, "function": {**tool["function"], "strict": True} if sample.get("strict_tools") else tool["function"]}
        for tool in sample["tools"]
    ]
    if "tool_choice" in sample:
        request["tool_choice"] = "required"
    # What Cohere calls the plan is in a client's hands what the model thought, or said, before its calls.
    request["messages"] = [
        {("reasoning_content" if key == "tool_plan" else key): value for key, value in message.items()}
        for message in sample["messages"]
    ]
    return request


@pytest.mark.parametrize("name", ["chat-v2-basic", "chat-v2-json", "chat-v2-tools", "chat-v2-toolresult"])
async def test_our_call_is_the_sample_and_that_of_coheres_client(name: str) -> None:
    sample = load(f"cohere/{name}.request.json")
    (wire,) = sent(from_sample(name)).calls
    assert json.loads(wire.body) == sample
    async with talking() as (client, upstream):
        await client.chat(**{key: value for key, value in sample.items() if key != "stream"})
    (seen,) = upstream.seen
    assert wire.url == f"https://api.cohere.com{seen.path}"
    assert seen.body == sample
    assert seen.headers["authorization"].startswith("Bearer ")
    assert dict(wire.headers)["Content-Type"] == seen.headers["content-type"]


async def test_32_our_embedding_is_the_sample_and_that_of_coheres_client() -> None:
    sample = load("cohere/embeddings-v2.request.json")
    request = {"input": sample["texts"], "dimensions": 256, "truncate": "END"}
    (wire,) = sent(request, "embed-v4.0", Task.EMBEDDINGS).calls
    assert json.loads(wire.body) == sample
    async with talking() as (client, upstream):
        await client.embed(**sample)
    (seen,) = upstream.seen
    assert (wire.url, seen.body) == (f"https://api.cohere.com{seen.path}", sample)
