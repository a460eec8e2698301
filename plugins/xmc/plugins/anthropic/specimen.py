"""A specimen of the provider `anthropic`.

Source: Anthropic API reference, "Messages", "Streaming Messages", "Errors" (`anthropic-version` 2023-06-01).
"""

from typing import Any

from xmc.plugins.contract import Slot
from xmc.plugins.specimen import Failure, Sample, Specimen, as_json, as_sse
from xmc.schema import Task

_MODEL = "claude-sonnet-4-6"
_ASK = {"messages": [{"role": "user", "content": "What is the weather like?"}]}
_TOOL: dict[str, Any] = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
_TEXT: dict[str, Any] = {"type": "text", "text": "The Pacific."}
_CALLS: list[dict[str, Any]] = [
    {"type": "tool_use", "id": f"toolu_{n}", "name": "weather", "input": {"city": city}}
    for n, city in enumerate(("Malmö", "Lund"))
]


def _message(content: list[dict[str, Any]], stop: str | None, produced: int) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": _MODEL,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 21, "output_tokens": produced},
    }


def _block(index: int, block: dict[str, Any]) -> list[dict[str, Any]]:
    """Tell one content block as events: opened empty, filled in two pieces, closed."""
    if block["type"] == "text":
        empty, kind, text = {**block, "text": ""}, ("text_delta", "text"), block["text"]
    else:
        empty, kind = {**block, "input": {}}, ("input_json_delta", "partial_json")
        text = as_json(block["input"]).decode()
    return [
        {"type": "content_block_start", "index": index, "content_block": empty},
        *(
            {"type": "content_block_delta", "index": index, "delta": {"type": kind[0], kind[1]: piece}}
            for piece in (text[:5], text[5:])
        ),
        {"type": "content_block_stop", "index": index},
    ]


def _stream(content: list[dict[str, Any]], stop: str) -> bytes:
    events = [
        {"type": "message_start", "message": _message([], None, 1)},
        {"type": "ping"},
        *(event for index, block in enumerate(content) for event in _block(index, block)),
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": None},
            "usage": {"input_tokens": 21, "output_tokens": 9},
        },
        {"type": "message_stop"},
    ]
    return as_sse(events, named=True, end=b"")


def _sample(task: Task, request: dict[str, Any], content: list[dict[str, Any]], stop: str) -> Sample:
    return Sample(task, request, (as_json(_message(content, stop, 9)),), _stream(content, stop), _MODEL)


def _failure(status: int, kind: str, says: str) -> Failure:
    body = {"type": "error", "error": {"type": kind, "message": says}, "request_id": "req_1"}
    return Failure(status, as_json(body), "" if status in {401, 403} else says)


SPECIMENS = (
    Specimen(
        "anthropic",
        {"anthropic_api_key": Slot("kit/key")},
        (
            _sample(Task.CHAT, _ASK, [_TEXT], "end_turn"),
            _sample(Task.CHAT, {**_ASK, "tools": [_TOOL]}, [_TEXT, *_CALLS], "tool_use"),
            _sample(Task.COMPLETIONS, {"prompt": "Name an ocean."}, [_TEXT], "max_tokens"),
        ),
        (
            _failure(400, "invalid_request_error", "max_tokens: must be greater than 0"),
            _failure(401, "authentication_error", "invalid x-api-key"),
            _failure(404, "not_found_error", "model: claude-x"),
            _failure(413, "request_too_large", "Request exceeds the maximum size"),
            _failure(429, "rate_limit_error", "This request would exceed your rate limit"),
            _failure(529, "overloaded_error", "Overloaded"),
        ),
    ),
)
