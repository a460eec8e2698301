"""The Anthropic client in front of `xmc serve` as a process, behind which a simulator checks all that it is sent.

Everything is asked of the gateway and, as a control, of the simulator itself: both must say the same.
"""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic
from anthropic.types import Message
from anyio.to_thread import run_sync
from tests.clients.gateway import endpoint, make_principal, serving
from tests.simulators.anthropic import KEY, Simulator, simulator

ASK: dict[str, Any] = {"model": "claude", "max_tokens": 2000, "messages": [{"role": "user", "content": "hi"}]}
TOOLS: list[dict[str, Any]] = [
    {"name": "weather", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}},
    {"name": "clock", "input_schema": {"type": "object"}},
]
TALK: dict[str, Any] = {
    **ASK,
    "tools": TOOLS,
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "messages": [
        {"role": "user", "content": 'call weather {"city": "Luleå"}\ncall weather {"city": "Rome"}\ncall clock'}
    ],
}


@pytest.fixture
async def upstream() -> AsyncIterator[Simulator]:
    async with simulator() as running:
        yield running


def claude(base: str, model: str = "claude-sonnet-4-6") -> dict[str, Any]:
    return {
        "name": "sonnet",
        "external_model": {
            "name": model,
            "provider": "anthropic",
            "task": "llm/v1/chat",
            "anthropic_config": {"anthropic_api_key": "{{secrets/sim/key}}", "anthropic_api_base": base},
        },
    }


async def test_who_may_call_what_is_said_and_what_is_logged(tmp_path: Path, upstream: Simulator) -> None:
    def use() -> None:
        alice, entry = make_principal("alice")
        bob, other = make_principal("bob", "--endpoint", "elsewhere")
        spec = {
            "secrets": {"stores": {"here": {"kind": "env"}}, "default": "here"},
            "principals": [entry, other],
            "endpoints": [endpoint(name, claude(upstream.url)) for name in ("claude", "elsewhere")],
        }
        with serving(spec, tmp_path, {"SIM_KEY": KEY}) as (url, log):
            base = f"{url}/ai-gateway/anthropic"
            with Anthropic(base_url=base, max_retries=0, timeout=20, api_key=alice) as client:
                said = talk(client, "claude")
                # Older clients send the key so.
                old: dict[str, str | anthropic.Omit] = {"x-api-key": alice, "Authorization": anthropic.Omit()}
                client.messages.create(**ASK, extra_headers=old)
            with Anthropic(base_url=base, max_retries=0, timeout=20, api_key=None, auth_token=alice) as client:
                assert client.messages.create(**ASK).content[0].to_dict() == {"type": "text", "text": "Echo 🦌: hi"}
            refused(base, "xmc_aaaaaaaa_" + 43 * "A", anthropic.AuthenticationError, "authentication_error")
            refused(base, bob, anthropic.PermissionDeniedError, "permission_error")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert [line["status"] for line in lines] == [*[200] * 6, 401, 403]
        assert {line["route"] for line in lines} == {"messages"}
        assert all(line["prompt_tokens"] and line["completion_tokens"] for line in lines[:6])
        assert alice not in log.read_text()
        with Anthropic(base_url=upstream.url, api_key=KEY, timeout=20) as client:
            assert talk(client, "claude-sonnet-4-6") == said

    await run_sync(use)
    ours, past_it = upstream.seen[:6], upstream.seen[6:]
    assert {seen.headers.get("x-api-key") for seen in ours} == {KEY}
    assert not any("authorization" in seen.headers for seen in ours)
    assert [seen.body for seen in ours[:4]] == [seen.body for seen in past_it]
    versions = {seen.headers["anthropic-version"] for seen in upstream.seen}
    assert len(versions) == 1


def talk(client: Anthropic, model: str) -> list[Any]:
    """Hold a conversation of two turns with parallel calls and thinking, plain and streamed; return all answers."""

    def plain(**body: Any) -> Message:
        made: Message = client.messages.create(**body)
        return made

    def streamed(**body: Any) -> Message:
        with client.messages.stream(**body) as stream:
            return stream.get_final_message()

    said: list[Any] = []
    for create in (plain, streamed):
        said += two_turns(create, {**TALK, "model": model})
    return said


def two_turns(create: Callable[..., Message], body: dict[str, Any]) -> list[Any]:
    first = create(**body)
    calls = [block for block in first.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"city": "Luleå"}, {"city": "Rome"}, {}]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": call.name} for call in calls]
    history = [
        *body["messages"],
        {"role": "assistant", "content": [block.to_dict() for block in first.content]},
        {"role": "user", "content": results},
    ]
    second = create(**{**body, "messages": history})
    # The simulator takes back only thinking that it has signed, and only whole sets of results.
    assert second.content[-2].to_dict() == {"type": "text", "text": "Results: weather; weather; clock "}
    return [first.to_dict(), second.to_dict()]


def refused(base: str, token: str, kind: type[anthropic.APIStatusError], named: str) -> None:
    with Anthropic(base_url=base, api_key=token, max_retries=0, timeout=20) as client, pytest.raises(kind) as caught:
        client.messages.create(**ASK)
    assert caught.value.type == named
    assert token not in str(caught.value.body)
