"""A specimen of the provider `cohere`.

Source: Cohere API reference, "Chat (v2)" with streaming, "Embed (v2)", "Errors".
"""

from typing import Any

from xmc.plugins.contract import Slot
from xmc.plugins.specimen import Failure, Sample, Specimen, as_json, as_sse
from xmc.schema import Task

_MODEL = "command-a-03-2025"
_ASK = {"messages": [{"role": "user", "content": "What is the weather like?"}]}
_TOOL: dict[str, Any] = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
_USAGE = {
    "billed_units": {"input_tokens": 9.0, "output_tokens": 3.0},
    "tokens": {"input_tokens": 75.0, "output_tokens": 5.0},
    "cached_tokens": 16.0,
}
_PLAN = "I will look it up."
_CALLS: list[dict[str, Any]] = [
    {"id": f"weather_{n}", "type": "function", "function": {"name": "weather", "arguments": as_json(given).decode()}}
    for n, given in enumerate(({"city": "Malmö"}, {}))
]


def _whole(message: dict[str, Any], finish: str) -> bytes:
    said = {"role": "assistant", **message}
    return as_json({"id": "c-1", "message": said, "finish_reason": finish, "usage": _USAGE})


def _stream(events: list[dict[str, Any]], finish: str) -> bytes:
    return as_sse(
        [
            {"type": "message-start", "id": "c-1", "delta": {"message": {"role": "assistant"}}},
            *events,
            {"type": "message-end", "delta": {"finish_reason": finish, "usage": _USAGE}},
        ],
        named=True,
    )


def _part(kind: str, index: int, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


def _call_events(index: int, call: dict[str, Any]) -> list[dict[str, Any]]:
    arguments = call["function"]["arguments"]
    opening = {**call, "function": {**call["function"], "arguments": ""}}
    # Without parameters there is no delta.
    pieces = () if arguments == "{}" else (arguments[:7], arguments[7:])
    return [
        _part("tool-call-start", index, tool_calls=opening),
        *(_part("tool-call-delta", index, tool_calls={"function": {"arguments": piece}}) for piece in pieces),
        {"type": "tool-call-end", "index": index},
    ]


_TEXT = _whole({"content": [{"type": "text", "text": "The Pacific."}]}, "COMPLETE")
_TEXT_EVENTS = [
    _part("content-start", 0, content={"type": "text", "text": ""}),
    _part("content-delta", 0, content={"text": "The "}),
    _part("content-delta", 0, content={"text": "Pacific."}),
    {"type": "content-end", "index": 0},
]
_CALL_EVENTS = [
    {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": _PLAN}}},
    *(event for index, call in enumerate(_CALLS) for event in _call_events(index, call)),
]


def _embedded(*vectors: list[float]) -> bytes:
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": len(vectors)}}
    return as_json({"id": "e", "embeddings": {"float": vectors}, "meta": meta, "response_type": "embeddings_by_type"})


def _failure(status: int, says: str, *, shown: bool = True) -> Failure:
    return Failure(status, as_json({"id": "r-1", "message": says}), says if shown else "")


SPECIMENS = (
    Specimen(
        "cohere",
        {"cohere_api_key": Slot("kit/key")},
        (
            Sample(Task.CHAT, _ASK, (_TEXT,), _stream(_TEXT_EVENTS, "COMPLETE"), _MODEL),
            Sample(
                Task.CHAT,
                {**_ASK, "tools": [_TOOL]},
                (_whole({"tool_plan": _PLAN, "tool_calls": _CALLS}, "TOOL_CALL"),),
                _stream(_CALL_EVENTS, "TOOL_CALL"),
                _MODEL,
            ),
            Sample(Task.COMPLETIONS, {"prompt": "Name an ocean."}, (_TEXT,), _stream(_TEXT_EVENTS, "COMPLETE"), _MODEL),
            Sample(
                Task.EMBEDDINGS, {"input": ["one", "two"]}, (_embedded([0.5, 1.0], [0.25, 2.0]),), None, "embed-v4.0"
            ),
            Sample(
                Task.EMBEDDINGS,
                {"input": [f"text {n}" for n in range(97)]},
                (_embedded(*([float(n), 0.5] for n in range(96))), _embedded([96.0, 0.5])),
                None,
                "embed-v4.0",
            ),
        ),
        (
            _failure(400, "unknown field: parameter 'index' is not a valid field."),
            _failure(401, "invalid api token", shown=False),
            _failure(404, "model 'x' not found"),
            _failure(429, "You are past the per minute request limit"),
            _failure(498, "request blocked"),
            _failure(503, "service unavailable"),
        ),
        values={"input": ["one", "three"]},
    ),
)
