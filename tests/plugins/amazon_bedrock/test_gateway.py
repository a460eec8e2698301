"""Conversations of OpenAI's own client with the simulated service, through a gateway over real HTTP."""

import asyncio
import base64
import json
from array import array
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI
from tests.gateways import CANARY, Running, endpoint, running, table
from tests.plugins.anthropic.test_gateway import ask
from tests.providers import PLUGINS
from tests.simulators.bedrock import ACCESS_KEY, API_KEY, HANGS, SECRET_KEY, Simulator, simulator

from xmc.plugins import EntitySpec, Slot, build_plugins
from xmc.plugins.amazon_bedrock import BEDROCK
from xmc.schema import Target, Task

ARN = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123"
FAILING = ("denied", "throttled", "not-ready", "timeout", "quota", "missing", "model-error", "down")
BREAKING = ("throttling", "validation", "model", "server", "down", "error", "checksum", "cut")
TOOLS: Any = [
    {"type": "function", "function": {"name": "maps.weather", "description": "", "parameters": None}},
    {"type": "function", "function": {"name": "get_time"}},
]
SECRETS = {"aws/id": ACCESS_KEY, "aws/key": SECRET_KEY, "aws/api": API_KEY, "aws/wrong": CANARY}
KEYS = {"aws_access_key_id": Slot("aws/id"), "aws_secret_access_key": Slot("aws/key")}
HELLO: Any = [{"role": "user", "content": "hello there"}]


def target(
    url: str,
    model: str,
    task: Task = Task.CHAT,
    family: str = "anthropic",
    credentials: Mapping[str, Slot] = KEYS,
) -> Target:
    config = {"aws_region": "eu-west-1", "bedrock_provider": family, "bedrock_api_base": url, **credentials}
    found = BEDROCK.link(EntitySpec("e", "n", model, task, config))
    assert found.target is not None, found.findings
    return found.target


@asynccontextmanager
async def served() -> AsyncIterator[tuple[AsyncOpenAI, Simulator, Running]]:
    async with simulator() as upstream:
        url = upstream.url
        failing = [endpoint(one, target(url, f"test.{one}")) for one in FAILING]
        breaking = [endpoint(f"breaks-{one}", target(url, f"test.breaks-{one}")) for one in BREAKING]
        others = [
            endpoint("chat", target(url, ARN)),
            endpoint("hangs", target(url, HANGS)),
            endpoint("ai21", target(url, "ai21.jamba-1-5-large-v1:0", family="ai21labs")),
            endpoint("api-key", target(url, ARN, credentials={"aws_bearer_token": Slot("aws/api")})),
            endpoint("wrong", target(url, ARN, credentials={**KEYS, "aws_secret_access_key": Slot("aws/wrong")})),
            endpoint("text", target(url, ARN, Task.COMPLETIONS)),
            endpoint("titan", target(url, "amazon.titan-embed-text-v2:0", Task.EMBEDDINGS, "amazon")),
            endpoint("cohere", target(url, "cohere.embed-v4:0", Task.EMBEDDINGS, "cohere")),
        ]
        made = table(*failing, *breaking, *others, slots=tuple(SECRETS))
        async with (
            running(made, plugins=build_plugins(PLUGINS), secrets=SECRETS) as gateway,
            AsyncOpenAI(base_url=f"{gateway.url}/serving-endpoints", api_key="none", max_retries=0) as client,
        ):
            yield client, upstream, gateway


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_two_turns_with_parallel_calls_and_signed_reasoning(stream: bool) -> None:
    async with served() as (client, upstream, _):
        wire = (await sent_name(client, upstream)) or "maps.weather"
        asked = f'call {wire} {{"city": "Oslo"}}\ncall get_time\ncall {wire} {{"city": "Åre"}}'
        messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": asked}]
        call = {"model": "chat", "tools": TOOLS, "stream": stream}
        first = await ask(client, messages=messages, reasoning_effort="low", **call)
        message = first.choices[0].message
        calls: list[Any] = message.tool_calls or []
        assert first.choices[0].finish_reason == "tool_calls"
        assert [(one.function.name, json.loads(one.function.arguments)) for one in calls] == [
            ("maps.weather", {"city": "Oslo"}), ("get_time", {}), ("maps.weather", {"city": "Åre"}),
        ]  # fmt: skip
        assert message.model_dump()["reasoning_content"] == "Let me see."
        assert first.usage is not None
        assert first.usage.total_tokens == first.usage.prompt_tokens + first.usage.completion_tokens
        results = [{"role": "tool", "tool_call_id": one.id, "content": f"r{n}"} for n, one in enumerate(calls)]
        history: Any = [*messages, message.model_dump(exclude_none=True), *results]
        last = await ask(client, messages=history, **call)
    said = "; ".join(f"{one.id} said r{n}" for n, one in enumerate(calls))
    assert last.choices[0].message.content == said
    assert last.choices[0].finish_reason == "stop"
    turn = upstream.seen[-1].body["messages"]
    reasoning = {"reasoningText": {"text": "Let me see.", "signature": "c2lnbmVk"}}
    assert turn[1]["content"][0] == {"reasoningContent": reasoning}
    assert [next(iter(block)) for block in turn[2]["content"]] == ["toolResult"] * 3


async def sent_name(client: AsyncOpenAI, upstream: Simulator) -> str:
    """Return the name under which the service knows the first tool."""
    await client.chat.completions.create(model="chat", messages=HELLO, tools=TOOLS)
    name: str = upstream.seen[-1].body["toolConfig"]["tools"][0]["toolSpec"]["name"]
    return name


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_18_a_history_with_calls_and_no_tools_is_taken(stream: bool) -> None:
    call = {"id": "call!1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    messages: Any = [
        *HELLO,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call!1", "content": ""},
    ]
    async with served() as (client, upstream, _):
        answer = await ask(client, model="chat", messages=messages, stream=stream)
    assert answer.choices[0].message.content is not None
    assert "said {}" in answer.choices[0].message.content
    names = [spec["toolSpec"]["name"] for spec in upstream.seen[-1].body["toolConfig"]["tools"]]
    assert names == ["weather"]


async def test_40_documents_have_names_of_their_own_and_text_beside_them() -> None:
    data = "data:application/pdf;base64," + base64.b64encode(b"%PDF").decode()
    part = {"type": "file", "file": {"filename": "two/words_1.pdf", "file_data": data}}
    async with served() as (client, upstream, _):
        messages: Any = [{"role": "user", "content": [part, part]}]
        await client.chat.completions.create(model="chat", messages=messages)
    blocks = upstream.seen[-1].body["messages"][0]["content"]
    assert [block["document"]["name"] for block in blocks[:2]] == ["two words 1", "two words 1 2"]
    assert blocks[2] == {"text": "."}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_model_that_does_not_stream_is_replayed(stream: bool) -> None:
    async with served() as (client, upstream, _):
        answer = await ask(client, model="ai21", messages=HELLO, stream=stream)
    assert answer.choices[0].message.content == "hello there"
    assert upstream.seen[-1].path.endswith("/converse")


async def test_16_arns_and_keys_reach_the_service_as_they_were_signed() -> None:
    async with served() as (client, upstream, _):
        for model in ("chat", "api-key"):
            answer = await client.chat.completions.create(model=model, messages=HELLO)
            assert answer.model == ARN
    path = "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Aapplication-inference-profile%2Fabc123/converse"
    assert [seen.path for seen in upstream.seen] == [path, path]
    assert [seen.headers["authorization"].split(" ")[0] for seen in upstream.seen] == ["AWS4-HMAC-SHA256", "Bearer"]


async def test_34_a_wrong_key_names_the_entity_and_not_the_key() -> None:
    async with served() as (client, _, _gateway):
        with pytest.raises(openai.PermissionDeniedError) as raised:
            await client.chat.completions.create(model="wrong", messages=HELLO)
    error: Any = raised.value.body
    assert error["code"] == "upstream_auth_error"
    assert CANARY not in str(raised.value)
    assert ACCESS_KEY not in str(raised.value)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("denied", 403, "AccessDeniedException"),
        ("throttled", 429, "ThrottlingException"),
        ("not-ready", 503, "ModelNotReadyException"),
        ("timeout", 504, "ModelTimeoutException"),
        ("quota", 429, "ServiceQuotaExceededException"),
        ("missing", 404, "ResourceNotFoundException"),
        ("model-error", 502, "ModelErrorException"),
        ("down", 503, "ServiceUnavailableException"),
    ],
)
async def test_errors_keep_their_names(model: str, status: int, code: str, stream: bool) -> None:
    async with served() as (client, _, _gateway):
        with pytest.raises(openai.APIStatusError) as raised:
            await ask(client, model=model, messages=HELLO, stream=stream)
    error: Any = raised.value.body
    assert (raised.value.status_code, error["code"]) == (status, code)
    assert raised.value.response.headers["x-upstream-request-id"] == "sim-1"


@pytest.mark.parametrize("kind", BREAKING)
async def test_12_a_stream_that_breaks_is_seen_to_break(kind: str) -> None:
    request = {"model": f"breaks-{kind}", "messages": HELLO, "stream": True}
    got = bytearray()

    async def read(reply: aiohttp.ClientResponse) -> None:
        async for data in reply.content.iter_any():
            got.extend(data)

    async with (
        served() as (_, _upstream, gateway),
        gateway.client() as client,
        client.post("/serving-endpoints/chat/completions", json=request) as reply,
    ):
        assert reply.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await read(reply)
    assert b"hello" in got
    assert b'"error"' in got.splitlines()[-2]
    assert b"[DONE]" not in got


async def test_39_a_client_that_leaves_lets_the_service_go() -> None:
    async with served() as (client, upstream, _):
        stream: Any = await client.chat.completions.create(model="hangs", messages=HELLO, stream=True)
        await anext(stream)
        await stream.close()
        async with asyncio.timeout(1):
            await upstream.left.wait()


async def test_completions_are_converse_calls() -> None:
    async with served() as (client, _, _gateway):
        answer = await client.completions.create(model="text", prompt=["one", "two words"])
        streamed: Any = await client.completions.create(model="text", prompt="three", stream=True)
        pieces = [chunk.choices[0].text async for chunk in streamed]
    assert [choice.text for choice in answer.choices] == ["one", "two words"]
    assert "".join(pieces) == "three"


@pytest.mark.parametrize(("model", "calls"), [("titan", 250), ("cohere", 3)])
@pytest.mark.parametrize("encoding", ["float", "base64"])
async def test_31_many_texts_are_embedded_in_order_and_their_tokens_added_up(
    model: str, calls: int, encoding: str
) -> None:
    texts = ["x" * (number + 1) for number in range(250)]
    async with served() as (client, upstream, gateway):
        upstream.slow_s = 0.001
        request = {"model": model, "input": texts, "encoding_format": encoding}
        async with gateway.client() as plain, plain.post("/serving-endpoints/embeddings", json=request) as reply:
            body = await reply.json()
        parsed = await client.embeddings.create(model=model, input=texts[:2], dimensions=8)
    rows = [row["embedding"] for row in body["data"]]
    if encoding == "base64":
        rows = [array("f", base64.b64decode(row)).tolist() for row in rows]
    assert [row[0] for row in rows] == [len(text) / 2 for text in texts]
    assert body["usage"] == {"prompt_tokens": 250, "total_tokens": 250}
    assert len([seen for seen in upstream.seen if seen.path.endswith("/invoke")]) >= calls
    assert 2 <= upstream.at_once <= 8
    assert [len(row.embedding) for row in parsed.data] == [8, 8]


@pytest.mark.parametrize(
    ("model", "request_", "param"),
    [
        ("titan", {"input": [[1, 2]]}, "input"),
        ("titan", {"input": ["ok", " "]}, "input"),
        ("titan", {"input": "x", "stream": True}, "stream"),
    ],
)
async def test_31_inputs_that_mean_nothing_to_the_model_are_refused(
    model: str, request_: dict[str, Any], param: str
) -> None:
    async with (
        served() as (_, upstream, gateway),
        gateway.client() as client,
        client.post("/serving-endpoints/embeddings", json={"model": model, **request_}) as reply,
    ):
        assert reply.status == 400
        assert (await reply.json())["error"]["param"] == param
    assert upstream.seen == []


async def test_one_failing_call_is_the_answer_to_all() -> None:
    async with served() as (client, _, _gateway):
        with pytest.raises(openai.BadRequestError, match="Malformed input request"):
            await client.embeddings.create(model="titan", input=["a"] * 50, extra_body={"unknown": True})
