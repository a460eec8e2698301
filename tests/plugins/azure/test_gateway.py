"""Conversations of OpenAI's own client with the simulated service, through a gateway over real HTTP."""

import asyncio
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
from tests.simulators.azure import CLIENT, KEY, MODEL, SECRET, TENANT, Simulator, simulator

from xmc.plugins import EntitySpec, Slot, build_plugins
from xmc.plugins.openai import OPENAI
from xmc.schema import Target, Task

HELLO: Any = [{"role": "user", "content": "hello there"}]
TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}},
    {"type": "function", "function": {"name": "get_time"}},
]
WAYS = ("key", "entra", "v1", "old")
FAILING = ("limited", "nope", "down", "cut")
RIGHT = Slot("azure/secret")
SECRETS = {"azure/key": KEY, "azure/secret": SECRET, "azure/wrong": CANARY}


def target(url: str, way: str, deployment: str = "dep-1", task: Task = Task.CHAT, slot: Slot = RIGHT) -> Target:
    config: dict[str, Any] = {
        "openai_api_type": "azure",
        "openai_api_base": f"{url}/openai/v1" if way == "v1" else url,
        "openai_deployment_name": deployment,
        "openai_api_key": Slot("azure/key"),
    }
    if way != "v1":
        config["openai_api_version"] = "2024-06-01" if way == "old" else "2024-10-21"
    if way == "entra":
        del config["openai_api_key"]
        config |= {
            "openai_api_type": "azuread",
            "microsoft_entra_tenant_id": TENANT,
            "microsoft_entra_client_id": CLIENT,
            "microsoft_entra_client_secret": slot,
            "microsoft_entra_authority": url,
        }
    found = OPENAI.link(EntitySpec("e", "n", "gpt-4o", task, config))
    assert found.target is not None, found.findings
    return found.target


@asynccontextmanager
async def served(*failures: tuple[int, dict[str, Any]]) -> AsyncIterator[tuple[AsyncOpenAI, Simulator]]:
    async with simulator() as upstream:
        upstream.token_failures.extend(failures)
        chats = [endpoint(way, target(upstream.url, way)) for way in WAYS]
        failing = [endpoint(name, target(upstream.url, "key", name)) for name in FAILING]
        others = [
            endpoint("text", target(upstream.url, "entra", task=Task.COMPLETIONS)),
            endpoint("rows", target(upstream.url, "v1", task=Task.EMBEDDINGS)),
            endpoint("wrong", target(upstream.url, "entra", slot=Slot("azure/wrong"))),
        ]
        served = table(*chats, *failing, *others, slots=tuple(SECRETS))
        async with (
            running(served, plugins=build_plugins(PLUGINS), secrets=SECRETS) as gateway,
            AsyncOpenAI(base_url=f"{gateway.url}/serving-endpoints", api_key="none", max_retries=0) as client,
        ):
            yield client, upstream


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("way", ["key", "entra", "v1"])
async def test_two_turns_with_parallel_calls(way: str, stream: bool) -> None:
    async with served() as (client, upstream):
        asked = 'call weather {"city": "Lund"}\ncall get_time\ncall weather {"city": "Malmö"}'
        messages: Any = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": asked}]
        call = {"model": way, "tools": TOOLS, "stream": stream}
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
    assert (last.model, last.id) == (MODEL, "chatcmpl-sim")
    assert upstream.seen[0].body["messages"] == messages
    assert {seen.headers.get("authorization") for seen in upstream.seen} == {
        "Bearer token.1" if way == "entra" else None
    }


@pytest.mark.parametrize("way", ["key", "v1"])
async def test_a_stream_comes_without_azures_oddities(way: str) -> None:
    async with served() as (client, upstream):
        stream: Any = await client.chat.completions.create(model=way, messages=HELLO, stream=True)
        chunks = [chunk async for chunk in stream]
    assert {chunk.id for chunk in chunks} == {"chatcmpl-sim"}
    assert all(chunk.choices and chunk.choices[0].delta is not None for chunk in chunks)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "hello there"
    assert upstream.seen[0].body["stream_options"] == {"include_usage": True}


async def test_an_old_version_is_not_asked_what_it_does_not_know() -> None:
    async with served() as (client, upstream):
        stream: Any = await client.chat.completions.create(model="old", messages=HELLO, stream=True)
        assert [chunk async for chunk in stream][-1].choices[0].finish_reason == "stop"
        with pytest.raises(openai.BadRequestError, match="stream_options"):
            await client.chat.completions.create(
                model="old", messages=HELLO, stream=True, stream_options={"include_usage": True}
            )
    assert "stream_options" not in upstream.seen[0].body


async def test_completions_and_embeddings() -> None:
    async with served() as (client, upstream):
        text = await client.completions.create(model="text", prompt="one two", max_tokens=1)
        pieces: Any = await client.completions.create(model="text", prompt="three words here", stream=True)
        said = "".join([chunk.choices[0].text async for chunk in pieces if chunk.choices])
        rows = await client.embeddings.create(model="rows", input=["a", "bcd"])
    assert (text.choices[0].text, text.choices[0].finish_reason, said) == ("one", "length", "three words here")
    assert [row.embedding for row in rows.data] == [[1.0, 0.0, 0.5], [3.0, 1.0, 0.5]]
    assert upstream.seen[-1].body["model"] == "dep-1"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("model", "status", "said", "code"),
    [
        ("limited", 429, "call rate limit", "429"),
        ("nope", 404, "does not exist", "DeploymentNotFound"),
        ("down", 503, "overloaded", "ServiceUnavailable"),
    ],
)
async def test_errors_keep_their_words(model: str, status: int, said: str, code: str, stream: bool) -> None:
    async with served() as (client, _):
        with pytest.raises(openai.APIStatusError, match=said) as raised:
            await ask(client, model=model, messages=HELLO, stream=stream)
    assert (raised.value.status_code, raised.value.code) == (status, code)
    if model == "limited":
        assert raised.value.response.headers["retry-after"] == "7"


async def test_37_a_filtered_prompt_says_what_the_filter_found() -> None:
    async with served() as (client, _):
        with pytest.raises(openai.BadRequestError) as raised:
            await ask(client, model="key", messages=[{"role": "user", "content": "forbidden"}], stream=True)
    assert (raised.value.code, raised.value.param) == ("content_filter", "prompt")
    body: Any = raised.value.body
    assert body["innererror"]["content_filter_result"]["violence"]["severity"] == "medium"


async def test_a_stream_that_is_cut_is_seen_to_be() -> None:
    async with served() as (client, _):
        with pytest.raises(openai.APIError, match="before"):
            await ask(client, model="cut", messages=HELLO, stream=True)


async def test_39_twenty_cold_requests_ask_for_one_token() -> None:
    # The two failures are those of the first attempts, at the gateway's start: one for each secret.
    async with served((503, {}), (503, {})) as (client, upstream):
        forms = len(upstream.forms)
        asked = [ask(client, model="entra", messages=HELLO, stream=False) for _ in range(20)]
        answers = await asyncio.gather(*asked)
        assert {answer.choices[0].message.content for answer in answers} == {"hello there"}
        assert len(upstream.forms) == forms + 1
    assert b"client_secret=s3cret%2B%2F%3D" in upstream.bodies[-1]


async def test_39_a_token_that_is_refused_is_replaced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xmc.runtime.credentials._FRESH_S", 0.0)
    async with served() as (client, upstream):
        await ask(client, model="entra", messages=HELLO, stream=False)
        tokens = len(upstream.forms)
        upstream.valid.clear()
        again = await ask(client, model="entra", messages=HELLO, stream=True)
        assert again.choices[0].message.content == "hello there"
        assert len(upstream.forms) == tokens + 1


async def test_39_a_sign_in_service_that_is_down_is_an_outage_and_not_the_callers_fault() -> None:
    async with served(*[(503, {})] * 9) as (client, upstream):
        with pytest.raises(openai.InternalServerError) as raised:
            await ask(client, model="entra", messages=HELLO, stream=False)
        assert (raised.value.status_code, raised.value.type) == (503, "upstream_auth_error")
        assert (await ask(client, model="key", messages=HELLO, stream=False)).model == MODEL
        upstream.token_failures.clear()


async def test_39_a_wrong_secret_is_the_operators_fault(capfd: pytest.CaptureFixture[str]) -> None:
    async with served() as (client, _):
        with pytest.raises(openai.PermissionDeniedError) as raised:
            await ask(client, model="wrong", messages=HELLO, stream=False)
    assert raised.value.type == "upstream_auth_error"
    assert raised.value.response.headers["x-should-retry"] == "false"
    told = capfd.readouterr().err
    assert "AADSTS7000215" in told
    for hidden in (CANARY, TENANT, CLIENT):
        assert hidden not in raised.value.response.text
        assert hidden not in told
