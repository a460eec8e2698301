"""Conversations of OpenAI's own client with the simulated service, through a gateway over real HTTP."""

import asyncio
import base64
import json
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from tests.gateways import Running, endpoint, running, table
from tests.plugins.anthropic.test_gateway import ask
from tests.providers import PLUGINS
from tests.simulators.google_tokens import EMAIL, account, pem
from tests.simulators.vertex import HANGS, PROJECT, REGION, Simulator, simulator
from tests.simulators.vertex_rules import SIGNATURE, SKIP

from xmc.plugins import EntitySpec, Slot, build_plugins
from xmc.plugins.google_cloud_vertex_ai import VERTEX
from xmc.schema import Target, Task

GEMINI = ("gemini-2.5-flash", "gemini-3.5-flash", "gemini-4-x", HANGS, "gemini-2-breaks", "gemini-2-cut")
FAILING = ("denied", "nope", "limited", "failed", "down", "late", "blocked", "unsafe")
CLAUDES = ("claude-sonnet-4-6", "claude-opus-4-5@20251101", "claude-nope", "claude-limited")
PARTNER = "meta/llama-4-scout-maas"
SCHEMA: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": False}
TOOLS: Any = [
    {"type": "function", "function": {"name": "2weather", "parameters": SCHEMA, "strict": True}},
    {"type": "function", "function": {"name": "get_time", "parameters": None}},
]
HELLO: Any = [{"role": "user", "content": "hello there"}]


def target(upstream: Simulator, model: str, task: Task = Task.CHAT, **config: Any) -> Target:
    given = {
        "project_id": PROJECT,
        "region": REGION,
        "private_key": Slot("gcp/key"),
        "token_uri": upstream.token_uri,
        "vertex_api_base": upstream.url,
        **config,
    }
    found = VERTEX.link(EntitySpec("e", "n", model, task, given))
    assert found.target is not None, found.findings
    return found.target


@asynccontextmanager
async def served() -> AsyncIterator[tuple[AsyncOpenAI, Simulator, Running]]:
    async with simulator() as upstream:
        failing = [endpoint(one, target(upstream, f"gemini-2-{one}")) for one in FAILING]
        chats = [endpoint(one.replace("@", "-"), target(upstream, one)) for one in (*GEMINI, *CLAUDES)]
        pemmed = target(upstream, GEMINI[0], private_key=Slot("gcp/pem"), client_email=EMAIL)
        others = [
            endpoint("partner", target(upstream, PARTNER)),
            endpoint("partner-text", target(upstream, PARTNER, Task.COMPLETIONS)),
            endpoint("partner-embeddings", target(upstream, "intfloat/e5-maas", Task.EMBEDDINGS)),
            endpoint("text", target(upstream, GEMINI[0], Task.COMPLETIONS)),
            endpoint("claude-text", target(upstream, CLAUDES[0], Task.COMPLETIONS)),
            endpoint("predict", target(upstream, "text-embedding-005", Task.EMBEDDINGS)),
            endpoint("embed", target(upstream, "gemini-embedding-2", Task.EMBEDDINGS)),
            endpoint("pem", pemmed),
            endpoint("wrong", target(upstream, GEMINI[0], private_key=Slot("gcp/wrong"))),
        ]
        secrets = {
            "gcp/key": account(token_uri=upstream.token_uri),
            "gcp/pem": pem(),
            "gcp/wrong": account(token_uri=upstream.token_uri, client_email="other@nowhere.test"),
        }
        made = table(*failing, *chats, *others, slots=tuple(secrets))
        async with (
            running(made, plugins=build_plugins(PLUGINS), secrets=secrets) as gateway,
            AsyncOpenAI(base_url=f"{gateway.url}/serving-endpoints", api_key="none", max_retries=0) as client,
        ):
            yield client, upstream, gateway


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3.5-flash", "claude-sonnet-4-6", "partner"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_two_turns_with_parallel_calls(model: str, stream: bool) -> None:
    async with served() as (client, upstream, _):
        name = await sent_name(client, upstream, model)
        asked = f'call {name} {{"city": "Oslo"}}\ncall get_time\ncall {name} {{"city": "Oslo"}}'
        messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": asked}]
        call = {"model": model, "tools": TOOLS, "stream": stream}
        effort: dict[str, Any] = {} if model == "partner" else {"reasoning_effort": "low"}
        first = await ask(client, messages=messages, **effort, **call)
        message = first.choices[0].message
        calls: list[Any] = message.tool_calls or []
        assert first.choices[0].finish_reason == "tool_calls"
        assert [(one.function.name, json.loads(one.function.arguments)) for one in calls] == [
            ("2weather", {"city": "Oslo"}), ("get_time", {}), ("2weather", {"city": "Oslo"}),
        ]  # fmt: skip
        assert len({one.id for one in calls}) == 3
        assert (message.model_dump().get("reasoning_content") is not None) is (model != "partner")
        assert first.usage is not None
        assert first.usage.total_tokens >= first.usage.prompt_tokens + first.usage.completion_tokens
        results = [{"role": "tool", "tool_call_id": one.id, "content": f"r{n}"} for n, one in enumerate(calls)]
        more = {"role": "user", "content": "and now?"}
        history: Any = [*messages, message.model_dump(exclude_none=True), *results]
        last = await ask(client, messages=history, **call)
        later = await ask(client, messages=[*history, more], **call) if model.startswith("gemini") else last
    said = last.choices[0].message.content or ""
    assert [said.find(f"r{n}") > 0 for n in range(3)] == [True] * 3
    assert last.choices[0].finish_reason == "stop"
    if model.startswith("gemini"):
        assert later.choices[0].message.content == "Echo 🦌: and now?"
        contents = upstream.seen[-1].body["contents"]
        assert [next(iter(part)) for part in contents[2]["parts"]] == ["functionResponse"] * 3
        signatures = [part.get("thoughtSignature") for part in contents[1]["parts"]]
        assert signatures == [None, SIGNATURE if model == "gemini-3.5-flash" else None, None, None]


async def sent_name(client: AsyncOpenAI, upstream: Simulator, model: str) -> str:
    """Return the name under which the service knows the first tool."""
    await client.chat.completions.create(model=model, messages=HELLO, tools=TOOLS)
    tool = upstream.seen[-1].body["tools"][0]
    name: str = (tool.get("functionDeclarations") or [tool.get("function") or tool])[0]["name"]
    return name


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_24_calls_of_another_model_pass_as_unsigned(stream: bool) -> None:
    """Ids and names of another provider's, and a client that keeps nothing it does not know."""
    calls = [{"id": f"toolu/{n}", "type": "function", "function": {"name": "a.b", "arguments": ""}} for n in range(2)]
    results = [
        {"role": "tool", "tool_call_id": f"toolu/{n}", "content": text} for n, text in enumerate(('{"a": 1}', "[1]"))
    ]
    messages: Any = [*HELLO, {"role": "assistant", "content": "", "tool_calls": calls}, *results]
    async with served() as (client, upstream, _):
        answer = await ask(client, model="gemini-3.5-flash", messages=messages, stream=stream)
    assert answer.choices[0].message.content is not None
    contents = upstream.seen[-1].body["contents"]
    assert [part.get("thoughtSignature") for part in contents[1]["parts"]] == [SKIP, None]
    assert [part["functionResponse"]["response"] for part in contents[2]["parts"]] == [{"a": 1}, {"result": [1]}]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_structured_output_logprobs_and_several_candidates(stream: bool) -> None:
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}
    async with served() as (client, _, _gateway):
        answer = await ask(
            client, model="gemini-2.5-flash", messages=HELLO, stream=stream, response_format=wanted, n=2, max_tokens=50
        )
        told = await ask(
            client,
            model="gemini-2.5-flash",
            messages=HELLO,
            stream=stream,
            logprobs=True,
            top_logprobs=1,
            temperature=2,
        )
    assert [json.loads(choice.message.content or "") for choice in answer.choices] == [{"city": "Oslo"}] * 2
    logprobs: Any = told.choices[0].logprobs
    assert [one.token for one in logprobs.content] == ["Echo", "🦌:", "hello", "there"]
    assert logprobs.content[0].top_logprobs[0].logprob == -0.5


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_22_what_is_blocked_ends_as_such(stream: bool) -> None:
    async with served() as (client, _, _gateway):
        blocked = await ask(client, model="blocked", messages=HELLO, stream=stream)
        unsafe = await ask(client, model="unsafe", messages=HELLO, stream=stream)
    assert [one.choices[0].finish_reason for one in (blocked, unsafe)] == ["content_filter"] * 2
    assert blocked.choices[0].message.refusal == "The prompt was blocked."
    assert not blocked.choices[0].message.content
    assert not unsafe.choices[0].message.content
    if not stream:  # the client's own helper for streams does not keep it
        assert unsafe.choices[0].model_dump()["native_finish_reason"] == "SAFETY"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("denied", 403, "PERMISSION_DENIED"),
        ("nope", 404, "NOT_FOUND"),
        ("limited", 429, "RESOURCE_EXHAUSTED"),
        ("failed", 500, "INTERNAL"),
        ("down", 503, "UNAVAILABLE"),
        ("late", 504, "DEADLINE_EXCEEDED"),
        ("claude-nope", 404, "NOT_FOUND"),
        ("claude-limited", 429, None),
    ],
)
async def test_29_errors_keep_their_names(model: str, status: int, code: str | None, stream: bool) -> None:
    async with served() as (client, _, _gateway):
        with pytest.raises(openai.APIStatusError) as raised:
            await ask(client, model=model, messages=HELLO, stream=stream)
    error: Any = raised.value.body
    assert raised.value.status_code == status
    if code is None:
        assert error["type"] == "rate_limit_error"
    else:
        assert error["code"] == code
        assert error["innererror"][0]["reason"] == code


@pytest.mark.parametrize("kind", ["breaks", "cut"])
async def test_12_a_stream_that_breaks_is_seen_to_break(kind: str) -> None:
    request = {"model": f"gemini-2-{kind}", "messages": HELLO, "stream": True}
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
    assert b"Echo" in got
    assert b'"error"' in got.splitlines()[-2]
    assert b"[DONE]" not in got


async def test_39_a_client_that_leaves_lets_the_service_go() -> None:
    async with served() as (client, upstream, _):
        stream: Any = await client.chat.completions.create(model=HANGS, messages=HELLO, stream=True)
        await anext(stream)
        await stream.close()
        async with asyncio.timeout(1):
            await upstream.left.wait()


# --- credentials -----------------------------------------------------------------------------------------------------


async def test_35_many_requests_share_one_token_and_a_revoked_one_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xmc.runtime.credentials._FRESH_S", 0.0)
    async with served() as (client, upstream, _):
        async with asyncio.TaskGroup() as group:
            for model in ("gemini-2.5-flash", "gemini-3.5-flash", "claude-sonnet-4-6", "partner"):
                for _one in range(5):
                    group.create_task(client.chat.completions.create(model=model, messages=HELLO))
        # One for the JSON key, one for the PEM.
        assert len(upstream.tokens.claims) == 2
        upstream.tokens.valid.clear()
        answer = await client.chat.completions.create(model="gemini-2.5-flash", messages=HELLO)
        assert answer.choices[0].message.content == "Echo 🦌: hello there"
        assert len(upstream.tokens.claims) == 3
    assert {claim["iss"] for claim in upstream.tokens.claims} == {EMAIL}


async def test_a_bare_pem_serves() -> None:
    async with served() as (client, _, _gateway):
        answer = await client.chat.completions.create(model="pem", messages=HELLO)
    assert answer.choices[0].finish_reason == "stop"


async def test_35_a_refused_key_and_an_outage_are_told_apart_and_show_no_key(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with served() as (client, upstream, _):
        with pytest.raises(openai.PermissionDeniedError) as refused:
            await client.chat.completions.create(model="wrong", messages=HELLO)
        upstream.tokens.refuses = 503
        upstream.tokens.valid.clear()
        with pytest.raises(openai.APIStatusError) as down:
            await client.chat.completions.create(model="wrong", messages=HELLO)
    for raised, code in ((refused, "upstream_auth_error"), (down, "upstream_auth_unavailable")):
        error: Any = raised.value.body
        assert error["code"] == code
    shown = capsys.readouterr()
    for text in (str(refused.value), str(down.value), shown.out, shown.err):
        assert "PRIVATE KEY" not in text
        assert "ya29" not in text
        assert pem()[40:80] not in text


# --- other tasks and other models ------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["text", "claude-text", "partner-text"])
async def test_completions_are_chats_of_one_question(model: str) -> None:
    async with served() as (client, _, _gateway):
        answer = await client.completions.create(model=model, prompt=["one", "two words"])
        streamed: Any = await client.completions.create(model=model, prompt="three", stream=True)
        pieces = [chunk.choices[0].text async for chunk in streamed]
    assert [choice.text.partition(": ")[2] for choice in answer.choices] == ["one", "two words"]
    assert "".join(pieces).partition(": ")[2] == "three"


@pytest.mark.parametrize(("model", "calls", "counted"), [("predict", 1, 250), ("embed", 250, 250)])
@pytest.mark.parametrize("encoding", ["float", "base64"])
async def test_30_31_many_texts_are_embedded_in_order_and_their_tokens_added_up(
    model: str, calls: int, counted: int, encoding: str
) -> None:
    texts = ["x" * (number + 1) for number in range(250)]
    async with served() as (client, upstream, gateway):
        upstream.slow_s = 0.001
        request = {"model": model, "input": texts, "encoding_format": encoding}
        async with gateway.client() as plain, plain.post("/serving-endpoints/embeddings", json=request) as reply:
            body = await reply.json()
        assert len(upstream.seen) == calls
        more = {"input_type": "search_query", "title": "t", "autoTruncate": False}
        parsed = await client.embeddings.create(model=model, input=texts[:2], dimensions=8, extra_body=more)
        sent = json.dumps(upstream.seen[-1].body)
    rows = [row["embedding"] for row in body["data"]]
    if encoding == "base64":
        rows = [array("f", base64.b64decode(row)).tolist() for row in rows]
    assert [row[0] for row in rows] == [len(text) / 2 for text in texts]
    assert body["usage"] == {"prompt_tokens": counted, "total_tokens": counted}
    assert upstream.at_once <= 8
    assert [len(row.embedding) for row in parsed.data] == [8, 8]
    assert all(word in sent for word in ("RETRIEVAL_QUERY", '"autoTruncate": false', '"title": "t"'))


async def test_251_texts_are_two_calls() -> None:
    async with served() as (client, upstream, _):
        answer = await client.embeddings.create(model="predict", input=["x"] * 251)
    assert len(answer.data) == 251
    assert [len(seen.body["instances"]) for seen in upstream.seen] in ([250, 1], [1, 250])


async def test_embeddings_of_partners() -> None:
    async with served() as (client, _, _gateway):
        answer = await client.embeddings.create(model="partner-embeddings", input=["a", "bcd"])
    assert [row.embedding[0] for row in answer.data] == [0.5, 1.5]


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"input": [[1]]}, "input"),
        ({"input": ["x", ""]}, "input"),
        ({"input": "x", "input_type": "image"}, "input_type"),
    ],
)
async def test_31_inputs_that_mean_nothing_to_the_model_are_refused(request_: dict[str, Any], param: str) -> None:
    async with (
        served() as (_, upstream, gateway),
        gateway.client() as client,
        client.post("/serving-endpoints/embeddings", json={"model": "embed", **request_}) as reply,
    ):
        assert reply.status == 400
        assert (await reply.json())["error"]["param"] == param
    assert upstream.seen == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_claude_takes_images_and_betas_and_names_old_versions(stream: bool) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    messages: Any = [{"role": "user", "content": [image, {"type": "text", "text": "what?"}]}]
    async with served() as (client, upstream, _):
        beta: Any = {"anthropic_beta": ["context-1m-2025-08-07"]}
        answer = await ask(
            client, model="claude-opus-4-5-20251101", messages=messages, stream=stream, extra_body=beta, temperature=0.5
        )
        with pytest.raises(openai.BadRequestError, match="not on the list"):
            await ask(
                client, model="claude-sonnet-4-6", messages=HELLO, stream=stream,
                extra_body={"anthropic_beta": "files-api-2025-04-14"},
            )  # fmt: skip
    assert answer.choices[0].message.content == "Echo 🦌: what?"
    verb = "streamRawPredict" if stream else "rawPredict"
    (seen,) = upstream.seen
    assert seen.path.endswith(f"/publishers/anthropic/models/claude-opus-4-5@20251101:{verb}")
    assert seen.headers["anthropic-beta"] == "context-1m-2025-08-07"
    assert "anthropic-version" not in seen.headers


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_anthropics_own_client_reaches_claude(stream: bool) -> None:
    asked: Any = {"model": "claude-sonnet-4-6", "max_tokens": 64, "messages": HELLO}
    async with (
        served() as (_, upstream, gateway),
        AsyncAnthropic(base_url=f"{gateway.url}/ai-gateway/anthropic", api_key="none", max_retries=0) as client,
    ):
        if stream:
            async with client.messages.stream(**asked) as events:
                message = await events.get_final_message()
        else:
            message = await client.messages.create(**asked)
    assert message.id == "msg_vrtx_01"
    assert upstream.seen[-1].body["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in upstream.seen[-1].body
