"""Hypothesis strategies: what a model said, as Bedrock's Converse tells it, whole and as a stream of events.

The truth is the same abstract `Said` as for OpenAI's form (`tests.strategies`). The tellings vary in all that the API
leaves open: how text and reasoning are split into blocks and deltas, padding, block indexes that are used again, tools
without arguments, blocks without a start, and streams without metadata.
"""

import json
from typing import Any

from hypothesis import strategies as st
from tests.event_streams import event
from tests.strategies import Conversation, Said, counts, pieces_of, said_in_chat, texts

from xmc.schema import Event, Task

KINDS = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata")
STOPS = {
    "stop": ["end_turn", "stop_sequence", "malformed_model_output", "tool_use"],
    "length": ["max_tokens", "model_context_window_exceeded"],
    "content_filter": ["guardrail_intervened", "content_filtered"],
    "tool_calls": ["tool_use", "end_turn"],
}
Told = dict[str, Any]
"""One event: its name, and its payload."""


@st.composite
def chats(draw: st.DrawFn) -> Conversation:
    """Chat conversations."""
    return draw(_told(Task.CHAT, draw(said_in_chat(quirky=True))))


@st.composite
def completions(draw: st.DrawFn) -> Conversation:
    """Text completions, which are Converse calls too."""
    said = Said(draw(texts), "", (), draw(st.sampled_from(["stop", "length", "content_filter"])))
    return draw(_told(Task.COMPLETIONS, said))


def events_of(chunks: tuple[Told, ...]) -> list[Event]:
    """Return the events as the framing gives them."""
    return [Event(json.dumps(one["payload"]).encode(), one["kind"]) for one in chunks]


def streams_of(chunks: tuple[Told, ...]) -> st.SearchStrategy[bytes]:
    """Return the stream as it stands on the wire."""
    return st.just(b"".join(event(one["kind"], one["payload"]) for one in chunks))


@st.composite
def _told(draw: st.DrawFn, task: Task, said: Said) -> Conversation:
    blocks = draw(_blocks(said))
    stop = draw(st.sampled_from(STOPS[said.finish]))
    wire, usage = draw(_usages())
    whole: dict[str, Any] = {"output": {"message": {"role": "assistant", "content": blocks}}, "stopReason": stop}
    events: list[Told] = [_event("messageStart", role="assistant")]
    same_index = draw(st.booleans())
    for index, block in enumerate(blocks):
        events += draw(_events_of(block, 0 if same_index else index))
    events.append(_event("messageStop", stopReason=stop))
    if wire:
        whole["usage"] = wire
        events.append(_event("metadata", usage=wire, metrics={"latencyMs": 1}))
    elif draw(st.booleans()):
        events.append(_event("metadata", metrics={"latencyMs": 1}))
    return Conversation(task, (said,), usage, whole, tuple(draw(_padded(one)) for one in events))


def _event(kind: str, **payload: Any) -> Told:
    return {"kind": kind, "payload": payload}


@st.composite
def _blocks(draw: st.DrawFn, said: Said) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [
        {"reasoningContent": {"reasoningText": {"text": piece, "signature": f"sig{i}"}}}
        for i, piece in enumerate(draw(pieces_of(said.reasoning)))
    ]
    if draw(st.booleans()):
        blocks.append({"reasoningContent": {"redactedContent": "b3BhcXVl"}})
    blocks += [{"text": piece} for piece in draw(pieces_of(said.text or ""))]
    blocks += [{"toolUse": {"toolUseId": i, "name": name, "input": json.loads(a)}} for i, name, a in said.calls]
    return blocks


@st.composite
def _events_of(draw: st.DrawFn, block: dict[str, Any], index: int) -> list[Told]:
    start: list[Told] = []
    deltas: list[dict[str, Any]] = []
    if "text" in block:
        deltas = [{"text": piece} for piece in draw(pieces_of(block["text"]))]
        deltas += [{"text": ""}] if draw(st.booleans()) else []
    elif "toolUse" in block:
        use = block["toolUse"]
        start = [_event("contentBlockStart", contentBlockIndex=index, start={"toolUse": {**use, "input": None}})]
        del start[0]["payload"]["start"]["toolUse"]["input"]
        silent = not use["input"] and draw(st.booleans())
        text = json.dumps(use["input"], ensure_ascii=draw(st.booleans()))
        deltas = [{"toolUse": {"input": piece}} for piece in ([] if silent else draw(pieces_of(text)))]
    else:
        told = block["reasoningContent"].get("reasoningText")
        deltas = [{"reasoningContent": block["reasoningContent"]}]
        if told is not None:
            deltas = [{"reasoningContent": {"text": piece}} for piece in draw(pieces_of(told["text"]))]
            deltas.append({"reasoningContent": {"signature": told["signature"]}})
    middle = [_event("contentBlockDelta", contentBlockIndex=index, delta=delta) for delta in deltas]
    return [*start, *middle, _event("contentBlockStop", contentBlockIndex=index)]


@st.composite
def _padded(draw: st.DrawFn, told: Told) -> Told:
    padding = draw(st.sampled_from([{}, {}, {"p": "abcdefgh"}]))
    return {**told, "payload": {**told["payload"], **padding}}


@st.composite
def _usages(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Usage as Bedrock counts it, and as the canonical form does; nothing at all now and then."""
    if draw(st.integers(0, 4)) == 0:
        return {}, None
    fresh, produced = draw(counts), draw(counts)
    wire: dict[str, Any] = {"inputTokens": fresh, "outputTokens": produced, "totalTokens": fresh + produced}
    cache: dict[str, int] = {}
    for ours, theirs in (("cached_tokens", "cacheReadInputTokens"), ("cache_write_tokens", "cacheWriteInputTokens")):
        count = draw(st.none() | counts)
        if count is not None:
            wire[theirs] = cache[ours] = count
    prompt = fresh + sum(cache.values())
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": produced,
        "total_tokens": prompt + produced,
    }
    return wire, {**usage, "prompt_tokens_details": cache} if cache else usage
