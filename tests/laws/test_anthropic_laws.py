"""Laws of requests to Anthropic: whatever a client says is sent in a form that the API takes, or refused by name.

The judge of the form is the simulator's (`tests.simulators.anthropic_rules`), which rests on the vendor's own types.
"""

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests import strategies
from tests.providers import CASES, CONTEXT
from tests.simulators.anthropic_rules import check_request

from xmc.plugins.translation.naming import wire_id, wire_name
from xmc.schema import Event, Exchange, ProviderError, Refusal, Task

bounded = settings(max_examples=60)
CHAT = CASES["anthropic"].adapter(Task.CHAT)
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
TEXT = {"type": "text"}
ids = st.sampled_from(["call_1", "functions.f:0", "toolu_2", "ö"])
tool_names = st.sampled_from(["f", "maps.find", "räkna", "a-b_c", "x" * 200])
texts = strategies.texts
parts = st.lists(texts.map(lambda text: {**TEXT, "text": text}) | st.just(PNG), max_size=3)
arguments = st.sampled_from(["", "{}", '{"a": 1}', '{"å": [null]}'])


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Conversations as clients hold them: calls with results for each, in any order, and texts anywhere."""
    messages: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 4))):
        match draw(st.sampled_from(["system", "user", "assistant", "calls"])):
            case "calls":
                messages += draw(_calls())
            case "user":
                messages.append({"role": "user", "content": draw(texts | parts)})
            case role:
                messages.append({"role": role, "content": draw(texts)})
    return [*messages, *({"role": "user", "content": text} for text in [draw(texts)] if draw(st.booleans()))]


@st.composite
def _calls(draw: st.DrawFn) -> list[dict[str, Any]]:
    chosen = draw(st.lists(ids, min_size=1, max_size=3, unique=True))
    calls = [
        {"id": one, "type": "function", "function": {"name": draw(tool_names), "arguments": draw(arguments)}}
        for one in chosen
    ]
    results = [{"role": "tool", "tool_call_id": one, "content": draw(texts)} for one in draw(st.permutations(chosen))]
    return [{"role": "assistant", "content": draw(st.none() | texts), "tool_calls": calls}, *results]


functions = st.lists(tool_names, max_size=3, unique=True).map(
    lambda found: [{"type": "function", "function": {"name": name}} for name in found]
)
requests = st.fixed_dictionaries(
    {"messages": histories()},
    optional={
        "tools": functions,
        "tool_choice": st.sampled_from(["auto", "none", "required"]),
        "parallel_tool_calls": st.booleans(),
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "stop": texts | st.lists(texts, max_size=2),
        "max_tokens": st.integers(0, 5000),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
        "response_format": st.just({"type": "json_object"}),
        "user": texts,
        "seed": st.integers(),
        "stream": st.booleans(),
    },
)
BY_FAMILY = {
    model: CASES["anthropic"].adapter(Task.CHAT, model)
    for model in ("claude-sonnet-4-6", "claude-opus-4-5", "claude-3-haiku-20240307")
}


def is_our_clients_fault(body: dict[str, Any]) -> bool:
    """What the API refuses for good reason, and passes on: thinking beside what thinking excludes."""
    if body.get("thinking", {}).get("type") not in {"enabled", "adaptive"}:
        return False
    return body.get("temperature", 1) != 1 or body.get("tool_choice", {}).get("type") in {"any", "tool"}


@bounded
@given(request=requests, model=st.sampled_from(sorted(BY_FAMILY)))
def test_any_request_is_one_that_the_api_takes_or_is_refused_by_name(request: dict[str, Any], model: str) -> None:
    before = copy.deepcopy(request)
    found = BY_FAMILY[model].prepare(request, CONTEXT)
    assert request == before
    if isinstance(found, Refusal):
        assert found.param in {"messages", "temperature", "tool_choice"}, found
        return
    (wire,) = found.calls
    body = json.loads(wire.body)
    if not is_our_clients_fault(body):
        check_request(body, dict(wire.headers)["anthropic-version"], set())
    assert (found.decoder is not None) == request.get("stream", False) == body.get("stream", False)


@bounded
@given(messages=histories())
def test_no_text_call_or_result_is_lost(messages: list[dict[str, Any]]) -> None:
    found = CHAT.prepare({"messages": messages}, CONTEXT)
    if isinstance(found, Refusal):
        assert all(message["role"] == "system" or not _texts(message) for message in messages)
        return
    body = json.loads(found.calls[0].body)
    blocks = [block for turn in body["messages"] for block in _blocks(turn["content"])]
    said = [text for message in messages if message["role"] in {"user", "assistant"} for text in _texts(message)]
    sent = [block["text"] for block in blocks if block["type"] == "text"]
    assert [text.rstrip() for text in said] == [text.rstrip() for text in sent[-len(said) :] if said]
    assert set(sent) - set(said) <= {".", *(text.rstrip() for text in said)}
    instructed = [text for message in messages if message["role"] == "system" for text in _texts(message)]
    assert [block["text"] for block in body.get("system", ())] == instructed
    calls = [call for message in messages for call in message.get("tool_calls", ())]
    assert [(block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"] == [
        (wire_id(one["id"]), wire_name(one["function"]["name"]), json.loads(one["function"]["arguments"] or "{}"))
        for one in calls
    ]
    results = [message for message in messages if message["role"] == "tool"]
    assert sum(block["type"] == "tool_result" for block in blocks) == len(results)


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _texts(message: dict[str, Any]) -> list[str]:
    content = message["content"] or []
    found = [content] if isinstance(content, str) else [part.get("text", "") for part in content]
    return [text for text in found if text.strip()]


@given(one=st.text(min_size=1), other=st.text(min_size=1))
def test_names_and_ids_fit_and_stay_apart(one: str, other: str) -> None:
    for rewrite, limit in ((wire_name, 128), (wire_id, 10_000)):
        assert (rewrite(one) == rewrite(other)) == (one == other)
        assert rewrite(rewrite(one)) == rewrite(one)
        assert rewrite(one).replace("-", "_").replace("_", "a").isalnum()
        assert rewrite(one).isascii()
        assert len(rewrite(one)) <= limit


near_events = strategies.nearly((
    "type", "index", "message", "usage", "content_block", "delta", "text", "thinking", "signature", "partial_json",
    "id", "name", "input", "stop_reason", "input_tokens", "output_tokens", "citation", "data", "error",
))  # fmt: skip
KINDS = (
    "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
    "message_stop", "ping", "error",
)  # fmt: skip
PARTS = (
    "text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "text_delta", "input_json_delta",
    "thinking_delta", "signature_delta", "citations_delta",
)  # fmt: skip
events = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional={
        "index": st.integers(0, 2) | near_events,
        "message": near_events,
        "usage": near_events,
        "content_block": near_events
        | st.fixed_dictionaries({"type": st.sampled_from(PARTS)}, optional={"input": near_events}),
        "delta": near_events
        | st.fixed_dictionaries(
            {"type": st.sampled_from(PARTS)}, optional={"text": st.text(max_size=2), "stop_reason": near_events}
        ),
    },
)


@bounded
@given(told=st.lists(events, max_size=6), task=st.sampled_from([Task.CHAT, Task.COMPLETIONS]))
def test_any_nearly_right_event_gives_chunks_or_an_error(told: list[dict[str, Any]], task: Task) -> None:
    request = {"messages": [{"role": "user", "content": "x"}]} if task is Task.CHAT else {"prompt": "x"}
    found = CASES["anthropic"].adapter(task).prepare({**request, "stream": True}, CONTEXT)
    assert isinstance(found, Exchange)
    assert found.decoder is not None
    decoder = found.decoder()
    items = [item for event in told for item in decoder.feed(Event(json.dumps(event).encode()))]
    finished = 0
    for item in [*items, *decoder.finish()]:
        assert isinstance(item, dict | ProviderError)
        if isinstance(item, dict):
            json.dumps(item)
            finished += sum(choice["finish_reason"] is not None for choice in item["choices"])
    assert finished <= 1
