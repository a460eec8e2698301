"""From a whole Messages answer to a canonical response.

Text blocks are joined as they are: one text may be split by calls or citations. Blocks of server tools have no place
in a canonical message and are left out.
Source: Anthropic API reference, "Messages", response.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xmc.plugins.anthropic.error import error_from_answer, error_from_event
from xmc.plugins.anthropic.finish import read_finish, read_refusal
from xmc.plugins.anthropic.usage import read_usage
from xmc.plugins.openai_family.field import UnreadableError, encode_text
from xmc.plugins.translation.answer import add_up_usage, call_head, decode_answer, head_of, with_usage
from xmc.schema import Context, ProviderError, Response, WireReply


def decode_message(reply: WireReply, translate: Callable[[dict[str, Any]], dict[str, Any]]) -> Response | ProviderError:
    """Turn one HTTP reply into a canonical response or an error. Total: any bytes give one of the two."""
    return decode_answer(reply, translate, read_error=error_from_answer, read_error_value=error_from_event)


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
    return with_usage({**head, "choices": [choice]}, read_usage(body.get("usage")))


def completions_response(bodies: Sequence[Mapping[str, Any]], context: Context, model: str) -> dict[str, Any]:
    """Translate messages, one for each prompt, into one text completion.

    Usage is added up. Raises `UnreadableError`.
    """
    choices = []
    for index, body in enumerate(bodies):
        text = "".join(_text(block, "text") for block in _blocks(body) if block.get("type") == "text")
        finish = read_finish(body.get("stop_reason"), called=False)
        choices.append({"index": index, "text": text, "logprobs": None, **finish})
    usage = add_up_usage([read_usage(body.get("usage")) for body in bodies])
    head = head_of("text_completion", "cmpl", bodies[0], context, model)
    return with_usage({**head, "choices": choices}, usage)


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
    call = block_call(block, stem, names)
    call["function"]["arguments"] = encode_text({} if given is None else given)
    return call


def block_call(block: Mapping[str, Any], stem: str, names: Mapping[str, str]) -> dict[str, Any]:
    """Return a call without arguments; `stem` makes the id if the provider gave none. Raises `UnreadableError`."""
    call = call_head(block.get("name"), block.get("id"), stem, names)
    if isinstance(block.get("toolset_name"), str):
        call["toolset_name"] = block["toolset_name"]
    return call
