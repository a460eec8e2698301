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
from tests.simulators.cohere import Simulator, simulator

from xmc.plugins import EntitySpec, Slot, build_plugins
from xmc.plugins.cohere import COHERE
from xmc.plugins.cohere.messages import tool_name
from xmc.schema import Target, Task

MODELS = ("command-a-03-2025", "limited", "nope", "down", "blocked", "cut", "error")
CHAT = MODELS[0]
NOTHING: Any = {"type": "object", "properties": {}}
TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "parameters": NOTHING, "strict": True}},
    {"type": "function", "function": {"name": "get-time", "description": "The time."}},
]
HELLO: Any = [{"role": "user", "content": "hello there"}]
WIRE = tool_name("get-time")


def target(url: str, model: str, task: Task = Task.CHAT) -> Target:
    config = {"cohere_api_key": Slot("scope/key"), "cohere_api_base": f"{url}/v1"}
    found = COHERE.link(EntitySpec("e", "n", model, task, config)).target
    assert found is not None
    return found


@asynccontextmanager
async def served() -> AsyncIterator[tuple[AsyncOpenAI, Simulator]]:
    async with simulator(CANARY) as upstream:
        chats = [endpoint(model, target(upstream.url, model)) for model in MODELS]
        text = endpoint("text", target(upstream.url, CHAT, Task.COMPLETIONS))
        rows = endpoint("rows", target(upstream.url, "embed-v4.0", Task.EMBEDDINGS))
        async with (
            running(table(*chats, text, rows), plugins=build_plugins(PLUGINS)) as gateway,
            AsyncOpenAI(base_url=f"{gateway.url}/serving-endpoints", api_key="none", max_retries=0) as client,
        ):
            yield client, upstream


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_two_turns_with_parallel_calls(stream: bool) -> None:
    async with served() as (client, upstream):
        asked = f'call weather {{"city": "Lund"}}\ncall {WIRE}\ncall weather {{"city": "Malmö"}}'
        messages: Any = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": asked}]
        call = {"model": CHAT, "tools": TOOLS, "stream": stream}
        first = await ask(client, messages=messages, **call)
        message: Any = first.choices[0].message
        calls: list[Any] = message.tool_calls or []
        assert first.choices[0].finish_reason == "tool_calls"
        assert message.content is None or message.content == ""
        assert message.reasoning_content == "I will look it up."
        assert [(one.function.name, json.loads(one.function.arguments)) for one in calls] == [
            ("weather", {"city": "Lund"}), ("get-time", {}), ("weather", {"city": "Malmö"}),
        ]  # fmt: skip
        assert first.usage is not None
        assert first.usage.total_tokens == 10
        results = [{"role": "tool", "tool_call_id": one.id, "content": f"r{n}"} for n, one in enumerate(calls)]
        last = await ask(client, messages=[*messages, message.model_dump(exclude_none=True), *results], **call)
    told = f"weather_0 said r0; {WIRE}_1 said r1; weather_2 said r2 (I will look it up.)"
    assert last.choices[0].message.content == told
    assert upstream.seen[0].body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert upstream.seen[0].body["strict_tools"] is True
    assert upstream.seen[0].body["tools"][1]["function"]["parameters"] == NOTHING


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_22_text_beside_calls_becomes_the_plan(stream: bool) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}, "index": 0}
    history: Any = [
        *HELLO,
        {"role": "assistant", "content": "I look.", "tool_calls": [call], "provider_specific_fields": {"x": 1}},
        {"role": "tool", "tool_call_id": "c1", "content": "r0", "name": "weather"},
    ]
    async with served() as (client, upstream):
        answer = await ask(client, model=CHAT, messages=history, tools=TOOLS, stream=stream)
    assert answer.choices[0].message.content == "c1 said r0 (I look.)"
    assert "content" not in upstream.seen[0].body["messages"][1]
    assert set(upstream.seen[0].body["messages"][1]["tool_calls"][0]) == {"id", "type", "function"}  # 21


async def test_23_system_messages_stay_where_they_are() -> None:
    messages: Any = [*HELLO, {"role": "system", "content": "now be brief"}, {"role": "user", "content": "again"}]
    async with served() as (client, upstream):
        await ask(client, model=CHAT, messages=messages, stream=False)
    assert upstream.seen[0].body["messages"] == messages


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_what_the_model_thought_is_kept_apart(stream: bool) -> None:
    async with served() as (client, _):
        answer = await ask(client, model=CHAT, messages=[{"role": "user", "content": "think hello"}], stream=stream)
    message: Any = answer.choices[0].message
    assert (message.content, message.reasoning_content) == ("hello", "Let me think.")


async def test_images_pass_and_their_detail_is_coheres() -> None:
    image = {"url": "data:image/png;base64,AAAA", "detail": "original"}
    asked: Any = [
        {"role": "user", "content": [{"type": "image_url", "image_url": image}, {"type": "text", "text": "x"}]}
    ]
    async with served() as (client, upstream):
        raw = await client.chat.completions.with_raw_response.create(model=CHAT, messages=asked)
    assert raw.headers["x-xmc-dropped"] == "messages.content.image_url.detail"
    assert upstream.seen[0].body["messages"][0]["content"][0]["image_url"] == {**image, "detail": "auto"}


TWICE: Any = [{"role": "tool", "tool_call_id": "a", "content": "y"}]
CHOSEN: Any = {"type": "function", "function": {"name": "weather"}}


@pytest.mark.parametrize(
    ("choice", "mode", "offered"),
    [
        ("auto", None, 2),
        ("none", "NONE", 2),
        ("required", "REQUIRED", 2),
        (CHOSEN, "REQUIRED", 1),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [CHOSEN]}}, None, 1),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [CHOSEN]}}, "REQUIRED", 1),
    ],
)
async def test_a_choice_of_tools_offers_only_these(choice: Any, mode: str | None, offered: int) -> None:
    async with served() as (client, upstream):
        await client.chat.completions.create(model=CHAT, messages=HELLO, tools=TOOLS, tool_choice=choice)
    body = upstream.seen[0].body
    assert (body.get("tool_choice"), len(body["tools"])) == (mode, offered)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"temperature": 1.5}, "temperature"),
        ({"extra_body": {"top_k": 5, "k": 6}}, "k"),
        (
            {"messages": [*HELLO, {"role": "tool", "tool_call_id": "a", "content": "x"}, *TWICE]},
            "messages[2].tool_call_id",
        ),
        ({"frequency_penalty": -0.5}, "frequency_penalty"),
        ({"stop": list("abcdef")}, "stop"),
        ({"n": 2}, "n"),
        ({"seed": -1}, "seed"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"logprobs": True, "top_logprobs": 2}, "top_logprobs"),
        ({"tools": TOOLS, "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
        ({"extra_body": {"min_p": 0.1}}, "min_p"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0].type"),
    ],
)
async def test_what_cohere_does_not_have_is_refused_by_name(more: dict[str, Any], param: str) -> None:
    async with served() as (client, upstream):
        with pytest.raises(openai.BadRequestError) as raised:
            await client.chat.completions.create(**{"model": CHAT, "messages": HELLO, **more})
    assert raised.value.param == param
    assert upstream.seen == []


async def test_the_ends_of_top_p_are_coheres() -> None:
    async with served() as (client, upstream):
        for given in (0, 0.5, 1):
            await client.chat.completions.create(model=CHAT, messages=HELLO, top_p=given)
    assert [seen.body["p"] for seen in upstream.seen] == [0.01, 0.5, 0.99]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("model", "status", "said"),
    [
        ("limited", 429, "per minute"), ("nope", 404, "not found"), ("down", 503, "unavailable"),
        ("blocked", 400, "blocked input"),
    ],
)  # fmt: skip
async def test_errors_keep_their_words(model: str, status: int, said: str, stream: bool) -> None:
    async with served() as (client, _):
        with pytest.raises(openai.APIStatusError, match=said) as raised:
            await ask(client, model=model, messages=HELLO, stream=stream)
    assert raised.value.status_code == status
    assert raised.value.response.headers.get("x-upstream-status") == ("498" if model == "blocked" else None)


async def test_a_stream_that_is_cut_or_ends_with_an_error_is_seen_to_be() -> None:
    async with served() as (client, _):
        with pytest.raises(openai.APIError, match="before"):
            await ask(client, model="cut", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError, match="internal error while generating"):
            await ask(client, model="error", messages=HELLO, stream=True)


async def test_completions_are_chats_of_one_question() -> None:
    async with served() as (client, _):
        whole = await client.completions.create(model="text", prompt=["one", "two words"], max_tokens=1)
        stream: Any = await client.completions.create(model="text", prompt="three words here", stream=True)
        pieces = [chunk.choices[0].text async for chunk in stream if chunk.choices]
    assert [(choice.index, choice.text, choice.finish_reason) for choice in whole.choices] == [
        (0, "one", "stop"), (1, "two", "length"),
    ]  # fmt: skip
    assert whole.usage is not None
    assert whole.usage.total_tokens == 20
    assert "".join(pieces) == "three words here"


async def test_33_ninety_seven_texts_are_two_calls_in_their_order() -> None:
    texts = ["x" * (n + 1) for n in range(97)]
    async with served() as (client, upstream):
        rows = await client.embeddings.create(model="rows", input=texts)
    assert [row.embedding for row in rows.data] == [[float(n + 1), 0.5] for n in range(97)]
    assert rows.usage.prompt_tokens == 97
    assert sorted(len(seen.body["texts"]) for seen in upstream.seen) == [1, 96]
    assert {(seen.body["input_type"], tuple(seen.body["embedding_types"])) for seen in upstream.seen} == {
        ("search_document", ("float",))
    }  # 32


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"input": [[1, 2]]}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": "a", "input_type": "x"}, "input_type"),
    ],
)
async def test_embeddings_of_what_is_no_text_are_refused(request_: dict[str, Any], param: str) -> None:
    async with served() as (client, upstream):
        more: Any = {"extra_body": {"input_type": request_.pop("input_type")}} if "input_type" in request_ else {}
        with pytest.raises(openai.BadRequestError) as raised:
            await client.embeddings.create(model="rows", **request_, **more)
    assert (raised.value.param, upstream.seen) == (param, [])
