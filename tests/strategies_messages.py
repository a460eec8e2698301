"""Hypothesis strategies: what a model said, as Anthropic's Messages API tells it, whole and as a stream of events.

The truth is the same abstract `Said` as for OpenAI's form (`tests.strategies`). The tellings vary in all that the API
leaves open: how text and thinking are split into blocks, pings, unknown events and blocks, empty fragments, tools
without arguments, and in which event the counts stand.
"""

import json
from typing import Any

from hypothesis import strategies as st
from tests.strategies import Conversation, Said, counts, pieces_of, said_in_chat, texts

from xmc.schema import Task

STOPS = {
    "stop": ["end_turn", "stop_sequence"],
    "length": ["max_tokens", "model_context_window_exceeded", "pause_turn"],
    "content_filter": ["refusal"],
    "tool_calls": ["tool_use", "end_turn"],
}
_NOISE: list[dict[str, Any]] = [
    {"type": "ping"},
    {"type": "weather_report", "sunny": True},
    {"type": "content_block_delta", "index": 900, "delta": {"type": "mood_delta", "mood": "good"}},
    {"type": "content_block_stop", "index": 901},
]
_FOREIGN_BLOCK = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}


@st.composite
def chats(draw: st.DrawFn) -> Conversation:
    """Chat conversations."""
    said = draw(said_in_chat(quirky=True))
    return draw(_told(Task.CHAT, said))


@st.composite
def completions(draw: st.DrawFn) -> Conversation:
    """Text completions, which are Messages calls too."""
    said = Said(draw(texts), "", (), draw(st.sampled_from(["stop", "length", "content_filter"])))
    return draw(_told(Task.COMPLETIONS, said))


@st.composite
def _told(draw: st.DrawFn, task: Task, said: Said) -> Conversation:
    blocks = draw(_blocks(said))
    stop = draw(st.sampled_from(STOPS[said.finish]))
    wire, usage = draw(_usages())
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-test", "stop_sequence": None}
    whole: dict[str, Any] = {**head, "content": blocks, "stop_reason": stop}
    start: dict[str, Any] = {**head, "content": [], "stop_reason": None}
    last: dict[str, Any] = {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}}
    if wire:
        whole["usage"] = wire
        begun, final = draw(_shared_out(wire))
        start["usage"], last["usage"] = begun, final
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(blocks):
        events += draw(_events_of(block, index))
    events += [last, {"type": "message_stop"}]
    return Conversation(task, (said,), usage, whole, tuple(draw(_noisy(events))))


@st.composite
def _blocks(draw: st.DrawFn, said: Said) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": piece, "signature": f"sig{i}"}
        for i, piece in enumerate(draw(pieces_of(said.reasoning)))
    ]
    if draw(st.booleans()):
        blocks.append({"type": "redacted_thinking", "data": "b3BhcXVl"})
    spoken = draw(pieces_of(said.text or ""))
    spoken += [""] if draw(st.booleans()) else []
    blocks += [{"type": "text", "text": piece} for piece in spoken]
    blocks += [{"type": "tool_use", "id": i, "name": name, "input": json.loads(a)} for i, name, a in said.calls]
    if draw(st.booleans()):
        blocks.insert(draw(st.integers(0, len(blocks))), dict(_FOREIGN_BLOCK))
    return blocks


@st.composite
def _events_of(draw: st.DrawFn, block: dict[str, Any], index: int) -> list[dict[str, Any]]:
    kind = block["type"]
    start, deltas = dict(block), list[dict[str, Any]]()
    if kind in {"text", "thinking"}:
        start[kind] = ""
        deltas = [{"type": f"{kind}_delta", kind: piece} for piece in draw(pieces_of(block[kind]))]
        if draw(st.booleans()):
            deltas.insert(0, {"type": f"{kind}_delta", kind: ""})
    if kind == "thinking":
        start["signature"] = ""
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    if kind in {"tool_use", "server_tool_use"}:
        start["input"] = {}
        silent = not block["input"] and draw(st.booleans())
        text = json.dumps(block["input"], ensure_ascii=draw(st.booleans()))
        fragments = [*draw(st.sampled_from([[], [""]])), *([] if silent else draw(pieces_of(text)))]
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in fragments]
    begun = {"type": "content_block_start", "index": index, "content_block": start}
    middle = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return [begun, *middle, {"type": "content_block_stop", "index": index}]


@st.composite
def _usages(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Usage as Anthropic counts it, and as the canonical form does; nothing at all now and then."""
    if draw(st.integers(0, 4)) == 0:
        return {}, None
    plain, produced = draw(counts), draw(counts)
    wire: dict[str, Any] = {"input_tokens": plain, "output_tokens": produced}
    cache: dict[str, int] = {}
    for ours, theirs in (
        ("cached_tokens", "cache_read_input_tokens"),
        ("cache_write_tokens", "cache_creation_input_tokens"),
    ):
        count = draw(st.none() | counts)
        if count is not None or draw(st.booleans()):
            wire[theirs] = count
        if count is not None:
            cache[ours] = count
    prompt = plain + sum(cache.values())
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": produced,
        "total_tokens": prompt + produced,
    }
    if cache:
        usage["prompt_tokens_details"] = cache
    if draw(st.booleans()):
        thought = draw(st.integers(0, produced))
        wire["output_tokens_details"] = {"thinking_tokens": thought}
        usage["completion_tokens_details"] = {"reasoning_tokens": thought}
    return wire, usage


@st.composite
def _shared_out(draw: st.DrawFn, wire: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The counts as first and as last told: what is told last is final, and what it leaves out stood there already."""
    late = {name for name in wire if name == "output_tokens" or draw(st.booleans())}
    begun = {name: 1 if name in late and isinstance(value, int) else value for name, value in wire.items()}
    return begun, {name: value for name, value in wire.items() if name in late}


@st.composite
def _noisy(draw: st.DrawFn, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    noisy: list[dict[str, Any]] = []
    for event in events:
        noisy += draw(st.sampled_from([[], [], [], *([one] for one in _NOISE)]))
        noisy.append(event)
    return noisy
