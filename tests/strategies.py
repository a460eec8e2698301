"""Hypothesis strategies: canonical requests, upstream answers with all that may be wrong in them, byte splits.

One drawn `Conversation` is a truth (what the model said) together with two tellings of it: a whole answer and a list
of stream chunks, both as an upstream would send them. With `quirky` the tellings deviate from OpenAI's form in the ways
that OpenAI-compatible servers do; the truth they tell stays the same.
"""

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from xmc.schema import Context, Task

# Surrogates have no UTF-8 form; everything else may come up in a prompt or an answer.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
words = st.text(st.characters(categories=["Ll", "Lu", "Nd"], max_codepoint=0x17F), min_size=1, max_size=8)
names = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)
counts = st.integers(0, 10_000)
contexts = st.builds(Context, request_id=st.just("req"), id=st.just("ID"), created=st.just(1_700_000_000))

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)

_KNOWN_KEYS = (
    "choices", "message", "delta", "content", "tool_calls", "function", "arguments", "name", "id", "index", "usage",
    "finish_reason", "text", "data", "embedding", "error", "error_code", "detail", "type", "logprobs", "object",
    "prompt_tokens", "total_tokens", "summary", "status", "code", "errors", "reasoning", "created", "model", "role",
    "content_block", "input", "partial_json", "stop_reason", "thinking", "candidates", "parts", "functionCall", "args",
    "finishReason", "usageMetadata", "promptTokenCount", "promptFeedback", "blockReason", "predictions", "embeddings",
    "values", "logprobsResult", "chosenCandidates", "token", "citationMetadata", "responseId",
)  # fmt: skip
_REQUEST_KEYS = (
    "messages", "prompt", "input", "stream", "stream_options", "extra_params", "n", "encoding_format", "model", "tools",
    "usage_context", "client_request_id", "stop", "temperature", "databricks_options",
)  # fmt: skip


def nearly(keys: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """JSON that uses known keys in the wrong places."""
    return st.recursive(
        scalars | st.sampled_from(["stop", "text", "float", "[DONE]", "error", "true", "{}"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(keys), inner, max_size=5),
        max_leaves=12,
    )


near_answers = nearly(_KNOWN_KEYS)
near_requests = st.dictionaries(st.sampled_from(_REQUEST_KEYS), nearly(_REQUEST_KEYS), max_size=6)


# --- requests ------------------------------------------------------------------------------------------------------

_PARAMETERS: dict[str, st.SearchStrategy[Any]] = {
    "temperature": st.floats(0, 2, allow_nan=False),
    "top_p": st.floats(0, 1, allow_nan=False),
    "max_tokens": st.integers(1, 4096),
    "n": st.integers(1, 4),
    "stop": words | st.lists(words, min_size=1, max_size=3),
    "seed": st.integers(0, 2**31),
    "user": words,
    "vendor_key": json_values.filter(lambda value: value not in (None, [])),
}
_STREAMING = {
    "stream": st.booleans(),
    "stream_options": st.fixed_dictionaries({}, optional={"include_usage": st.booleans(), "vendor_key": words}),
}
_GATEWAY = {"usage_context": st.dictionaries(words, texts, max_size=2), "client_request_id": words}
_messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": texts}), min_size=1
)


def requests(task: Task) -> st.SearchStrategy[dict[str, Any]]:
    """Canonical requests of a task."""
    optional = {**_PARAMETERS, **_GATEWAY, "model": names}
    match task:
        case Task.CHAT:
            return st.fixed_dictionaries({"messages": _messages}, optional={**optional, **_STREAMING})
        case Task.COMPLETIONS:
            prompt = texts | st.lists(texts, min_size=1, max_size=2)
            return st.fixed_dictionaries({"prompt": prompt}, optional={**optional, **_STREAMING})
        case Task.EMBEDDINGS:
            inputs = texts | st.lists(texts, min_size=1, max_size=3)
            encoding = st.sampled_from(["float", "base64"])
            return st.fixed_dictionaries({"input": inputs}, optional={**_GATEWAY, "encoding_format": encoding})


# --- what the model said -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """The truth of one choice. `calls` are (id, name, arguments as JSON text)."""

    text: str | None
    reasoning: str
    calls: tuple[tuple[str, str, str], ...]
    finish: str


@dataclass(frozen=True)
class Conversation:
    """What was said, and an upstream's two tellings of it."""

    task: Task
    said: tuple[Said, ...]
    usage: dict[str, int] | None
    whole: dict[str, Any]
    chunks: tuple[dict[str, Any], ...]


_arguments = st.dictionaries(words, scalars, max_size=2).map(lambda value: json.dumps(value, ensure_ascii=False))


@st.composite
def said_in_chat(draw: st.DrawFn, *, quirky: bool) -> Said:
    call_names = draw(st.lists(names, max_size=3))
    calls = tuple((f"call_{draw(names)}_{i}", name, draw(_arguments)) for i, name in enumerate(call_names))
    finish = "tool_calls" if calls else draw(st.sampled_from(["stop", "length", "content_filter"]))
    text = draw(texts)
    silent = bool(calls) and (draw(st.booleans()) or not text)  # an empty text beside calls is no text
    return Said(None if silent else text, draw(texts) if quirky else "", calls, finish)


@st.composite
def chats(draw: st.DrawFn, *, quirky: bool) -> Conversation:
    """Chat conversations of 1 to 3 choices."""
    said = tuple(draw(st.lists(said_in_chat(quirky=quirky), min_size=1, max_size=3)))
    usage = draw(_usage())
    choices = [draw(_whole_chat(i, choice, quirky=quirky)) for i, choice in enumerate(said)]
    streams = [draw(_streamed_chat(i, choice, quirky=quirky)) for i, choice in enumerate(said)]
    head = draw(_heads("chat.completion", quirky=quirky))
    whole = _with_usage({**head, "choices": choices}, usage)
    chunks = draw(_chunks(head, "chat.completion.chunk", streams, usage, quirky=quirky))
    return Conversation(Task.CHAT, said, usage, whole, chunks)


@st.composite
def completions(draw: st.DrawFn, *, quirky: bool) -> Conversation:
    """Text completions of 1 to 3 choices."""
    finishes = st.sampled_from(["stop", "length", "content_filter"])
    said = tuple(Said(draw(texts), "", (), draw(finishes)) for _ in range(draw(st.integers(1, 3))))
    usage = draw(_usage())
    rest: dict[str, Any] = {} if quirky and draw(st.booleans()) else {"logprobs": None}
    choices = [{"index": i, "text": it.text, "finish_reason": it.finish, **rest} for i, it in enumerate(said)]
    streams: list[list[dict[str, Any]]] = []
    for i, it in enumerate(said):
        pieces = draw(pieces_of(it.text or ""))
        parts = [{"index": i, "text": piece, "finish_reason": None, **rest} for piece in pieces]
        streams.append([*parts, {"index": i, "text": "", "finish_reason": it.finish, **rest}])
    head = draw(_heads("text_completion", quirky=quirky))
    whole = _with_usage({**head, "choices": choices}, usage)
    chunks = draw(_chunks(head, "text_completion", streams, usage, quirky=quirky))
    return Conversation(Task.COMPLETIONS, said, usage, whole, chunks)


@st.composite
def _usage(draw: st.DrawFn) -> dict[str, int] | None:
    if draw(st.integers(0, 4)) == 0:
        return None
    prompt, completion = draw(counts), draw(counts)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _with_usage(body: dict[str, Any], usage: dict[str, int] | None) -> dict[str, Any]:
    return body if usage is None else {**body, "usage": dict(usage)}


@st.composite
def _heads(draw: st.DrawFn, kind: str, *, quirky: bool) -> dict[str, Any]:
    head: dict[str, Any] = {"id": "up-1", "object": kind, "created": 1_763_800_000, "model": "upstream-model"}
    for key in draw(st.sets(st.sampled_from(sorted(head)))) if quirky else ():
        del head[key]
    return head


# --- tellings of a chat choice -------------------------------------------------------------------------------------

_FOREIGN = {"stop": "COMPLETE", "length": "max_tokens", "content_filter": "SAFETY", "tool_calls": "tool_use"}


@st.composite
def _finish_word(draw: st.DrawFn, it: Said, *, quirky: bool) -> str:
    known = [it.finish]
    if quirky:
        known.append(_FOREIGN[it.finish])
        known.extend(["stop"] if it.calls else [])
    return draw(st.sampled_from(known))


@st.composite
def _whole_chat(draw: st.DrawFn, index: int, it: Said, *, quirky: bool) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": it.text}
    if quirky:
        message["role"] = draw(st.sampled_from(["assistant", "human", None]))
        if it.text is None and draw(st.booleans()):
            message["content"] = draw(st.sampled_from(["", None]))
        if it.text is not None and draw(st.booleans()):
            message["content"] = [{"type": "text", "text": it.text}]
        if it.reasoning:
            message[draw(st.sampled_from(["reasoning", "reasoning_content"]))] = it.reasoning
    if it.calls:
        message["tool_calls"] = [draw(_whole_call(call, quirky=quirky)) for call in it.calls]
    finish = draw(_finish_word(it, quirky=quirky))
    return {"index": index, "message": message, "finish_reason": finish, "logprobs": None}


@st.composite
def _whole_call(draw: st.DrawFn, call: tuple[str, str, str], *, quirky: bool) -> dict[str, Any]:
    arguments: Any = call[2]
    if quirky and draw(st.booleans()):
        arguments = json.loads(arguments)
    if quirky and call[2] == "{}":
        arguments = draw(st.sampled_from(["{}", "", None, {}]))
    return {"id": call[0], "type": "function", "function": {"name": call[1], "arguments": arguments}}


@st.composite
def _streamed_chat(draw: st.DrawFn, index: int, it: Said, *, quirky: bool) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"content": None if it.text is None else ""}]
    thought = draw(st.sampled_from(["reasoning", "reasoning_content"]))
    deltas += [{thought: piece} for piece in draw(pieces_of(it.reasoning))]
    deltas += [{"content": piece} for piece in draw(pieces_of(it.text or ""))]
    deltas += draw(_streamed_calls(it.calls, quirky=quirky))
    roles = draw(st.sampled_from(["first", "never", "always"])) if quirky else "first"
    for delta in deltas if roles == "always" else deltas[:1] if roles == "first" else ():
        delta["role"] = "assistant"
    finish = {"index": index, "delta": {}, "finish_reason": draw(_finish_word(it, quirky=quirky))}
    unfinished = draw(st.sampled_from([None, ""])) if quirky else None
    return [*({"index": index, "delta": delta, "finish_reason": unfinished} for delta in deltas), finish]


@st.composite
def _streamed_calls(draw: st.DrawFn, calls: tuple[tuple[str, str, str], ...], *, quirky: bool) -> list[dict[str, Any]]:
    count_from = draw(st.sampled_from([0, 1])) if quirky else 0
    one_index = quirky and draw(st.booleans())
    again = draw(st.sampled_from(["never", "repeated", "blank"])) if quirky else "never"
    deltas: list[dict[str, Any]] = []
    for position, (call_id, name, arguments) in enumerate(calls):
        index = count_from + (0 if one_index else position)
        first = {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
        deltas.append({"tool_calls": [first]})
        silent = quirky and arguments == "{}" and draw(st.booleans())
        for piece in () if silent else draw(pieces_of(arguments)):
            part: dict[str, Any] = {"index": index, "function": {"arguments": piece}}
            if again == "repeated":
                part = {**part, "id": call_id, "function": {"name": name, "arguments": piece}}
            elif again == "blank":
                part = {**part, "id": "", "function": {"name": "", "arguments": piece}}
            deltas.append({"tool_calls": [part]})
    return deltas


@st.composite
def _chunks(  # noqa: PLR0913 - the parts of one telling
    draw: st.DrawFn,
    head: dict[str, Any],
    kind: str,
    streams: list[list[dict[str, Any]]],
    usage: dict[str, int] | None,
    *,
    quirky: bool,
) -> tuple[dict[str, Any], ...]:
    """Interleave the choices' parts, each in a chunk of its own, and tell the usage somewhere."""
    if "object" in head:
        head = {**head, "object": kind}
    drifts = quirky and "id" in head and draw(st.booleans())  # some servers make up a new id for every chunk
    waiting = [list(stream) for stream in streams]
    chunks: list[dict[str, Any]] = []
    while any(waiting):
        turn = draw(st.sampled_from([i for i, stream in enumerate(waiting) if stream]))
        drift = {"id": f"up-{len(chunks)}"} if drifts else {}
        chunks.append({**head, **drift, "choices": [waiting[turn].pop(0)]})
    where = draw(st.sampled_from(["own", "last", "every"])) if quirky and usage else "own"
    if usage and where == "own":
        chunks.append({**head, "choices": [], "usage": dict(usage)})
    elif usage:
        for chunk in chunks if where == "every" else chunks[-1:]:
            chunk["usage"] = dict(usage)
    return tuple(chunks)


@st.composite
def pieces_of(draw: st.DrawFn, text: str) -> list[str]:
    """The text in one or more pieces, none of them empty."""
    cuts = sorted(draw(st.sets(st.integers(1, len(text) - 1), max_size=4))) if len(text) > 1 else []
    bounds = [0, *cuts, len(text)]
    return [text[a:b] for a, b in pairwise(bounds) if a < b]


# --- bytes ---------------------------------------------------------------------------------------------------------


@st.composite
def reads_of(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The bytes as the network may deliver them: one by one, whole, or cut anywhere."""
    if draw(st.booleans()):
        return [data[i : i + 1] for i in range(len(data))]
    cuts = sorted(draw(st.sets(st.integers(0, len(data)), max_size=6)))
    bounds = [0, *cuts, len(data)]
    return [data[a:b] for a, b in pairwise(bounds)]


@st.composite
def streams_of(draw: st.DrawFn, chunks: tuple[dict[str, Any], ...], *, plain: bool = False) -> bytes:
    """Chunks as server-sent events; unless `plain`, with any line ends, comments, and fields that mean nothing."""
    end = "\n" if plain else draw(st.sampled_from(["\n", "\r\n", "\r"]))
    lines: list[str] = []
    for chunk in chunks:
        if not plain:
            lines += draw(st.sampled_from([[], [": ping", ""], ["", ""], ["event: message"], ["id: 7"], ["retry: 10"]]))
        space = "" if not plain and draw(st.booleans()) else " "
        lines += [f"event: {chunk['type']}"] if isinstance(chunk.get("type"), str) else []
        lines += [f"data:{space}{json.dumps(chunk, ensure_ascii=draw(st.booleans()))}", ""]
    return end.join([*lines, "data: [DONE]", "", ""]).encode()
