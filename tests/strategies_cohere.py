"""Hypothesis strategies: what a model said, as Cohere's chat of version 2 tells it, whole and as a stream of events.

The truth is the same abstract `Said` as for OpenAI's form (`tests.strategies`). The tellings vary in all that the API
leaves open: thoughts as a plan or as thinking, how texts and arguments are split, calls without arguments with and
without deltas, opening events with and without empty lists, counts as floats.
"""

from typing import Any

from hypothesis import strategies as st
from tests.strategies import Conversation, Said, counts, pieces_of, said_in_chat, texts

from xmc.schema import Task

STOPS = {"stop": ["COMPLETE", "STOP_SEQUENCE"], "length": ["MAX_TOKENS"], "tool_calls": ["TOOL_CALL"]}
_OPENINGS: list[dict[str, Any]] = [
    {"role": "assistant"},
    {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []},
]


@st.composite
def chats(draw: st.DrawFn) -> Conversation:
    """Chat conversations; Cohere gives one answer."""
    said = draw(said_in_chat(quirky=True).filter(lambda one: one.finish in STOPS))
    return draw(_told(Task.CHAT, said))


@st.composite
def completions(draw: st.DrawFn) -> Conversation:
    """Text completions, which are chats too."""
    return draw(_told(Task.COMPLETIONS, Said(draw(texts), "", (), draw(st.sampled_from(["stop", "length"])))))


@st.composite
def _told(draw: st.DrawFn, task: Task, said: Said) -> Conversation:
    wire, usage = draw(_usages())
    stop = draw(st.sampled_from(STOPS[said.finish]))
    # Of what it thought, the last part may be the plan of its calls.
    place = draw(st.integers(0, len(said.reasoning))) if said.calls else len(said.reasoning)
    plan = said.reasoning[place:]
    thoughts = draw(pieces_of(said.reasoning[:place]))
    words = draw(pieces_of(said.text or ""))
    parts = [{"type": "thinking", "thinking": one} for one in thoughts] + [
        {"type": "text", "text": one} for one in words
    ]
    calls = [
        {"id": i, "type": "function", "function": {"name": name, "arguments": draw(_arguments(given))}}
        for i, name, given in said.calls
    ]
    message: dict[str, Any] = {"role": "assistant"}
    empty = draw(st.booleans())
    message |= {"content": parts} if parts or empty else {}
    message |= {"tool_plan": plan} if plan else {}
    message |= {"tool_calls": calls} if calls else {}
    whole = {"id": "c-1", "message": message, "finish_reason": stop, **({"usage": wire} if wire else {})}
    events: list[dict[str, Any]] = [
        {"type": "message-start", "id": "c-1", "delta": {"message": draw(st.sampled_from(_OPENINGS))}}
    ]
    for index, part in enumerate(parts):
        events += draw(_block(index, part))
    plans = draw(pieces_of(plan)) if plan else []
    events += [{"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}} for piece in plans]
    for index, call in enumerate(calls):
        events += draw(_call(index, call))
    events.append({"type": "message-end", "delta": {"finish_reason": stop, **({"usage": wire} if wire else {})}})
    return Conversation(task, (said,), usage, whole, tuple(events))


@st.composite
def _arguments(draw: st.DrawFn, given: str) -> str:
    return draw(st.sampled_from(["", "{}"])) if given == "{}" else given


def _event(kind: str, index: int, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


@st.composite
def _block(draw: st.DrawFn, index: int, part: dict[str, Any]) -> list[dict[str, Any]]:
    kind = part["type"]
    pieces = draw(pieces_of(part[kind]))
    deltas = [_event("content-delta", index, content={kind: piece}) for piece in pieces]
    opening = _event("content-start", index, content={"type": kind, **draw(st.sampled_from([{}, {kind: ""}]))})
    return [opening, *deltas, {"type": "content-end", "index": index}]


@st.composite
def _call(draw: st.DrawFn, index: int, call: dict[str, Any]) -> list[dict[str, Any]]:
    arguments = call["function"]["arguments"]
    opening = {**call, "function": {**call["function"], "arguments": ""}}
    silent = arguments in ("", "{}") and draw(st.booleans())
    pieces = [] if silent else draw(pieces_of(arguments))
    deltas = [_event("tool-call-delta", index, tool_calls={"function": {"arguments": piece}}) for piece in pieces]
    return [_event("tool-call-start", index, tool_calls=opening), *deltas, {"type": "tool-call-end", "index": index}]


@st.composite
def _usages(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Usage as Cohere counts it, and as the canonical form does; nothing at all now and then."""
    if draw(st.integers(0, 4)) == 0:
        return {}, None
    prompt, produced = draw(counts), draw(counts)
    number = draw(st.sampled_from([int, float]))
    counted = {"input_tokens": number(prompt), "output_tokens": number(produced)}
    usage: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": produced, "total_tokens": prompt + produced}
    if draw(st.booleans()):
        return {"billed_units": counted}, usage
    cached = draw(counts)
    wire = {"billed_units": {"input_tokens": 1, "output_tokens": 1}, "tokens": counted, "cached_tokens": number(cached)}
    return wire, {**usage, "prompt_tokens_details": {"cached_tokens": cached}}
