"""The official Anthropic client for Python, unchanged, in front of the gateway: nothing of a message is lost.

The upstream is scripted with recorded bytes, so that both directions can be compared byte for byte.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic
from tests.gateways import CANARY, Running, endpoint, running, table, target
from tests.plugins import recorded
from tests.upstreams import (
    END,
    Cut,
    Dribble,
    Hang,
    Script,
    Scripted,
    Wait,
    answer,
    json_answer,
    piece,
    scripted,
    stream_head,
)

from xmc.plugins import EntitySpec, Slot, build_plugins
from xmc.schema import Serving, Target, Task, Timeouts

ROOT = "/ai-gateway/anthropic"
ASK: dict[str, Any] = {"model": "claude", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]}
STREAM: dict[str, Any] = {**ASK, "stream": True}
BASIC = recorded.read("anthropic/chat-basic.response.sse")
THINKING = recorded.read("anthropic/chat-thinking-tools.response.sse")
WHOLE = recorded.read("anthropic/chat-basic.response.json")
CUT_AT = BASIC.index(b"event: content_block_stop")
UPSTREAM_ID = ("request-id", "req_upstream")


@dataclass(frozen=True)
class Served:
    """A gateway in front of a scripted upstream, and a client of each kind."""

    gateway: Running
    upstream: Scripted
    client: AsyncAnthropic
    sync: Anthropic


def claude(url: str, task: Task = Task.CHAT) -> Target:
    provider = build_plugins().providers["anthropic"]
    config = {"anthropic_api_key": Slot("scope/key"), "anthropic_api_base": url}
    made = provider.link(EntitySpec("claude", "e0", "claude-sonnet-4-6", task, config)).target
    assert made is not None
    return made


@asynccontextmanager
async def serving(*scripts: Script, serve: Serving | None = None) -> AsyncIterator[Served]:
    async with scripted(*scripts) as upstream:
        endpoints = (
            endpoint("claude", claude(upstream.url), serving=serve),
            endpoint("text", claude(upstream.url, Task.COMPLETIONS)),
            endpoint("gpt", target(upstream.url)),
        )
        async with running(table(*endpoints), plugins=build_plugins()) as gateway:
            url = gateway.url + ROOT
            client = AsyncAnthropic(base_url=url, api_key="none", max_retries=0, timeout=10)
            sync = Anthropic(base_url=url, auth_token="none", api_key=None, max_retries=0, timeout=10)
            try:
                yield Served(gateway, upstream, client, sync)
            finally:
                await client.close()
                sync.close()


def streamed(data: bytes, size: int = 1 << 20) -> Script:
    pieces = b"".join(piece(data[start : start + size]) for start in range(0, len(data), size))
    return [stream_head(headers=[UPSTREAM_ID]), Dribble(pieces, 1 << 14), END]


async def test_a_message_and_its_answer_pass() -> None:
    async with serving([answer(WHOLE, headers=[("content-type", "application/json"), UPSTREAM_ID])]) as served:
        reply = await served.client.messages.with_raw_response.create(**ASK)
        again = await asyncio.to_thread(lambda: served.sync.messages.create(**ASK))
        await served.gateway.recorded(2)
    message = await reply.parse()
    assert message.to_dict() == json.loads(WHOLE) == again.to_dict()
    sent = served.upstream.requests[0]
    assert (sent.method, sent.path) == ("POST", "/v1/messages")
    assert sent.json() == {**ASK, "model": "claude-sonnet-4-6"}
    assert sent.headers["x-api-key"] == CANARY
    assert "authorization" not in sent.headers
    assert sent.headers["anthropic-version"] == anthropic._constants.ANTHROPIC_API_VERSION
    assert reply.headers["served-model-name"] == "e0"
    assert reply.headers["x-upstream-request-id"] == "req_upstream"
    record = served.gateway.records[0]
    assert (record.route, record.endpoint, record.entity) == ("messages", "claude", "e0")
    assert reply.headers["request-id"] == record.request_id
    usage = json.loads(WHOLE)["usage"]
    assert (record.prompt_tokens, record.completion_tokens) == (usage["input_tokens"], usage["output_tokens"])


RICH: dict[str, Any] = {
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "system": [{"type": "text", "text": "å \U0001f600", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "model": "claude",
    "max_tokens": 2048,
    "temperature": 1.0,
    "tools": [
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
        {"name": "f", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}, "novel": [None]},
    ],
    "messages": [
        {
            "role": "user",
            "content": [{"type": "document", "source": {"type": "file", "file_id": "f"}, "citations": {}}],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "…", "signature": "c2ln/+=="},
                {"type": "redacted_thinking", "data": "b3BhcXVl"},
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"b": 1, "a": 1.50}},
                {"type": "block_of_next_year", "value": {"z": 1, "a": 123456789012345678901234567890}},
            ],
        },
        {"role": "user", "content": "and?"},
    ],
    "field_of_next_year": {"deep": [1, 2.5, None, True]},
}
ANSWER = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"\\u00e5",'
    b'"citations":[{"type":"char_location","cited_text":"a","start_char_index":0}]} , {"type":"novel","n":1e2}],\n'
    b' "stop_reason":"pause_turn","stop_sequence":null,"usage":{"input_tokens":3,"cache_creation_input_tokens":50,'
    b'"cache_read_input_tokens":100,"output_tokens":2,"server_tool_use":{"web_search_requests":1}},"novelty":{}}'
)


async def test_everything_that_xmc_does_not_know_is_intact_both_ways() -> None:
    async with serving([answer(ANSWER, headers=[("content-type", "application/json")])]) as served:
        async with served.gateway.client() as http, http.post(f"{ROOT}/v1/messages", json=RICH) as reply:
            assert await reply.read() == ANSWER
        await served.gateway.recorded()
    sent = json.loads(served.upstream.requests[0].body)
    assert sent == {**RICH, "model": "claude-sonnet-4-6"}
    # Also the order of keys: the provider's cache is one of prefixes.
    assert json.dumps(sent) == json.dumps({**RICH, "model": "claude-sonnet-4-6"})
    record = served.gateway.records[0]
    assert (record.prompt_tokens, record.completion_tokens) == (153, 2)


@pytest.mark.parametrize("data", [BASIC, THINKING], ids=["basic", "thinking-tools"])
@pytest.mark.parametrize("size", [1, 7, 300, 1 << 20])
async def test_a_stream_passes_byte_for_byte(data: bytes, size: int) -> None:
    async with serving(streamed(data, size)) as served:
        async with served.gateway.client() as http, http.post(f"{ROOT}/v1/messages", json=STREAM) as reply:
            assert reply.content_type == "text/event-stream"
            assert await reply.read() == data
        await served.gateway.recorded()
    record = served.gateway.records[0]
    assert (record.outcome, record.streamed) == ("ok", True)
    assert (record.prompt_tokens, record.completion_tokens) == ((21, 9) if data is BASIC else (121, 77))


async def test_the_stream_helper_and_raw_events() -> None:
    async with serving(streamed(BASIC)) as served:
        async with served.client.messages.stream(**ASK) as stream:
            assert "".join([text async for text in stream.text_stream]) == "The Pacific."
            final = await stream.get_final_message()
        assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 9)
        kinds = [event.type async for event in await served.client.messages.create(**STREAM)]
        assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")

        def read() -> str:
            with served.sync.messages.stream(**ASK) as stream:
                return stream.get_final_text()

        assert await asyncio.to_thread(read) == "The Pacific."


async def test_a_second_turn_with_parallel_results_carries_the_signature_back() -> None:
    async with serving(streamed(THINKING), streamed(BASIC)) as served:
        async with served.client.messages.stream(**ASK) as stream:
            first = await stream.get_final_message()
        calls = [block for block in first.content if block.type == "tool_use"]
        assert [call.input for call in calls] == [{"city": "Oslo"}, {}]
        turns: list[Any] = [
            *ASK["messages"],
            {"role": "assistant", "content": first.content},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": call.id, "content": "4 C", "is_error": index == 1}
                    for index, call in enumerate(calls)
                ],
            },
        ]
        async with served.client.messages.stream(**{**ASK, "messages": turns}) as stream:
            assert await stream.get_final_text() == "The Pacific."
    _, assistant, results = served.upstream.requests[1].json()["messages"]
    thought = assistant["content"][0]
    assert (thought["thinking"], thought["signature"]) == ("Two cities and a clock.", "c2lnbmF0dXJl")
    assert [(part["tool_use_id"], part["is_error"]) for part in results["content"]] == [
        ("toolu_01", False),
        ("toolu_03", True),
    ]


ERRORS: dict[int, tuple[type[anthropic.APIStatusError], int, str]] = {
    400: (anthropic.BadRequestError, 400, "invalid_request_error"),
    401: (anthropic.PermissionDeniedError, 403, "permission_error"),
    404: (anthropic.NotFoundError, 404, "not_found_error"),
    413: (anthropic.APIStatusError, 413, "request_too_large"),
    429: (anthropic.RateLimitError, 429, "rate_limit_error"),
    529: (anthropic.OverloadedError, 529, "overloaded_error"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", ERRORS)
async def test_errors_of_the_upstream_are_the_clients_own_classes(status: int, stream: bool) -> None:
    kind, ours, named = ERRORS[status]
    body = recorded.read(f"anthropic/chat-error-{status}.response.json")
    headers = [("content-type", "application/json"), ("retry-after", "7"), ("anthropic-ratelimit-requests-limit", "50")]
    async with serving([answer(body, status, headers)]) as served:
        with pytest.raises(kind) as caught:
            await served.client.messages.create(**ASK, stream=stream)
        await served.gateway.recorded()
    error = caught.value
    assert (error.status_code, error.type) == (ours, named)
    assert error.request_id == served.gateway.records[0].request_id
    assert error.response.headers["anthropic-ratelimit-requests-limit"] == "50"
    if status == 401:  # about our own key: it is not told what the upstream said, and another try does not help
        assert error.api_message is not None
        assert "'e0'" in error.api_message
        assert error.response.headers["x-should-retry"] == "false"
    else:
        assert error.api_message == json.loads(body)["error"]["message"]
        assert error.response.headers["retry-after"] == "7"
    assert CANARY not in str(error.body)


async def test_a_403_about_the_model_stays_one() -> None:
    body = {"type": "error", "error": {"type": "permission_error", "message": "no access to this model"}}
    async with serving([json_answer(body, 403)]) as served:
        with pytest.raises(anthropic.PermissionDeniedError, match="no access to this model") as caught:
            await served.client.messages.create(**ASK)
    assert caught.value.type == "permission_error"


async def test_mistakes_are_answered_in_the_clients_form() -> None:
    async with serving([answer(WHOLE)]) as served:
        create = served.client.messages.create
        with pytest.raises(anthropic.NotFoundError, match="no endpoint named 'nope'"):
            await create(**{**ASK, "model": "nope"})
        with pytest.raises(anthropic.BadRequestError, match=r"'e0' of the endpoint 'gpt' .*/chat/completions"):
            await create(**{**ASK, "model": "gpt"})
        with pytest.raises(anthropic.BadRequestError, match="serves llm/v1/completions"):
            await create(**{**ASK, "model": "text"})
        with pytest.raises(anthropic.BadRequestError, match="'messages' must be an array"):
            await create(**{**ASK, "messages": []})
        with pytest.raises(anthropic.BadRequestError, match="is not a date"):
            await create(**ASK, extra_headers={"anthropic-version": "new"})
        with pytest.raises(anthropic.NotFoundError, match="does not count tokens"):
            await served.client.messages.count_tokens(model="claude", messages=ASK["messages"])
        with pytest.raises(anthropic.NotFoundError, match="there is nothing at") as caught:
            await served.client.models.list()
    assert caught.value.type == "not_found_error"
    assert served.upstream.requests == []


async def test_betas_on_the_list_go_on_and_others_are_named() -> None:
    async with serving([answer(WHOLE, headers=[("content-type", "application/json")])]) as served:
        reply = await served.client.beta.messages.with_raw_response.create(
            **ASK, betas=["interleaved-thinking-2025-05-14", "not-on-the-list-2020-01-01"]
        )
        with pytest.raises(anthropic.BadRequestError, match="not a list of names"):
            await served.client.messages.create(**ASK, extra_headers={"anthropic-beta": "a b"})
    assert served.upstream.requests[0].headers["anthropic-beta"] == "interleaved-thinking-2025-05-14"
    assert reply.headers["x-xmc-dropped"] == "anthropic-beta:not-on-the-list-2020-01-01"


async def test_a_header_that_is_sent_twice_is_one_list_and_no_other_header_goes_on() -> None:
    headers = [
        ("anthropic-beta", "files-api-2025-04-14"),
        ("Anthropic-Beta", "context-1m-2025-08-07"),
        ("cookie", "a=b"),
        ("x-secret", "s"),
    ]
    script = [answer(WHOLE, headers=[("content-type", "application/json")])]
    async with serving(script) as served, served.gateway.client(headers=headers) as http:
        reply = await http.post(f"{ROOT}/v1/messages", json=ASK)
        assert reply.status == 200
    sent = served.upstream.requests[0].headers
    assert sent["anthropic-beta"] == "files-api-2025-04-14,context-1m-2025-08-07"
    assert sent["anthropic-version"] == "2023-06-01"
    assert not {"cookie", "x-secret", "x-request-id"} & set(sent)


FAILING: dict[str, tuple[Script, str]] = {
    "error": ([*streamed(recorded.read("anthropic/chat-error-midstream.response.sse"))], "overloaded_error"),
    "cut": ([stream_head(), piece(BASIC[:CUT_AT]), Cut()], "api_error"),
    "ended": ([stream_head(), piece(BASIC[:CUT_AT]), END], "api_error"),
    "cut-after-the-end": ([stream_head(), piece(BASIC), Cut()], "api_error"),
    "silent": ([stream_head(), piece(BASIC[:CUT_AT]), Hang()], "timeout_error"),
    "garbage": ([stream_head(), piece(BASIC[:CUT_AT] + b"data: garbage\n\n"), END], "api_error"),
}


@pytest.mark.parametrize("fault", FAILING)
async def test_a_stream_that_fails_raises_in_the_client(fault: str) -> None:
    script, named = FAILING[fault]
    kinds: list[str] = []
    async with serving(script, serve=Serving(timeouts=Timeouts(idle_ms=300))) as served:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await watch(served.client, kinds)
        await served.gateway.recorded()
        assert caught.value.type == named
        assert kinds[0] == "message_start"
        assert "message_stop" not in kinds
        record = served.gateway.records[0]
        assert (record.outcome, record.status) == ("cut", 200)
        # The bytes say it too: one error event, last, and an HTTP message without an end.
        async with served.gateway.client() as http, http.post(f"{ROOT}/v1/messages", json=STREAM) as reply:
            got, whole = await read_all(reply)
    assert not whole
    assert got.count(b"event: error\n") == 1
    assert recorded.events_of(got)[-1].kind == "error"


async def watch(client: AsyncAnthropic, kinds: list[str]) -> None:
    async for event in await client.messages.create(**STREAM):
        kinds.append(event.type)  # noqa: PERF401 - what came before a failure is wanted


async def read_all(reply: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """Return what came, and whether the HTTP message was whole."""
    got = b""
    try:
        async for data in reply.content.iter_any():
            got += data
    except aiohttp.ClientPayloadError:
        return got, False
    return got, True


@pytest.mark.parametrize("ping", [b"", b'event: ping\ndata: {"type":"ping"}\n\n'], ids=["first", "behind-a-ping"])
async def test_an_error_before_the_message_has_its_status(ping: bytes) -> None:
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    async with serving([stream_head(), piece(ping + error), END]) as served:
        with pytest.raises(anthropic.OverloadedError, match="Overloaded") as caught:
            await served.client.messages.create(**ASK, stream=True)
    assert caught.value.status_code == 529


async def test_blank_lines_while_nothing_comes_do_no_harm() -> None:
    begin = asyncio.Event()
    async with serving([stream_head(), Wait(begin), piece(BASIC), END], serve=Serving(hold_ms=20)) as served:
        stream = await served.client.messages.create(**ASK, stream=True)
        begin.set()
        assert [event.type async for event in stream][-1] == "message_stop"


async def test_a_whole_answer_in_place_of_a_stream_is_streamed() -> None:
    script = [answer(WHOLE, headers=[("content-type", "application/json")])]
    async with serving(script) as served, served.client.messages.stream(**ASK) as stream:
        final = await stream.get_final_message()
    assert final.to_dict()["content"] == json.loads(WHOLE)["content"]


async def test_a_client_that_leaves_lets_the_upstream_go() -> None:
    async with serving([stream_head(), piece(BASIC[:CUT_AT]), Hang()]) as served:
        stream = await served.client.messages.create(**ASK, stream=True)
        assert (await anext(aiter(stream))).type == "message_start"
        await stream.close()
        await served.upstream.left()
        await served.gateway.recorded()
    assert served.gateway.records[0].outcome == "cancelled"
