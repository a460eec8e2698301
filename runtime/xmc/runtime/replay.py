"""A whole answer as the stream that it would have been, where the client asked for a stream and none was to be had."""

from collections.abc import Iterable
from typing import Any

from xmc.runtime.relay import Progress, put_chunk
from xmc.schema import Chunk, JsonObject, Task

_OBJECT = {Task.CHAT: "chat.completion.chunk", Task.COMPLETIONS: "text_completion"}


def replay(body: JsonObject, task: Task, progress: Progress) -> bytes:
    """Return a canonical response as events, without the final `[DONE]`.

    Per choice one event holds all of its content and one its finish reason; then comes usage, if asked for.
    `progress` is noted as for a stream; the caller looks at `complete`. Members that the canonical form does not know
    are kept where they stand: those of a message in the delta, those of the body in every chunk.
    """
    out = bytearray()
    for chunk in _chunks(body, task, with_usage=progress.include_usage):
        put_chunk(chunk, progress, out)
    return bytes(out)


def _chunks(body: JsonObject, task: Task, *, with_usage: bool) -> Iterable[Chunk]:
    usage = body.get("usage")
    head: Chunk = {**body, "object": _OBJECT.get(task, body.get("object"))}
    head.pop("usage", None)
    if with_usage:
        head["usage"] = None
    opening, ending = (_chat_opening, _chat_ending) if task is Task.CHAT else (_text_opening, _text_ending)
    choices: list[dict[str, Any]] = body.get("choices") or []
    for choice in choices:
        yield {**head, "choices": [opening(choice)]}
        if choice.get("finish_reason") is not None:
            yield {**head, "choices": [ending(choice)]}
    if usage is not None:
        yield {**head, "choices": [], "usage": usage}


def _chat_opening(choice: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in choice.items() if name != "message"}
    message: dict[str, Any] = choice.get("message") or {}
    delta = {"role": "assistant", **message}
    calls: list[dict[str, Any]] | None = message.get("tool_calls")
    if calls:
        delta["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls)]
    return {**rest, "delta": delta, "finish_reason": None}


def _chat_ending(choice: dict[str, Any]) -> dict[str, Any]:
    return {"index": choice.get("index", 0), "delta": {}, "logprobs": None, "finish_reason": choice["finish_reason"]}


def _text_opening(choice: dict[str, Any]) -> dict[str, Any]:
    return {**choice, "finish_reason": None}


def _text_ending(choice: dict[str, Any]) -> dict[str, Any]:
    return {"index": choice.get("index", 0), "text": "", "logprobs": None, "finish_reason": choice["finish_reason"]}
