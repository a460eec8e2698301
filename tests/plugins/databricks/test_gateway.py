"""Conversations of OpenAI's own client with a simulated workspace, through a gateway over real HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from tests.gateways import CANARY, endpoint, running, table
from tests.plugins.anthropic.test_gateway import ask
from tests.providers import PLUGINS
from tests.simulators.databricks import Simulator, simulator

from xmc.plugins import EntitySpec, Slot, build_plugins
from xmc.plugins.databricks_model_serving import DATABRICKS
from xmc.schema import Target, Task

HELLO: Any = [{"role": "user", "content": "hello there"}]
TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}},
    {"type": "function", "function": {"name": "get_time"}},
]
CHATS = ("chat", "limited", "nope", "down", "denied", "cut")


def target(url: str, name: str, task: Task = Task.CHAT) -> Target:
    config = {"databricks_workspace_url": url, "databricks_api_token": Slot("scope/key")}
    found = DATABRICKS.link(EntitySpec("e", "n", name, task, config))
    assert found.target is not None, found.findings
    return found.target


@asynccontextmanager
async def served() -> AsyncIterator[tuple[AsyncOpenAI, Simulator]]:
    async with simulator(CANARY) as workspace:
        chats = [endpoint(name, target(workspace.url, name)) for name in CHATS]
        text = endpoint("text", target(workspace.url, "text", Task.COMPLETIONS))
        rows = endpoint("rows", target(workspace.url, "rows", Task.EMBEDDINGS))
        async with (
            running(table(*chats, text, rows), plugins=build_plugins(PLUGINS)) as gateway,
            AsyncOpenAI(base_url=f"{gateway.url}/serving-endpoints", api_key="none", max_retries=0) as client,
        ):
            yield client, workspace


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_two_turns_with_parallel_calls(stream: bool) -> None:
    async with served() as (client, workspace):
        asked = 'call weather {"city": "Lund"}\ncall get_time\ncall weather {"city": "Malmö"}'
        messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": asked}]
        call = {"model": "chat", "tools": TOOLS, "stream": stream}
        first = await ask(client, messages=messages, **call)
        message = first.choices[0].message
        calls: list[Any] = message.tool_calls or []
        assert first.choices[0].finish_reason == "tool_calls"
        assert [(one.function.name, json.loads(one.function.arguments)) for one in calls] == [
            ("weather", {"city": "Lund"}), ("get_time", {}), ("weather", {"city": "Malmö"}),
        ]  # fmt: skip
        results = [{"role": "tool", "tool_call_id": one.id, "content": f"r{n}"} for n, one in enumerate(calls)]
        last = await ask(client, messages=[*messages, message.model_dump(exclude_none=True), *results], **call)
    assert last.choices[0].message.content == "call_0 said r0; call_1 said r1; call_2 said r2"
    assert not any("model" in seen.body for seen in workspace.seen)
    assert {seen.path for seen in workspace.seen} == {"/serving-endpoints/chat/invocations"}


async def test_35_minimal_answers_are_made_canonical() -> None:
    async with served() as (client, _):
        chat = await ask(client, model="chat", messages=HELLO, stream=False)
        text = await client.completions.create(model="text", prompt="one two")
        rows = await client.embeddings.create(model="rows", input=["a", "bcd"])
        plain = await client.embeddings.create(model="rows", input="a", encoding_format="float")
    assert (chat.object, chat.model, chat.choices[0].message.role) == ("chat.completion", "chat", "assistant")
    assert chat.id
    assert chat.created
    assert chat.usage is not None
    assert chat.usage.completion_tokens == 2
    assert (text.object, text.choices[0].text, text.choices[0].finish_reason) == ("text_completion", "one two", "stop")
    assert [row.index for row in rows.data] == [0, 1]
    assert [row.embedding for row in rows.data] == [[1.0, 0.5], [3.0, 0.5]]
    assert plain.data[0].embedding == [1.0, 0.5]


async def test_35_parts_of_content_become_text_and_reasoning() -> None:
    async with served() as (client, _):
        chat = await ask(client, model="chat", messages=[{"role": "user", "content": "think hello"}], stream=False)
    message: Any = chat.choices[0].message
    assert (message.content, message.reasoning_content) == ("hello", "Thinking of it.")


@pytest.mark.parametrize("usage", [False, True])
async def test_usage_of_a_stream_comes_once_and_only_if_asked_for(usage: bool) -> None:
    async with served() as (client, workspace):
        more: Any = {"stream_options": {"include_usage": True}} if usage else {}
        stream: Any = await client.chat.completions.create(model="chat", messages=HELLO, stream=True, **more)
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "hello there"
    assert sum(chunk.usage is not None for chunk in chunks) == usage
    assert [chunk.choices[0].delta.role for chunk in chunks if chunk.choices].count("assistant") == 1
    assert ("stream_options" in workspace.seen[0].body) is usage


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("model", "status", "said", "code"),
    [
        ("limited", 429, "rate limit", "REQUEST_LIMIT_EXCEEDED"),
        ("nope", 404, "does not exist", "RESOURCE_DOES_NOT_EXIST"),
        ("down", 503, "scaling up", "TEMPORARILY_UNAVAILABLE"),
    ],
)
async def test_36_errors_keep_their_words(model: str, status: int, said: str, code: str, stream: bool) -> None:
    async with served() as (client, _):
        with pytest.raises(openai.APIStatusError, match=said) as raised:
            await ask(client, model=model, messages=HELLO, stream=stream)
    assert (raised.value.status_code, raised.value.code) == (status, code)


async def test_a_key_that_is_unknown_there_is_refused_there() -> None:
    async with served() as (client, _):
        with pytest.raises(openai.BadRequestError, match="unknown field"):
            await client.chat.completions.create(model="chat", messages=HELLO, seed=7)


async def test_a_stream_that_is_cut_is_seen_to_be() -> None:
    async with served() as (client, _):
        with pytest.raises(openai.APIError, match="before"):
            await ask(client, model="cut", messages=HELLO, stream=True)
