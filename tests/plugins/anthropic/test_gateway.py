"""Conversations of OpenAI's own client with the simulated API, through a gateway over real HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.lib.streaming.chat._completions import ChatCompletionStreamState
from openai.types.chat import ChatCompletion
from tests.gateways import CANARY, endpoint, running, table
from tests.providers import PLUGINS
from tests.simulators.anthropic import Simulator, simulator

from xmc.plugins import EntitySpec, Slot, build_plugins
from xmc.plugins.anthropic import ANTHROPIC
from xmc.schema import Target, Task

MODELS = (
    "claude-sonnet-4-6", "claude-opus-4-5", "claude-opus-4-8", "claude-overloaded", "claude-limited", "claude-nope",
    "claude-broken", "claude-cut", "claude-refuse",
)  # fmt: skip
WIRE = f"maps_weather_{sha256(b'maps.weather').hexdigest()[:8]}"
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "maps.weather",  # not a name that Anthropic takes
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    },
    {"type": "function", "function": {"name": "get_time"}},
]


def target(url: str, model: str, task: Task = Task.CHAT) -> Target:
    config = {"anthropic_api_key": Slot("scope/key"), "anthropic_api_base": url}
    found = ANTHROPIC.link(EntitySpec("e", "n", model, task, config)).target
    assert found is not None
    return found


@asynccontextmanager
async def served() -> AsyncIterator[tuple[AsyncOpenAI, Simulator]]:
    async with simulator(CANARY) as upstream:
        chats = [endpoint(model, target(upstream.url, model)) for model in MODELS]
        text = endpoint("text", target(upstream.url, "claude-sonnet-4-6", Task.COMPLETIONS))
        async with (
            running(table(*chats, text), plugins=build_plugins(PLUGINS)) as gateway,
            AsyncOpenAI(base_url=f"{gateway.url}/serving-endpoints", api_key="none", max_retries=0) as client,
        ):
            yield client, upstream


async def ask(client: AsyncOpenAI, *, stream: bool, **request: Any) -> ChatCompletion:
    """Return the whole answer, or what the client's own helper makes of the stream."""
    create: Any = client.chat.completions.create
    if not stream:
        whole: ChatCompletion = await create(**request)
        return whole
    state: Any = ChatCompletionStreamState()
    options = {"include_usage": True}
    async for chunk in await create(stream=True, stream_options=options, **request):
        state.handle_chunk(chunk)
    final: ChatCompletion = state.current_completion_snapshot  # the final one raises for refusals
    return final


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", ["claude-sonnet-4-6", "claude-opus-4-5"])
async def test_two_turns_with_parallel_calls_and_signed_thinking(model: str, stream: bool) -> None:
    async with served() as (client, upstream):
        messages: Any = [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": f'call {WIRE} {{"city": "Oslo"}}\ncall get_time\ncall {WIRE} {{"city": "Åre"}}',
            },
        ]
        call = {"model": model, "tools": TOOLS, "reasoning_effort": "low", "stream": stream}
        first = await ask(client, messages=messages, **call)
        message = first.choices[0].message
        assert first.choices[0].finish_reason == "tool_calls"
        assert message.content == "Checking."
        calls: list[Any] = message.tool_calls or []
        assert [(one.function.name, json.loads(one.function.arguments)) for one in calls] == [
            ("maps.weather", {"city": "Oslo"}), ("get_time", {}), ("maps.weather", {"city": "Åre"}),
        ]  # fmt: skip
        assert message.model_dump()["reasoning_content"] == "There are 3 calls to make … åäö."
        assert first.usage is not None
        assert first.usage.completion_tokens_details is not None
        assert first.usage.total_tokens == first.usage.prompt_tokens + first.usage.completion_tokens
        results = [
            {"role": "tool", "tool_call_id": one.id, "content": text}
            for one, text in zip(calls, ("4 C", "12:00", "-3 C"), strict=True)
        ]
        history = [*messages, message.model_dump(exclude_none=True), *results]
        last = await ask(client, messages=[*history, {"role": "user", "content": "Sum up."}], **call)
    assert last.choices[0].message.content == "Results: 4 C; 12:00; -3 C … klart."
    assert last.choices[0].finish_reason == "stop"
    turn = upstream.seen[-1].body["messages"][-1]
    assert [block["type"] for block in turn["content"]] == ["tool_result", "tool_result", "tool_result", "text"]
    assert [one.headers["anthropic-version"] for one in upstream.seen] == ["2023-06-01"] * 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_history_without_its_thinking_is_answered_without_thinking(stream: bool) -> None:
    calls = [{"id": "functions.get_time:0", "type": "function", "function": {"name": "get_time", "arguments": ""}}]
    messages = [
        {"role": "user", "content": "what time?"},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "functions.get_time:0", "content": "12:00"},
    ]
    async with served() as (client, upstream):
        request = {"model": "claude-opus-4-5", "messages": messages, "tools": TOOLS, "reasoning_effort": "high"}
        answer = await ask(client, stream=stream, **request)
        create: Any = client.chat.completions.with_raw_response.create
        raw = await create(**request)
    assert answer.choices[0].message.content == "Results: 12:00 … klart."
    assert raw.headers["x-xmc-dropped"] == "reasoning_effort"
    assert "thinking" not in upstream.seen[0].body


@pytest.mark.parametrize(
    ("model", "status", "kind"),
    [
        ("claude-overloaded", 503, "overloaded_error"),
        ("claude-limited", 429, "rate_limit_error"),
        ("claude-nope", 404, "not_found_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_errors_keep_their_words(model: str, status: int, kind: str, stream: bool) -> None:
    async with served() as (client, _):
        with pytest.raises(openai.APIStatusError) as caught:
            await ask(client, stream=stream, model=model, messages=[{"role": "user", "content": "x"}])
    assert (caught.value.status_code, caught.value.type) == (status, kind)
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.response.headers["x-upstream-request-id"] == "req_sim"


async def test_a_parameter_that_the_model_refuses_is_the_providers_to_refuse() -> None:
    messages: Any = [{"role": "user", "content": "x"}]
    async with served() as (client, upstream):
        raw = await client.chat.completions.with_raw_response.create(
            model="claude-opus-4-8", messages=messages, temperature=1, top_p=1
        )
        await client.chat.completions.create(model="claude-opus-4-8", messages=messages, temperature=0.5)
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="claude-opus-4-8", messages=messages, temperature=1.5)
    assert raw.headers["x-xmc-dropped"] == "temperature, top_p"
    assert [one.body.get("temperature") for one in upstream.seen] == [None, 0.5]
    assert caught.value.param == "temperature"


@pytest.mark.parametrize(("model", "says"), [("claude-broken", "Overloaded"), ("claude-cut", "ended its stream")])
async def test_a_stream_that_breaks_is_seen_to_break(model: str, says: str) -> None:
    async with served() as (client, _):
        with pytest.raises(openai.APIError, match=says):
            await ask(client, stream=True, model=model, messages=[{"role": "user", "content": "hello there"}])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_refusal(stream: bool) -> None:
    async with served() as (client, _):
        answer = await ask(client, stream=stream, model="claude-refuse", messages=[{"role": "user", "content": "x"}])
    assert answer.choices[0].finish_reason == "content_filter"
    assert answer.choices[0].message.refusal == "I will not."
    assert not answer.choices[0].message.content


async def test_completions_are_messages_calls() -> None:
    framed = "\n\nHuman: hej\n\nAssistant:"
    async with served() as (client, upstream):
        one = await client.completions.create(model="text", prompt=framed, max_tokens=9)
        streamed = [chunk async for chunk in await client.completions.create(model="text", prompt="hej", stream=True)]
        several = await client.completions.create(model="text", prompt=["a", "b", "c"], temperature=0)
        replayed = [
            chunk async for chunk in await client.completions.create(model="text", prompt=["a", "b"], stream=True)
        ]
    assert one.choices[0].text == "Echo 🦌: hej"
    assert "".join(chunk.choices[0].text for chunk in streamed) == "Echo 🦌: hej"
    assert [(choice.index, choice.text) for choice in several.choices] == [
        (0, "Echo 🦌: a"), (1, "Echo 🦌: b"), (2, "Echo 🦌: c"),
    ]  # fmt: skip
    texts = ["".join(c.text for chunk in replayed for c in chunk.choices if c.index == i) for i in (0, 1)]
    assert texts == ["Echo 🦌: a", "Echo 🦌: b"]
    assert upstream.seen[0].body["messages"] == [{"role": "user", "content": "hej"}]
    assert one.usage is not None
    assert several.usage is not None
    assert several.usage.total_tokens > 2 * one.usage.total_tokens
