"""The simulator is accepted because Anthropic's own client reads it: whole, streamed, and refused."""

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic
from tests.simulators.anthropic import KEY, Simulator, simulator

TOOLS: Any = [
    {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}},
    {"name": "get_time", "input_schema": {"type": "object", "properties": {}}},
]
ASK = 'call get_weather {"city": "Oslo"}\ncall get_weather {"city": "Åre"}\ncall get_time'
THINK: Any = {"type": "adaptive"}


@pytest.fixture
async def upstream() -> AsyncIterator[Simulator]:
    async with simulator() as running:
        yield running


def client(upstream: Simulator, key: str = KEY) -> AsyncAnthropic:
    return AsyncAnthropic(base_url=upstream.url, api_key=key, max_retries=0)


async def test_the_official_client_reads_a_whole_answer_and_a_stream_alike(upstream: Simulator) -> None:
    call: dict[str, Any] = {"model": "claude-sonnet-4-6", "max_tokens": 99, "tools": TOOLS, "thinking": THINK}
    messages: Any = [{"role": "user", "content": ASK}]
    async with client(upstream) as sdk:
        whole = await sdk.messages.create(messages=messages, **call)
        async with sdk.messages.stream(messages=messages, **call) as stream:
            streamed = await stream.get_final_message()
        assert streamed.to_dict() == whole.to_dict()
        assert [block.type for block in whole.content] == [
            "thinking", "redacted_thinking", "text", "tool_use", "tool_use", "tool_use",
        ]  # fmt: skip
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": "4 C"}
            for block in whole.content
            if block.type == "tool_use"
        ]
        history: Any = [
            *messages,
            {"role": "assistant", "content": whole.content},
            {"role": "user", "content": results},
        ]
        last = await sdk.messages.create(messages=history, **call)
    assert "".join(block.text for block in last.content if block.type == "text") == "Results: 4 C; 4 C; 4 C … klart."


@pytest.mark.parametrize(
    ("model", "error"),
    [("claude-overloaded", 529), ("claude-limited", 429), ("claude-nope", 404)],
)
async def test_the_official_client_knows_its_errors(upstream: Simulator, model: str, error: int) -> None:
    async with client(upstream) as sdk:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await sdk.messages.create(model=model, max_tokens=9, messages=[{"role": "user", "content": "x"}])
    assert (caught.value.status_code, caught.value.request_id) == (error, "req_sim")


async def test_it_refuses_a_wrong_key_and_breaks_streams(upstream: Simulator) -> None:
    messages: Any = [{"role": "user", "content": "hello there"}]
    async with client(upstream, "wrong") as sdk:
        with pytest.raises(anthropic.AuthenticationError):
            await sdk.messages.create(model="claude-sonnet-4-6", max_tokens=9, messages=messages)
    async with (
        client(upstream) as sdk,
        sdk.messages.stream(model="claude-broken", max_tokens=9, messages=messages) as stream,
    ):
        with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            await stream.get_final_message()


BAD: list[tuple[dict[str, Any], str]] = [
    ({"temperature": 0.5}, "temperature: Extra inputs"),
    ({"messages": []}, "at least one message"),
    ({"messages": [{"role": "assistant", "content": "x"}]}, "first message"),
    ({"messages": [{"role": "user", "content": " "}]}, "non-whitespace"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "colour": 1}]}]}, "messages.0"),
    ({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}]}, "unexpected"),
    ({"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}, "pattern"),
    ({"tools": [{"type": "computer_20250124", "name": "computer"}]}, "tag"),
    ({"tool_choice": {"type": "any"}}, "providing tools"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "must be greater"),
    ({"stop_sequences": [" "]}, "stop_sequences"),
    ({"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}, "additionalProperties"),
    ({"output_config": {"effort": "huge"}}, "effort"),
]


@pytest.mark.parametrize(("change", "says"), BAD, ids=[says for _, says in BAD])
async def test_it_refuses_what_the_api_refuses(upstream: Simulator, change: dict[str, Any], says: str) -> None:
    body = {"model": "claude-sonnet-4-6", "max_tokens": 99, "messages": [{"role": "user", "content": "x"}], **change}
    async with client(upstream) as sdk:
        with pytest.raises(anthropic.BadRequestError, match=says):
            await sdk.post("/v1/messages", body=body, cast_to=object)
