"""A whole answer where the client asked for a stream."""

import msgspec
import pytest
from tests.replies import JSON, Reply, collect, opened, plan, record
from tests.streams import events_of

from xmc.runtime.dialect import OPENAI
from xmc.runtime.stream import replay_stream
from xmc.schema import Response, Task

WHOLE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "system_fingerprint": "fp",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "logprobs": None, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


@pytest.mark.parametrize("asked", [True, False])
async def test_a_whole_answer_to_a_stream_request_is_replayed(asked: bool) -> None:
    reply, noted = Reply([msgspec.json.encode(WHOLE)], headers=JSON), record()
    out, cut = await collect(await opened(reply, plan(include_usage=asked), noted))
    assert not cut
    first, finish, *usage, last = events_of(out)
    assert last == "[DONE]"
    assert first["object"] == "chat.completion.chunk"
    assert first["system_fingerprint"] == "fp"
    assert first["choices"][0]["delta"]["content"] == "Hello"
    assert first["choices"][0]["finish_reason"] is None
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert [chunk["usage"] for chunk in usage] == ([WHOLE["usage"]] if asked else [])
    assert noted.prompt_tokens == 3
    assert reply.closed


async def test_a_replayed_tool_call_gets_its_index() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call, {**call, "id": "call_2"}]}
    body = {**WHOLE, "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    replayed = replay_stream(
        Response(body), dialect=OPENAI, task=Task.CHAT, choices=1, include_usage=False, record=record()
    )
    first, finish, last = events_of((await collect(replayed))[0])
    assert [call["index"] for call in first["choices"][0]["delta"]["tool_calls"]] == [0, 1]
    assert finish["choices"][0]["finish_reason"] == "tool_calls"
    assert last == "[DONE]"


async def test_a_replayed_completion_keeps_its_text() -> None:
    body = {"id": "a", "object": "text_completion", "choices": [{"index": 0, "text": "x", "finish_reason": "length"}]}
    replayed = replay_stream(
        Response(body), dialect=OPENAI, task=Task.COMPLETIONS, choices=1, include_usage=True, record=record()
    )
    first, finish, last = events_of((await collect(replayed))[0])
    assert (first["choices"][0]["text"], finish["choices"][0]["text"]) == ("x", "")
    assert finish["choices"][0]["finish_reason"] == "length"
    assert first["object"] == "text_completion"
    assert last == "[DONE]"
