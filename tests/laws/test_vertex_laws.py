"""Laws of google-cloud-vertex-ai that those for every provider do not reach: other APIs, and whole conversations."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import strategies
from tests.laws.test_provider_laws import validator
from tests.providers import CASES, CONTEXT, MINIMAL
from tests.simulators.vertex_rules import SKIP, check_content

from xmc.schema import Event, Exchange, ProviderError, Refusal, Response, Task, WireReply

CASE = CASES["google-cloud-vertex-ai"]
bounded = settings(max_examples=40)
OTHERS = [
    ("claude-sonnet-4-6", Task.CHAT),
    ("claude-sonnet-4-6", Task.COMPLETIONS),
    ("meta/llama-4-scout-maas", Task.CHAT),
    ("meta/llama-4-scout-maas", Task.COMPLETIONS),
    ("intfloat/e5-maas", Task.EMBEDDINGS),
    ("gemini-embedding-001", Task.EMBEDDINGS),
]
each_other = pytest.mark.parametrize(("model", "task"), OTHERS)


@each_other
@bounded
@given(request=strategies.near_requests | strategies.json_values)
def test_prepare_never_raises(model: str, task: Task, request: Any) -> None:
    assert isinstance(CASE.adapter(task, model).prepare(request, CONTEXT), Exchange | Refusal)


@each_other
@bounded
@given(
    body=st.binary(max_size=40) | strategies.near_answers.map(lambda value: json.dumps(value).encode()),
    status=st.sampled_from([200, 200, 200, 302, 400, 429, 500]),
)
def test_any_reply_is_a_response_or_an_error(model: str, task: Task, body: bytes, status: int) -> None:
    exchange = CASE.adapter(task, model).prepare(MINIMAL[task], CONTEXT)
    assert isinstance(exchange, Exchange)
    result = exchange.decode([WireReply(status, {}, body)])
    if isinstance(result, Response):
        validator(task, "response").validate(json.loads(json.dumps(result.body)))
    else:
        assert isinstance(result, ProviderError)
        assert result.message


@each_other
@bounded
@given(payloads=st.lists(strategies.near_answers.map(lambda value: json.dumps(value).encode()), max_size=4))
def test_any_event_gives_chunks_or_an_error(model: str, task: Task, payloads: list[bytes]) -> None:
    if task is Task.EMBEDDINGS:
        return
    exchange = CASE.adapter(task, model).prepare({**MINIMAL[task], "stream": True}, CONTEXT)
    assert isinstance(exchange, Exchange)
    assert exchange.decoder is not None
    decoder = exchange.decoder()
    for item in [*(item for payload in payloads for item in decoder.feed(Event(payload))), *decoder.finish()]:
        assert isinstance(item, dict | ProviderError)
        if isinstance(item, dict):
            validator(task, "chunk").validate(item)


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Conversations as OpenAI's clients hold them: every call answered, in any order, by any kind of result."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]
    for turn in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["user", "assistant", "system", "calls"]))
        if kind != "calls":
            messages.append({"role": kind, "content": draw(strategies.texts)})
            continue
        named = draw(st.lists(st.sampled_from(["weather", "a.b", "1st", "x" * 70]), min_size=1, max_size=3))
        calls = [
            {
                "id": f"c{turn}/{n}",
                "type": "function",
                "function": {"name": name, "arguments": draw(st.sampled_from(["", "{}", '{"a": [1]}']))},
            }
            for n, name in enumerate(named)
        ]
        if draw(st.booleans()):
            calls[0]["extra_content"] = {"google": {"thought_signature": SKIP}}
        messages.append({"role": "assistant", "content": draw(st.none() | strategies.texts), "tool_calls": calls})
        results = [
            {
                "role": "tool",
                "tool_call_id": call["id"],
                "content": draw(strategies.json_values.map(json.dumps) | strategies.texts),
            }
            for call in calls
        ]
        messages += draw(st.permutations(results))
    return [*messages, {"role": "user", "content": "and now?"}]


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3.5-flash"])
@settings(max_examples=100)
@given(messages=conversations())
def test_every_conversation_becomes_one_that_the_api_takes(model: str, messages: list[dict[str, Any]]) -> None:
    names = {call["function"]["name"] for one in messages for call in one.get("tool_calls", ())}
    tools = [{"type": "function", "function": {"name": name}} for name in sorted(names)]
    exchange = CASE.adapter(Task.CHAT, model).prepare({"messages": messages, "tools": tools}, CONTEXT)
    assert isinstance(exchange, Exchange), exchange
    check_content(model, json.loads(exchange.calls[0].body))
