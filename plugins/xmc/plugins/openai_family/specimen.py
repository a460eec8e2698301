"""What upstreams that speak OpenAI's shape say: samples and failures, for the specimens of their providers.

Source: OpenAI API reference, "The chat completion object", "The chat completion chunk object", "Embeddings".
"""

from typing import Any

from xmc.plugins.specimen import Failure, Sample, as_json, as_sse
from xmc.schema import Task

_TOOL: dict[str, Any] = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
_HEAD: dict[str, Any] = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "a-model-0613"}
_USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


def _chat(message: dict[str, Any], finish: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "logprobs": None, "finish_reason": finish}
    return as_json({**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE})


def _stream(kind: str, parts: list[dict[str, Any]], last: dict[str, Any], finish: str) -> bytes:
    head = {**_HEAD, "object": kind}
    chunks = [{**head, "choices": [{"index": 0, "logprobs": None, "finish_reason": None, **part}]} for part in parts]
    end = {"index": 0, "logprobs": None, "finish_reason": finish, **last}
    return as_sse([*chunks, {**head, "choices": [end]}, {**head, "choices": [], "usage": _USAGE}])


def _calls(index: int, name: str, arguments: list[str]) -> list[dict[str, Any]]:
    first = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
    rest = [{"index": index, "function": {"arguments": piece}} for piece in arguments]
    return [{"delta": {"tool_calls": [fragment]}} for fragment in (first, *rest)]


CHAT = Sample(
    Task.CHAT,
    {"messages": [{"role": "user", "content": "Say hello in Swedish."}]},
    (_chat({"content": "Hej på dig!", "refusal": None}, "stop"),),
    _stream(
        "chat.completion.chunk",
        [
            {"delta": {"role": "assistant", "content": "", "refusal": None}},
            *({"delta": {"content": piece}} for piece in ("Hej", " på", " dig!")),
        ],
        {"delta": {}},
        "stop",
    ),
)
CALLS = Sample(
    Task.CHAT,
    {"messages": [{"role": "user", "content": "What is the weather like in Malmö and Lund?"}], "tools": [_TOOL]},
    (
        _chat(
            {
                "content": None,
                "tool_calls": [
                    {"id": f"call_{n}", "type": "function", "function": {"name": "weather", "arguments": given}}
                    for n, given in enumerate(('{"city": "Malmö"}', '{"city": "Lund"}'))
                ],
            },
            "tool_calls",
        ),
    ),
    _stream(
        "chat.completion.chunk",
        [
            {"delta": {"role": "assistant", "content": None}},
            *_calls(0, "weather", ['{"city": ', '"Malmö"}']),
            *_calls(1, "weather", ['{"city": "Lund"}']),
        ],
        {"delta": {}},
        "tool_calls",
    ),
)
COMPLETION = Sample(
    Task.COMPLETIONS,
    {"prompt": "Hej"},
    (
        as_json({
            **_HEAD,
            "object": "text_completion",
            "choices": [{"index": 0, "text": " på dig!", "logprobs": None, "finish_reason": "length"}],
            "usage": _USAGE,
        }),
    ),
    _stream("text_completion", [{"text": " på"}, {"text": " dig!"}], {"text": ""}, "length"),
)  # fmt: skip
EMBEDDING = Sample(
    Task.EMBEDDINGS,
    {"input": ["one", "two"]},
    (
        as_json({
            "object": "list",
            "model": "a-model-0613",
            "data": [{"object": "embedding", "index": n, "embedding": [0.5, -0.25, float(n)]} for n in (0, 1)],
            "usage": {"prompt_tokens": 2, "total_tokens": 2},
        }),
    ),
)  # fmt: skip
SAMPLES = (CHAT, CALLS, COMPLETION, EMBEDDING)

FAILURES = (
    Failure(
        400,
        as_json({
            "error": {
                "message": "Unsupported value: 'temperature'.",
                "type": "invalid_request_error",
                "param": "temperature",
                "code": "unsupported_value",
            }
        }),
        "Unsupported value",
    ),
    Failure(401, as_json({"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}}), ""),
    Failure(404, as_json({"error": {"message": "The model does not exist.", "code": "model_not_found"}}), "not exist"),
    Failure(429, as_json({"error": {"message": "Rate limit reached.", "type": "requests"}}), "Rate limit reached"),
    Failure(500, as_json({"error": {"message": "The server had an error.", "type": "server_error"}}), "had an error"),
)  # fmt: skip
