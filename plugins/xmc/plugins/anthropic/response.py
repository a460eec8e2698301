"""From a whole Messages answer to a canonical response.

Text blocks are joined as they are: one text may be split by calls or citations. Blocks of server tools have no place
in a canonical message and are left out.
Source: Anthropic API reference, "Messages", response.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from xmc.plugins.anthropic.error import error_from_answer, error_from_event
from xmc.plugins.anthropic.finish import read_finish, read_refusal
from xmc.plugins.anthropic.usage import read_usage
from xmc.plugins.openai_family.error import DECODE_ERRORS, find_request_id, garbled, is_error_body
from xmc.plugins.openai_family.field import UnreadableError, encode_text
from xmc.schema import Context, ProviderError, Response, WireReply

_SUCCESS = range(200, 300)
_decode = msgspec.json.Decoder().decode


def decode_answer(reply: WireReply, translate: Callable[[dict[str, Any]], dict[str, Any]]) -> Response | ProviderError:
    """Turn one HTTP reply into a canonical response or an error. Total: any bytes give one of the two."""
    if reply.status not in _SUCCESS:
        return error_from_answer(reply)
    try:
        body = _decode(reply.body)
    except DECODE_ERRORS:
        return garbled(reply.status, f"answered {reply.status} with a body that is not JSON", reply.headers)
    if not isinstance(body, dict):
        return garbled(reply.status, f"answered {reply.status} with JSON that is not an object", reply.headers)
    if is_error_body(body):
        error = error_from_event(body, find_request_id(reply.headers))
        if error is not None:
            return error
    try:
        return Response(translate(body))
    except UnreadableError as error:
        return garbled(reply.status, str(error), reply.headers)


def chat_response(body: Mapping[str, Any], context: Context, model: str, names: Mapping[str, str]) -> dict[str, Any]:
    """Translate a message into a chat completion. Raises `UnreadableError`."""
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    text: list[str] = []
    thoughts: list[str] = []
    found: dict[str, list[dict[str, Any]]] = {"thinking_blocks": [], "citations": [], "tool_calls": []}
    for block in _blocks(body):
        match block.get("type"):
            case "text":
                text.append(_text(block, "text"))
                found["citations"] += _citations(block)
            case "thinking":
                thoughts.append(_text(block, "thinking"))
                found["thinking_blocks"].append(block)
            case "redacted_thinking":
                found["thinking_blocks"].append(block)
            case "tool_use":
                stem = f"{context.id}_{len(found['tool_calls'])}"
                found["tool_calls"].append(_call(block, stem, names))
            case _:  # server tools, and whatever comes
                pass
    content = "".join(text)
    if "".join(thoughts):
        message["reasoning_content"] = "".join(thoughts)
    message |= {key: items for key, items in found.items() if items}
    message["content"] = content or (None if found["tool_calls"] else "")
    refusal = read_refusal(body) if body.get("stop_reason") == "refusal" and not content else None
    if refusal is not None:
        message |= {"content": None, "refusal": refusal}
    finish = read_finish(body.get("stop_reason"), called=bool(found["tool_calls"]))
    choice = {"index": 0, "message": message, "logprobs": None, **finish}
    head = head_of("chat.completion", "chatcmpl", body, context, model)
    return _with_usage({**head, "choices": [choice]}, read_usage(body.get("usage")))


def completions_response(bodies: Sequence[Mapping[str, Any]], context: Context, model: str) -> dict[str, Any]:
    """Translate messages, one for each prompt, into one text completion.

    Usage is added up. Raises `UnreadableError`.
    """
    choices = []
    for index, body in enumerate(bodies):
        text = "".join(_text(block, "text") for block in _blocks(body) if block.get("type") == "text")
        finish = read_finish(body.get("stop_reason"), called=False)
        choices.append({"index": index, "text": text, "logprobs": None, **finish})
    usage = _add_up([read_usage(body.get("usage")) for body in bodies])
    head = head_of("text_completion", "cmpl", bodies[0], context, model)
    return _with_usage({**head, "choices": choices}, usage)


def head_of(kind: str, prefix: str, body: Mapping[str, Any], context: Context, model: str) -> dict[str, Any]:
    """Return what stands at the top of a response and of every chunk; what the provider does not say is filled in."""
    given_id, given_model = body.get("id"), body.get("model")
    return {
        "id": given_id if isinstance(given_id, str) and given_id else f"{prefix}-{context.id}",
        "object": kind,
        "created": context.created,
        "model": given_model if isinstance(given_model, str) and given_model else model,
    }


def _with_usage(response: dict[str, Any], usage: dict[str, Any] | None) -> dict[str, Any]:
    return response if usage is None else {**response, "usage": usage}


def _blocks(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    blocks = body.get("content")
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise UnreadableError("answered without a list of blocks in `content`")
    return blocks


def _text(block: Mapping[str, Any], key: str) -> str:
    text = block.get(key)
    if not isinstance(text, str):
        raise UnreadableError(f"answered with a block of type `{key}` that holds no text")
    return text


def _citations(block: Mapping[str, Any]) -> list[dict[str, Any]]:
    citations = block.get("citations")
    return [one for one in citations if isinstance(one, dict)] if isinstance(citations, list) else []


def _call(block: Mapping[str, Any], stem: str, names: Mapping[str, str]) -> dict[str, Any]:
    given = block.get("input")
    call = call_head(block, stem, names)
    call["function"]["arguments"] = encode_text({} if given is None else given)
    return call


def call_head(block: Mapping[str, Any], stem: str, names: Mapping[str, str]) -> dict[str, Any]:
    """Return a call without arguments; `stem` makes the id if the provider gave none. Raises `UnreadableError`."""
    name, call_id, toolset = block.get("name"), block.get("id"), block.get("toolset_name")
    if not isinstance(name, str) or not name:
        raise UnreadableError("answered with a tool call that names no tool")
    call: dict[str, Any] = {
        "id": call_id if isinstance(call_id, str) and call_id else f"call_{stem}",
        "type": "function",
        "function": {"name": names.get(name, name), "arguments": ""},
    }
    if isinstance(toolset, str):
        call["toolset_name"] = toolset
    return call


def _add_up(usages: Sequence[dict[str, Any] | None]) -> dict[str, Any] | None:
    """Add the usage of several calls; None if one of them is unknown."""
    total: dict[str, Any] = {}
    for usage in usages:
        if usage is None:
            return None
        _add(total, usage)
    return total


def _add(total: dict[str, Any], usage: Mapping[str, Any]) -> None:
    for name, value in usage.items():
        if isinstance(value, Mapping):
            _add(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value
