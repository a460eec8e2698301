"""A specimen of the provider `ai21labs`.

Source: AI21 Studio API reference, "Jamba chat completions".
"""

from typing import Any

from xmc.plugins.contract import Slot
from xmc.plugins.specimen import Failure, Sample, Specimen, as_json, as_sse
from xmc.schema import Task

_USAGE = {"prompt_tokens": 19, "completion_tokens": 3, "total_tokens": 22}
_ASK = {"messages": [{"role": "user", "content": "Say hello in Swedish."}]}
_TOOL: dict[str, Any] = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def _whole(message: dict[str, Any], finish: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return as_json({"id": "chat-1", "choices": [choice], "usage": _USAGE})


_DELTAS: tuple[dict[str, Any], ...] = ({"role": "assistant"}, {"content": "Hej"}, {"content": "!"})
_STREAM = as_sse([
    *({"id": "chat-1", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in _DELTAS),
    {"id": "chat-1", "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}], "usage": _USAGE},
])  # fmt: skip
_CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Lund"}'}}

SPECIMENS = (
    Specimen(
        "ai21labs",
        {"ai21labs_api_key": Slot("kit/key")},
        (
            Sample(Task.CHAT, _ASK, (_whole({"content": "Hej!"}, "stop"),), _STREAM, "jamba-mini"),
            Sample(
                Task.CHAT,
                {**_ASK, "tools": [_TOOL]},
                (_whole({"content": None, "tool_calls": [_CALL]}, "tool_calls"),),
                None,
                "jamba-mini",
            ),
            Sample(
                Task.COMPLETIONS,
                {"prompt": "Say hello in Swedish."},
                (_whole({"content": "Hej!"}, "stop"),),
                _STREAM,
                "jamba-mini",
            ),
            Sample(
                Task.COMPLETIONS,
                {"prompt": ["one", "two"]},
                (_whole({"content": "ett"}, "stop"), _whole({"content": "två"}, "length")),
                None,
                "jamba-mini",
            ),
        ),
        (
            Failure(401, as_json({"detail": "Forbidden: Bad or missing API token."}), ""),
            Failure(404, as_json({"detail": "Model not found"}), "Model not found"),
            Failure(422, as_json({"detail": [{"loc": ["body", "n"], "msg": "too many", "type": "x"}]}), "too many"),
            Failure(429, as_json({"detail": "Too many requests"}), "Too many requests"),
        ),
    ),
)
