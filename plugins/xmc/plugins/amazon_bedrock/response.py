"""From a whole Converse answer to a canonical response.

Text blocks are joined as they are. Converse gives neither an id nor a model; both come from the request.
Source: Amazon Bedrock API reference, "Converse", response.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xmc.plugins.amazon_bedrock.error import error_from_answer
from xmc.plugins.amazon_bedrock.usage import read_finish, read_usage
from xmc.plugins.openai_family.field import UnreadableError, encode_text
from xmc.plugins.translation.answer import add_up_usage, call_head, decode_answer, head_of, with_usage
from xmc.schema import Context, ProviderError, Response, WireReply


def decode_converse(
    reply: WireReply, translate: Callable[[dict[str, Any]], dict[str, Any]]
) -> Response | ProviderError:
    """Turn one HTTP reply into a canonical response or an error. Total: any bytes give one of the two."""
    return decode_answer(reply, translate, read_error=error_from_answer)


def chat_response(body: Mapping[str, Any], context: Context, model: str, names: Mapping[str, str]) -> dict[str, Any]:
    """Translate a message into a chat completion. Raises `UnreadableError`."""
    text: list[str] = []
    thoughts: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    for block in _blocks(body):
        if isinstance(block.get("text"), str):
            text.append(block["text"])
        elif isinstance(block.get("citationsContent"), dict):
            text.append(_cited(block["citationsContent"]))
        elif isinstance(block.get("toolUse"), dict):
            calls.append(_call(block["toolUse"], f"{context.id}_{len(calls)}", names))
        elif isinstance(block.get("reasoningContent"), dict):
            thoughts.append(_thought(block["reasoningContent"]))
    content = "".join(text)
    message: dict[str, Any] = {"role": "assistant", "content": content or (None if calls else "")}
    reasoning = "".join(thought.get("thinking", "") for thought in thoughts)
    if reasoning:
        message["reasoning_content"] = reasoning
    message |= {"thinking_blocks": thoughts} if thoughts else {}
    message |= {"tool_calls": calls} if calls else {}
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        **read_finish(body.get("stopReason"), called=bool(calls)),
    }
    head = head_of("chat.completion", "chatcmpl", {}, context, model)
    return with_usage({**head, "choices": [choice]}, read_usage(body.get("usage")))


def completions_response(bodies: Sequence[Mapping[str, Any]], context: Context, model: str) -> dict[str, Any]:
    """Translate messages, one for each prompt, into one text completion.

    Usage is added up. Raises `UnreadableError`.
    """
    choices = []
    for index, body in enumerate(bodies):
        text = "".join(block["text"] for block in _blocks(body) if isinstance(block.get("text"), str))
        finish = read_finish(body.get("stopReason"), called=False)
        choices.append({"index": index, "text": text, "logprobs": None, **finish})
    usage = add_up_usage([read_usage(body.get("usage")) for body in bodies])
    return with_usage({**head_of("text_completion", "cmpl", {}, context, model), "choices": choices}, usage)


def _blocks(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    output = body.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    blocks = message.get("content") if isinstance(message, dict) else None
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise UnreadableError("answered without a list of blocks in `output.message.content`")
    return blocks


def _cited(block: Mapping[str, Any]) -> str:
    content = block.get("content")
    parts = content if isinstance(content, list) else []
    return "".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _call(use: Mapping[str, Any], stem: str, names: Mapping[str, str]) -> dict[str, Any]:
    call = call_head(use.get("name"), use.get("toolUseId"), stem, names)
    given = use.get("input")
    call["function"]["arguments"] = encode_text({} if given is None else given)
    return call


def _thought(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return reasoning as a thinking block, which clients send back for the next turn."""
    told = block.get("reasoningText")
    if isinstance(told, dict) and isinstance(told.get("text"), str):
        signature = {"signature": told["signature"]} if isinstance(told.get("signature"), str) else {}
        return {"type": "thinking", "thinking": told["text"], **signature}
    redacted = block.get("redactedContent")
    if isinstance(redacted, str):
        return {"type": "redacted_thinking", "data": redacted}
    raise UnreadableError("answered with reasoning that is neither text nor redacted")
