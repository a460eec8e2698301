"""From a whole upstream answer to the canonical response of its task.

Source: OpenAI API reference, "Chat Completions", "Completions (legacy)", "Embeddings"; answers that fall short of it
are those that OpenAI-compatible servers give, one test each.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from xmc.plugins.openai_family.embedding import encode_embedding
from xmc.plugins.openai_family.error import (
    DECODE_ERRORS,
    error_from_reply,
    error_from_value,
    find_request_id,
    garbled,
    is_error_body,
)
from xmc.plugins.openai_family.field import (
    Origin,
    UnreadableError,
    fill_head,
    read_arguments,
    read_content,
    read_finish,
    read_usage,
    renumber,
)
from xmc.schema import ProviderError, Response, WireReply

_SUCCESS = range(200, 300)


def decode_reply(reply: WireReply, normalise: Callable[[dict[str, Any]], dict[str, Any]]) -> Response | ProviderError:
    """Turn one HTTP reply into a canonical response or an error. Total: any bytes give one of the two."""
    if reply.status not in _SUCCESS:
        return error_from_reply(reply)
    try:
        body = msgspec.json.decode(reply.body)
    except DECODE_ERRORS:
        return garbled(reply.status, f"answered {reply.status} with a body that is not JSON", reply.headers)
    if not isinstance(body, dict):
        return garbled(reply.status, f"answered {reply.status} with JSON that is not an object", reply.headers)
    if is_error_body(body):
        error = error_from_value(body, 0, find_request_id(reply.headers))
        if error is not None:
            return error
    try:
        return Response(normalise(body))
    except UnreadableError as error:
        return garbled(reply.status, str(error), reply.headers)


def chat_response(body: dict[str, Any], origin: Origin) -> dict[str, Any]:
    """Normalise a chat completion. Raises `UnreadableError`."""
    response = _fill(body, "chat.completion", "chatcmpl", origin)
    choices = _choices(body)
    for position, choice in enumerate(choices):
        message = choice.get("message")
        if not isinstance(message, dict):
            raise UnreadableError("answered with a choice that has no `message`")
        choice["message"] = read_message(message, f"{origin.context.id}_{position}")
        called = bool(choice["message"].get("tool_calls"))
        set_finish(choice, called=called, trusted=origin.trusted)
        if choice["finish_reason"] is None:
            choice["finish_reason"] = "tool_calls" if called else "stop"
    renumber(choices)
    response["choices"] = choices
    return response


def completions_response(body: dict[str, Any], origin: Origin) -> dict[str, Any]:
    """Normalise a text completion. Raises `UnreadableError`."""
    response = _fill(body, "text_completion", "cmpl", origin)
    choices = _choices(body)
    for choice in choices:
        choice["text"] = read_choice_text(choice, "message")
        choice.setdefault("logprobs", None)
        set_finish(choice, called=False, trusted=origin.trusted)
        choice["finish_reason"] = choice["finish_reason"] or "stop"
    renumber(choices)
    response["choices"] = choices
    return response


def embeddings_response(body: dict[str, Any], origin: Origin, encoding: str) -> dict[str, Any]:
    """Normalise embeddings, every vector in the encoding that was asked for. Raises `UnreadableError`.

    `encoding`: `float` (a list of numbers per input) or `base64` (little-endian float32). The order of `data` is the
    order of the inputs.
    """
    rows = body.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnreadableError("answered without a list of embeddings in `data`")
    data = [
        {**row, "object": "embedding", "embedding": encode_embedding(row.get("embedding"), encoding)} for row in rows
    ]
    renumber(data)
    response = {**body, "object": "list", "data": data}
    if not isinstance(body.get("model"), str) or not body["model"]:
        response["model"] = origin.model
    return _with_usage(response, read_usage(body.get("usage"), completion=False))


def read_message(message: Mapping[str, Any], call_stem: str) -> dict[str, Any]:
    """Normalise an assistant message: role, content as text, reasoning beside it, tool calls whole."""
    found = dict(message)
    found["role"] = "assistant"
    text, reasoning = read_content(message.get("content"))
    move_reasoning(found, reasoning)
    calls = found.pop("tool_calls", None)
    if calls:
        if not isinstance(calls, list):
            raise UnreadableError("answered with `tool_calls` that are no list")
        found["tool_calls"] = [_read_call(call, f"call_{call_stem}_{i}") for i, call in enumerate(calls)]
        text = text or None
    found["content"] = text
    return found


def move_reasoning(found: dict[str, Any], reasoning: str) -> None:
    """Put reasoning under its one canonical name, whether it came as content parts or as `reasoning`."""
    other = found.get("reasoning")
    if not reasoning and isinstance(other, str) and not found.get("reasoning_content"):
        reasoning = other
        del found["reasoning"]
    if reasoning and not found.get("reasoning_content"):
        found["reasoning_content"] = reasoning


def set_finish(choice: dict[str, Any], *, called: bool, trusted: bool) -> None:
    """Put the canonical finish reason, None if none; the upstream's own word stays as `native_finish_reason`."""
    finish, native = read_finish(choice.get("finish_reason"))
    if native is not None:
        choice["native_finish_reason"] = native
    if finish == "stop" and called and not trusted:
        finish = "tool_calls"
    choice["finish_reason"] = finish


def read_choice_text(choice: dict[str, Any], chat_key: str) -> str:
    """Return the text of a completions choice, also of one shaped like chat (`chat_key`). Raises `UnreadableError`."""
    text = choice.get("text")
    if isinstance(text, str):
        return text
    chat = choice.get(chat_key)
    if text is None and isinstance(chat, dict):
        del choice[chat_key]
        return read_content(chat.get("content"))[0] or ""
    raise UnreadableError("answered with a choice that has no `text`")


def _read_call(call: Any, new_id: str) -> dict[str, Any]:
    if not isinstance(call, dict):
        raise UnreadableError("answered with a tool call that is no object")
    found = {key: value for key, value in call.items() if key != "index"}
    if not isinstance(call.get("id"), str) or not call["id"]:
        found["id"] = new_id
    function = call.get("function")
    if isinstance(function, dict):
        name = function.get("name")
        if not isinstance(name, str):
            raise UnreadableError("answered with a tool call that names no function")
        arguments = read_arguments(function.get("arguments")) or "{}"
        found["function"] = {**function, "name": name, "arguments": arguments}
        found["type"] = "function"
    elif not isinstance(call.get("type"), str) or call["type"] == "function":
        raise UnreadableError("answered with a tool call that has no `function`")
    return found


def _fill(body: dict[str, Any], kind: str, prefix: str, origin: Origin) -> dict[str, Any]:
    response = fill_head(body, kind, prefix, origin)
    response.pop("error", None)
    return _with_usage(response, read_usage(body.get("usage")))


def _with_usage(response: dict[str, Any], usage: dict[str, Any] | None) -> dict[str, Any]:
    response.pop("usage", None)
    if usage is not None:
        response["usage"] = usage
    return response


def _choices(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        raise UnreadableError("answered without a list of choices")
    found: list[dict[str, Any]] = []
    for choice in choices:
        if not isinstance(choice, dict):
            raise UnreadableError("answered without a list of choices")
        found.append(dict(choice))
    return found
