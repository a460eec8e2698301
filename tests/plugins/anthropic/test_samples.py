"""Every recorded sample: requests are what we send, answers and streams come out canonical and complete."""

import json
from typing import Any

import pytest
from anthropic.types import Message
from jsonschema import Draft202012Validator
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from tests.plugins.anthropic.asking import decoded, prepared
from tests.plugins.recorded import chunks_of, events_of, found, load, read, replay
from tests.providers import CASES
from tests.simulators.anthropic_rules import check_request

from xmc.schema import ProviderError, Response, Task, canonical_schema

CASE = CASES["anthropic"]
RESPONSES = [name for name in found("*.response.json", "anthropic") if "legacy" not in name]
STREAMS = [name for name in found("*.sse", "anthropic") if "legacy" not in name]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def function(name: str, **rest: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **rest}}


def call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


CANONICAL: dict[str, dict[str, Any]] = {
    "chat-basic": {
        "messages": [
            {"role": "system", "content": "Answer briefly."},
            {"role": "user", "content": "Name one ocean."},
        ],
        "max_tokens": 256,
        "temperature": 0.5,
        "stop": "END",
        "user": "u-123",
    },
    "chat-computer-use": {
        "messages": [{"role": "user", "content": "Open the editor."}],
        "max_completion_tokens": 256,
        "tools": [
            {
                "type": "computer_20250124",
                "function": {
                    "name": "computer",
                    "parameters": {"display_width_px": 1024, "display_height_px": 768, "display_number": 1},
                },
            },
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
            {"type": "bash_20250124", "name": "bash"},
        ],
    },
    "chat-multimodal": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                    {
                        "type": "file",
                        "file": {"file_data": "data:application/pdf;base64,JVBERi0xLjQK", "filename": "doc.pdf"},
                    },
                    {"type": "text", "text": "Describe.", "cache_control": {"type": "ephemeral", "ttl": "5m"}},
                ],
            }
        ],
        "max_tokens": 64,
    },
    "chat-structured": {
        "messages": [{"role": "user", "content": "Which city?"}],
        "max_tokens": 256,
        "response_format": {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": CITY}},
    },
    "chat-tools": {
        "messages": [
            {"role": "user", "content": "Weather in Oslo and Rome, and the time?"},
            {
                "role": "assistant",
                "content": "Checking.",
                "tool_calls": [
                    call("toolu_01", "get_weather", '{"city": "Oslo"}'),
                    call("toolu_02", "get_weather", '{"city": "Rome"}'),
                    call("toolu_03", "get_time", ""),
                ],
            },
            {"role": "tool", "tool_call_id": "toolu_01", "content": "4 C"},
            {"role": "tool", "tool_call_id": "toolu_02", "content": [{"type": "text", "text": "19 C"}]},
            {"role": "tool", "tool_call_id": "toolu_03", "content": "clock is broken", "is_error": True},
            {"role": "user", "content": "Summarise."},
        ],
        "max_tokens": 256,
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": False},
        "tools": [
            function(
                "get_weather", description="Weather of a city", parameters={**CITY, "additionalProperties": False}
            ),
            function("get_time"),
        ],
    },
}


def test_the_samples_are_here() -> None:
    assert {f"anthropic/{name}.request.json" for name in CANONICAL} == {
        name for name in found("*.request.json", "anthropic") if "legacy" not in name
    }
    assert (len(RESPONSES), len(STREAMS)) == (14, 3)


@pytest.mark.parametrize("name", CANONICAL)
def test_requests(name: str) -> None:
    wire = prepared(CANONICAL[name]).calls[0]
    assert json.loads(wire.body) == load(f"anthropic/{name}.request.json")
    headers = {header.lower(): value for header, value in wire.headers}
    betas = set(headers.get("anthropic-beta", "").split(",")) - {""}
    assert betas == ({"computer-use-2025-01-24"} if "computer" in name else set())
    check_request(json.loads(wire.body), headers["anthropic-version"], betas)


@pytest.mark.parametrize("name", RESPONSES)
def test_answers(name: str) -> None:
    status = int(name.split("error-")[1][:3]) if "error" in name else 200
    result = decoded(read(name), status=status)
    given = load(name)
    if status != 200:
        assert result == ProviderError(
            status, given["error"]["message"], type=given["error"]["type"], request_id=given["request_id"]
        )
        return
    Message.model_validate(given)
    assert isinstance(result, Response)
    Draft202012Validator(dict(canonical_schema(Task.CHAT, "response"))).validate(result.body)
    choice = ChatCompletion.model_validate(result.body).choices[0]
    assert (choice.message.content or "") == "".join(block.get("text", "") for block in given["content"])
    calls = [
        (one.id, one.function.name, json.loads(one.function.arguments))
        for one in choice.message.tool_calls or ()
        if one.type == "function"
    ]
    assert calls == [(b["id"], b["name"], b["input"]) for b in given["content"] if b["type"] == "tool_use"]
    assert result.body["choices"][0]["native_finish_reason"] == given["stop_reason"]


FINISHES = {
    "basic": "stop",
    "computer-use": "tool_calls",
    "max-tokens": "length",
    "refusal": "content_filter",
    "stopseq": "stop",
    "structured": "stop",
    "thinking": "stop",
    "tools": "tool_calls",
}


@pytest.mark.parametrize("name", FINISHES)
def test_finish_reasons(name: str) -> None:
    result = decoded(read(f"anthropic/chat-{name}.response.json"))
    assert isinstance(result, Response)
    assert result.body["choices"][0]["finish_reason"] == FINISHES[name]


def test_thinking_and_its_counts() -> None:
    result = decoded(read("anthropic/chat-thinking.response.json"))
    assert isinstance(result, Response)
    message = result.body["choices"][0]["message"]
    assert message["reasoning_content"] == "Two plus two."
    assert message["thinking_blocks"] == load("anthropic/chat-thinking.response.json")["content"][:2]
    assert result.body["usage"] == {
        "prompt_tokens": 171,
        "completion_tokens": 40,
        "total_tokens": 211,
        "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 50},
        "completion_tokens_details": {"reasoning_tokens": 33},
    }


def test_a_refusal_says_why() -> None:
    result = decoded(read("anthropic/chat-refusal.response.json"))
    assert isinstance(result, Response)
    message = result.body["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == (None, "Declined.")


@pytest.mark.parametrize("name", [name for name in STREAMS if "error" not in name])
def test_streams(name: str) -> None:
    chunks = chunks_of(CASE, read(name))
    for chunk in chunks:
        Draft202012Validator(dict(canonical_schema(Task.CHAT, "chunk"))).validate(chunk)
        ChatCompletionChunk.model_validate(chunk)
    assert [json.loads(event.data)["type"] for event in events_of(read(name))][-1] == "message_stop"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == (30 if "basic" in name else 198)


def test_a_stream_of_tools_in_chunks() -> None:
    chunks = chunks_of(CASE, read("anthropic/chat-thinking-tools.response.sse"))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert calls == [
        {"index": 0, "id": "toolu_01", "type": "function", "function": {"name": "get_weather", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"city": "Os'}},
        {"index": 0, "function": {"arguments": 'lo"}'}},
        {"index": 1, "id": "toolu_03", "type": "function", "function": {"name": "get_time", "arguments": ""}},
        {"index": 1, "function": {"arguments": "{}"}},
    ]
    assert [delta["thinking_blocks"] for delta in deltas if "thinking_blocks" in delta] == [
        [{"index": 0, "type": "thinking", "thinking": "Two cities and a clock.", "signature": "c2lnbmF0dXJl"}]
    ]


def test_an_error_in_a_stream() -> None:
    items = replay(CASE, read("anthropic/chat-error-midstream.response.sse"))
    assert items[-1] == ProviderError(529, "Overloaded", type="overloaded_error", request_id="req_011SAMPLE")
    assert [item["choices"][0]["delta"].get("content") for item in items[:-1] if isinstance(item, dict)] == ["", "The "]


def test_a_prompt_in_the_old_frame_is_a_message_now() -> None:
    legacy = load("anthropic/completions-legacy.request.json")
    request = {
        "prompt": legacy["prompt"],
        "max_tokens": legacy["max_tokens_to_sample"],
        "stop": legacy["stop_sequences"],
        "temperature": legacy["temperature"],
        "top_k": legacy["top_k"],
    }
    exchange = prepared(request, task=Task.COMPLETIONS, model="claude-2.1")
    assert json.loads(exchange.calls[0].body) == {
        "model": "claude-2.1",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "what is databricks"}],
        "stop_sequences": ["\n\nHuman:"],
        "temperature": 0.5,
        "top_k": 10,
    }


@pytest.mark.parametrize("kind", ["response.json", "response.sse"])
def test_answers_of_the_old_api_are_no_messages(kind: str) -> None:
    data = read(f"anthropic/completions-legacy.{kind}")
    if kind.endswith("json"):
        result = decoded(data)
        assert isinstance(result, ProviderError)
        assert result.garbled
    else:
        items = replay(CASE, data, task=Task.COMPLETIONS)
        assert isinstance(items[-1], ProviderError)
        assert items[-1].code == "stream_incomplete"
