"""Hypothesis strategies: what a model said, as Gemini's `generateContent` tells it, whole and as a stream of events.

The truth is the same abstract `Said` as for OpenAI's form (`tests.strategies`). The tellings vary in all that the API
leaves open: how text and thoughts are split into parts and events, parts without a place in a message, empty parts,
candidates with and without index, calls without arguments or with signatures, and events with and without usage.
"""

import json
from typing import Any

from hypothesis import strategies as st
from tests.strategies import Conversation, Said, counts, pieces_of, said_in_chat, texts

from xmc.schema import Event, Task

STOPS = {
    "stop": ["STOP", "MALFORMED_FUNCTION_CALL", "A_REASON_OF_TOMORROW"],
    "length": ["MAX_TOKENS"],
    "content_filter": ["SAFETY", "RECITATION", "OTHER", "PROHIBITED_CONTENT"],
    "tool_calls": ["STOP"],
}
_FOREIGN_PART = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}


@st.composite
def chats(draw: st.DrawFn) -> Conversation:
    """Chat conversations of 1 to 3 candidates."""
    said = tuple(draw(st.lists(said_in_chat(quirky=True), min_size=1, max_size=3)))
    return draw(_told(Task.CHAT, said))


@st.composite
def completions(draw: st.DrawFn) -> Conversation:
    """Text completions, which are `generateContent` calls too."""
    finishes = st.sampled_from(["stop", "length", "content_filter"])
    said = tuple(Said(draw(texts), "", (), draw(finishes)) for _ in range(draw(st.integers(1, 3))))
    return draw(_told(Task.COMPLETIONS, said))


def events_of(chunks: tuple[dict[str, Any], ...]) -> list[Event]:
    """Return the events of a stream; there is no mark at its end."""
    return [Event(json.dumps(chunk).encode()) for chunk in chunks]


@st.composite
def streams_of(draw: st.DrawFn, chunks: tuple[dict[str, Any], ...]) -> bytes:
    """Return the stream as it stands on the wire."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return "".join(f"data: {json.dumps(chunk)}{end}{end}" for chunk in chunks).encode()


@st.composite
def _told(draw: st.DrawFn, task: Task, said: tuple[Said, ...]) -> Conversation:
    head = draw(st.sampled_from([{}, {"responseId": "resp-1", "modelVersion": "gemini-test"}]))
    wire, usage = draw(_usages())
    parts = [draw(_parts(one)) for one in said]
    stops = [draw(st.sampled_from(STOPS[one.finish])) for one in said]
    candidates = [{**draw(_index(i)), **draw(_content(parts[i])), "finishReason": stop} for i, stop in enumerate(stops)]
    whole = {**head, "candidates": candidates, **({"usageMetadata": wire} if wire else {})}
    waiting = [draw(_events(i, parts[i], stops[i])) for i in range(len(said))]
    chunks: list[dict[str, Any]] = []
    while any(waiting):
        turn = draw(st.sampled_from([i for i, events in enumerate(waiting) if events]))
        chunks.append({**head, "candidates": [waiting[turn].pop(0)], "usageMetadata": {"trafficType": "ON_DEMAND"}})
    at_the_end = draw(st.booleans())
    if wire and at_the_end:
        chunks[-1]["usageMetadata"] = wire
        chunks[0].setdefault("usageMetadata", {"promptTokenCount": 1, "totalTokenCount": 1})
    elif wire:
        chunks.append({**head, "usageMetadata": wire})
    return Conversation(task, said, usage, whole, tuple(chunks))


@st.composite
def _index(draw: st.DrawFn, index: int) -> dict[str, int]:
    unsaid = index == 0 and draw(st.booleans())
    return {} if unsaid else {"index": index}


@st.composite
def _content(draw: st.DrawFn, parts: list[dict[str, Any]]) -> dict[str, Any]:
    if not parts and draw(st.booleans()):
        return draw(st.sampled_from([{}, {"content": {}}, {"content": {"role": "model"}}]))
    return {"content": {"role": "model", "parts": parts}}


@st.composite
def _parts(draw: st.DrawFn, said: Said) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": one, "thought": True} for one in draw(pieces_of(said.reasoning))]
    parts += [{"text": one} for one in draw(pieces_of(said.text or ""))]
    for number, (call_id, name, arguments) in enumerate(said.calls):
        call: dict[str, Any] = {"id": call_id, "name": name, "args": json.loads(arguments)}
        if not call["args"] and draw(st.booleans()):
            del call["args"]
        parts.append({"functionCall": call, **({"thoughtSignature": "c2ln"} if number == 0 else {})})
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), draw(st.sampled_from([{"text": ""}, _FOREIGN_PART])))
    return parts


@st.composite
def _events(draw: st.DrawFn, index: int, parts: list[dict[str, Any]], stop: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    left = list(parts)
    while left:
        size = draw(st.integers(1, len(left)))
        events.append({**draw(_index(index)), "content": {"role": "model", "parts": left[:size]}})
        left = left[size:]
    with_the_last = draw(st.booleans())
    if events and with_the_last:
        events[-1]["finishReason"] = stop
    else:
        empty = draw(st.sampled_from([{}, {"content": {"role": "model", "parts": [{"text": ""}]}}]))
        events.append({**draw(_index(index)), **empty, "finishReason": stop})
    return events


@st.composite
def _usages(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Usage as Gemini counts it, and as the canonical form does; nothing at all now and then."""
    if draw(st.integers(0, 4)) == 0:
        return {}, None
    prompt, said = draw(counts), draw(counts)
    wire: dict[str, Any] = {"promptTokenCount": prompt, "candidatesTokenCount": said, "trafficType": "ON_DEMAND"}
    usage: dict[str, Any] = {}
    tools, thought, cached = (draw(st.none() | counts) for _ in range(3))
    if tools is not None:
        wire["toolUsePromptTokenCount"] = tools
        prompt += tools
    if cached is not None:
        wire["cachedContentTokenCount"] = cached
        usage["prompt_tokens_details"] = {"cached_tokens": cached}
    if thought is not None:
        wire["thoughtsTokenCount"] = thought
        said += thought
        usage["completion_tokens_details"] = {"reasoning_tokens": thought}
    if draw(st.booleans()):
        wire["totalTokenCount"] = prompt + said
    return wire, {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said, **usage}
