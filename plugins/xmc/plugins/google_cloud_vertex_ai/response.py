"""From a whole `generateContent` answer to a canonical response.

Text parts are joined as they are. A prompt that was refused has no candidates and becomes one choice without content.
Source: Vertex AI API reference, "GenerateContentResponse".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xmc.plugins.google_cloud_vertex_ai.candidate import (
    call_of,
    candidates_of,
    citations_of,
    logprobs_of,
    pieces_of,
)
from xmc.plugins.google_cloud_vertex_ai.usage import read_block, read_finish, read_usage
from xmc.plugins.openai_family.error import error_from_reply
from xmc.plugins.openai_family.field import UnreadableError
from xmc.plugins.translation.answer import add_up_usage, decode_answer, head_of, with_usage
from xmc.schema import Context, ProviderError, Response, WireReply


def decode_content(reply: WireReply, translate: Callable[[dict[str, Any]], dict[str, Any]]) -> Response | ProviderError:
    """Turn one HTTP reply into a canonical response or an error. Total: any bytes give one of the two."""
    return decode_answer(reply, translate, read_error=error_from_reply)


def head_source(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return id and model, as Gemini names them, in the words of `head_of`."""
    return {"id": body.get("responseId"), "model": body.get("modelVersion")}


def chat_response(body: Mapping[str, Any], context: Context, model: str, names: Mapping[str, str]) -> dict[str, Any]:
    """Translate an answer into a chat completion. Raises `UnreadableError`."""
    choices = [_choice(index, candidate, context, names) for index, candidate in _numbered(body)]
    if not choices:
        reason, words = _block(body)
        refusal = {} if words is None else {"refusal": words}
        message: dict[str, Any] = {"role": "assistant", "content": None, **refusal}
        choices = [{"index": 0, "message": message, "logprobs": None, **blocked(reason)}]
    head = head_of("chat.completion", "chatcmpl", head_source(body), context, model)
    return with_usage({**head, "choices": choices}, read_usage(body.get("usageMetadata")))


def completions_response(bodies: Sequence[Mapping[str, Any]], context: Context, model: str) -> dict[str, Any]:
    """Translate answers, one for each prompt, into one text completion.

    Usage is added up. Raises `UnreadableError`.
    """
    choices: list[dict[str, Any]] = []
    for body in bodies:
        found = _numbered(body)
        if not found:
            choices.append({"index": len(choices), "text": "", "logprobs": None, **blocked(_block(body)[0])})
        for _, candidate in found:
            text = "".join(said for kind, said in pieces_of(candidate) if kind == "text")
            finish = read_finish(candidate.get("finishReason"), called=False)
            choices.append({"index": len(choices), "text": text, "logprobs": None, **finish})
    usage = add_up_usage([read_usage(body.get("usageMetadata")) for body in bodies])
    head = head_of("text_completion", "cmpl", head_source(bodies[0]), context, model)
    return with_usage({**head, "choices": choices}, usage)


def blocked(reason: str) -> dict[str, str]:
    """Return the end of a choice whose prompt was refused."""
    return {"finish_reason": "content_filter", "native_finish_reason": reason}


def _numbered(body: Mapping[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Return the candidates, numbered from 0 without gaps. Raises `UnreadableError`."""
    ordered = sorted(candidates_of(body), key=lambda numbered: numbered[0])
    return [(position, candidate) for position, (_, candidate) in enumerate(ordered)]


def _block(body: Mapping[str, Any]) -> tuple[str, str | None]:
    block = read_block(body)
    if block is None:
        raise UnreadableError("answered without candidates")
    return block


def _choice(index: int, candidate: Mapping[str, Any], context: Context, names: Mapping[str, str]) -> dict[str, Any]:
    said: dict[str, list[str]] = {"text": [], "thought": []}
    calls: list[dict[str, Any]] = []
    for kind, piece in pieces_of(candidate):
        if kind == "call":
            call, arguments = call_of(piece, f"{context.id}_{index}_{len(calls)}", names)
            calls.append({**call, "function": {**call["function"], "arguments": arguments}})
        else:
            said[kind].append(piece)
    content = "".join(said["text"])
    message: dict[str, Any] = {"role": "assistant", "content": content or (None if calls else "")}
    if said["thought"]:
        message["reasoning_content"] = "".join(said["thought"])
    found = {"citations": citations_of(candidate), "tool_calls": calls}
    message |= {key: items for key, items in found.items() if items}
    finish = read_finish(candidate.get("finishReason"), called=bool(calls))
    return {"index": index, "message": message, "logprobs": logprobs_of(candidate), **finish}
