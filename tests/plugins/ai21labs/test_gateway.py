"""Conversations of OpenAI's own client with the simulated API, through a gateway over real HTTP."""

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
from tests.simulators.ai21 import Simulator, simulator

from xmc.plugins import EntitySpec, Slot, build_plugins
from xmc.plugins.ai21labs import AI21
from xmc.schema import Target, Task

MODELS = ("jamba-large", "jamba-limited", "jamba-down", "jamba-nope", "jamba-cut")
NOTHING: Any = {"type": "object", "properties": {}}
TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "parameters": NOTHING, "strict": True}},
    {"type": "function", "function": {"name": "get_time", "description": "The time.", "parameters": NOTHING}},
]
IMAGE: Any = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}
HELLO: Any = [{"role": "user", "content": "hello there"}]


def target(url: str, model: str, task: Task = Task.CHAT) -> Target:
    config = {"ai21labs_api_key": Slot("scope/key"), "ai21labs_api_base": f"{url}/studio/v1"}
    found = AI21.link(EntitySpec("e", "n", model, task, config)).target
    assert found is not None
    return found


@asynccontextmanager
async def served() -> AsyncIterator[tuple[AsyncOpenAI, Simulator]]:
    async with simulator(CANARY) as upstream:
        chats = [endpoint(model, target(upstream.url, model)) for model in MODELS]
        text = endpoint("text", target(upstream.url, "jamba-mini", Task.COMPLETIONS))
        async with (
            running(table(*chats, text), plugins=build_plugins(PLUGINS)) as gateway,
            AsyncOpenAI(base_url=f"{gateway.url}/serving-endpoints", api_key="none", max_retries=0) as client,
        ):
            yield client, upstream


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_two_turns_with_parallel_calls(stream: bool) -> None:
    async with served() as (client, upstream):
        asked = 'call weather {"city": "Lund"}\ncall get_time\ncall weather {"city": "Malmö"}'
        messages: Any = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": asked}]
        call = {"model": "jamba-large", "tools": TOOLS, "stream": stream}
        first = await ask(client, messages=messages, **call)
        message = first.choices[0].message
        calls: list[Any] = message.tool_calls or []
        assert first.choices[0].finish_reason == "tool_calls"
        assert [(one.function.name, json.loads(one.function.arguments)) for one in calls] == [
            ("weather", {"city": "Lund"}), ("get_time", {}), ("weather", {"city": "Malmö"}),
        ]  # fmt: skip
        assert first.usage is not None
        assert first.usage.total_tokens == 10
        results = [{"role": "tool", "tool_call_id": one.id, "content": f"r{n}"} for n, one in enumerate(calls)]
        last = await ask(client, messages=[*messages, message.model_dump(exclude_none=True), *results], **call)
    assert last.choices[0].message.content == "call_0 said r0; call_1 said r1; call_2 said r2"
    assert not any(seen.body.get("stream") for seen in upstream.seen)  # calls of tools are replayed
    assert upstream.seen[0].body["messages"][0] == {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_what_ai21_leaves_out_is_filled_in(stream: bool) -> None:
    async with served() as (client, upstream):
        answer = await ask(client, model="jamba-large", messages=HELLO, stream=stream)
    assert answer.object.startswith("chat.completion")
    assert (answer.model, answer.choices[0].message.content) == ("jamba-large", "hello there")
    assert answer.created > 0
    assert answer.usage is not None
    assert bool(upstream.seen[0].body.get("stream")) is stream


async def test_several_choices_are_replayed_and_parts_are_joined() -> None:
    parts: Any = [{"role": "user", "content": [{"type": "text", "text": "hello "}, {"type": "text", "text": "there"}]}]
    async with served() as (client, _):
        stream: Any = await client.chat.completions.create(model="jamba-large", messages=parts, n=2, stream=True)
        said: dict[int, str] = {}
        async for chunk in stream:
            for choice in chunk.choices:
                said[choice.index] = said.get(choice.index, "") + (choice.delta.content or "")
    assert said == {0: "hello there", 1: "hello there"}


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"max_tokens": 5000}, "max_tokens"),
        ({"max_completion_tokens": 5000}, "max_completion_tokens"),
        ({"n": 17}, "n"),
        ({"temperature": 2.5}, "temperature"),
        ({"tools": TOOLS, "tool_choice": "required"}, "tool_choice"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "response_format"),
        ({"frequency_penalty": 1}, "frequency_penalty"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages[0].content[0].type",
        ),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0].role"),
    ],
)
async def test_what_ai21_does_not_have_is_refused_by_name(more: dict[str, Any], param: str) -> None:
    async with served() as (client, upstream):
        with pytest.raises(openai.BadRequestError) as raised:
            await client.chat.completions.create(**{"model": "jamba-large", "messages": HELLO, **more})
    assert raised.value.param == param
    assert upstream.seen == []


async def test_no_tools_are_offered_where_none_may_be_called() -> None:
    async with served() as (client, upstream):
        raw = await client.chat.completions.with_raw_response.create(
            model="jamba-large", messages=HELLO, tools=TOOLS, tool_choice="none", parallel_tool_calls=False, seed=7
        )
        await client.chat.completions.create(model="jamba-large", messages=HELLO, tools=TOOLS)
    assert raw.headers["x-xmc-dropped"] == "parallel_tool_calls, seed"
    assert "tools" not in upstream.seen[0].body
    assert "strict" not in upstream.seen[1].body["tools"][0]["function"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("model", "status"), [("jamba-limited", 429), ("jamba-down", 503), ("jamba-nope", 404)])
async def test_errors_keep_their_words(model: str, status: int, stream: bool) -> None:
    said = {"jamba-limited": "Too many requests", "jamba-down": "Service unavailable", "jamba-nope": "Model not found"}
    async with served() as (client, _):
        with pytest.raises(openai.APIStatusError, match=said[model]) as raised:
            await ask(client, model=model, messages=HELLO, stream=stream)
    assert raised.value.status_code == status


async def test_a_stream_that_is_cut_is_seen_to_be() -> None:
    async with served() as (client, _):
        with pytest.raises(openai.APIError, match="before"):
            await ask(client, model="jamba-cut", messages=HELLO, stream=True)


async def test_completions_are_chats_of_one_question() -> None:
    async with served() as (client, _):
        whole = await client.completions.create(model="text", prompt=["one", "two words"], n=2, max_tokens=1)
        stream: Any = await client.completions.create(model="text", prompt="three words here", stream=True)
        pieces = [chunk.choices[0].text async for chunk in stream if chunk.choices]
    assert [(choice.index, choice.text) for choice in whole.choices] == [(0, "one"), (1, "one"), (2, "two"), (3, "two")]
    assert whole.choices[2].finish_reason == "length"
    assert whole.usage is not None
    assert whole.usage.total_tokens == 20
    assert "".join(pieces) == "three words here"
