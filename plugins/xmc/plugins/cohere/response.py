"""From Cohere's answers to canonical ones.

The plan before calls of tools, and thinking, become `reasoning_content`. Token counts are those that the model read and
wrote, Cohere's own frame included; what is billed is less. Finish reasons `ERROR` and `TIMEOUT` are failures.
Source: Cohere API reference, "Chat (v2)", response; cohere-python 7.3.1.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from xmc.plugins.openai_family.field import UnreadableError, read_arguments, whole_number
from xmc.plugins.translation.answer import add_up_usage, call_head, head_of, with_usage
from xmc.schema import Context, ProviderError

_FINISH = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}
_FAILED = {"ERROR": 502, "TIMEOUT": 504}


class FailedError(Exception):
    """An answer that says that it failed."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(error.message)
        self.error = error


def chat_response(body: Mapping[str, Any], context: Context, model: str, names: Mapping[str, str]) -> dict[str, Any]:
    """Translate an answer into a chat completion. Raises `UnreadableError`, `FailedError`."""
    finish = read_finish(body)
    message = _message_of(body)
    texts = texts_of(message.get("content"))
    plan = message.get("tool_plan")
    # As in a stream: what the model thought comes before what it plans.
    thought = "".join([*(text for kind, text in texts if kind == "thinking"), plan if isinstance(plan, str) else ""])
    calls = [_call(call, f"{context.id}_{index}", names) for index, call in enumerate(_items(message, "tool_calls"))]
    content = "".join(text for kind, text in texts if kind == "text")
    said: dict[str, Any] = {"role": "assistant", "content": content or (None if calls else "")}
    if thought:
        said["reasoning_content"] = thought
    citations = _items(message, "citations")
    said |= {key: items for key, items in (("citations", citations), ("tool_calls", calls)) if items}
    choice = {"index": 0, "message": said, "logprobs": logprobs_of(body.get("logprobs")), **finish}
    head = head_of("chat.completion", "chatcmpl", body, context, model)
    return with_usage({**head, "choices": [choice]}, read_usage(body.get("usage")))


def completions_response(bodies: Sequence[Mapping[str, Any]], context: Context, model: str) -> dict[str, Any]:
    """Translate answers, one for each prompt, into one text completion; usage is added up.

    Raises `UnreadableError`, `FailedError`.
    """
    choices = [
        {
            "index": index,
            "text": "".join(text for kind, text in texts_of(_message_of(body).get("content")) if kind == "text"),
            "logprobs": None,
            **read_finish(body),
        }
        for index, body in enumerate(bodies)
    ]
    head = head_of("text_completion", "cmpl", bodies[0], context, model)
    return with_usage({**head, "choices": choices}, add_up_usage([read_usage(body.get("usage")) for body in bodies]))


def read_finish(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the end of a choice, with Cohere's own word for it. Raises `FailedError`, `UnreadableError`."""
    reason = body.get("finish_reason")
    if not isinstance(reason, str) or not reason:
        raise UnreadableError("answered without a finish reason")
    if reason.upper() in _FAILED:
        said = body.get("error")
        message = said if isinstance(said, str) and said else f"the model ended with {reason}"
        raise FailedError(ProviderError(_FAILED[reason.upper()], message, code=reason.lower(), type="upstream_error"))
    return {"finish_reason": _FINISH.get(reason.upper(), "stop"), "native_finish_reason": reason}


def read_usage(usage: Any) -> dict[str, Any] | None:
    """Return canonical usage: `tokens`, or what is billed where that is all; None if there are no numbers."""
    if not isinstance(usage, dict):
        return None
    for name in ("tokens", "billed_units"):
        counted = usage.get(name)
        if isinstance(counted, dict):
            prompt, produced = (whole_number(counted.get(key)) for key in ("input_tokens", "output_tokens"))
            if prompt is not None and produced is not None:
                numbers: dict[str, Any] = {
                    "prompt_tokens": prompt, "completion_tokens": produced, "total_tokens": prompt + produced,
                }  # fmt: skip
                cached = whole_number(usage.get("cached_tokens"))
                return numbers if cached is None else {**numbers, "prompt_tokens_details": {"cached_tokens": cached}}
    return None


def logprobs_of(items: Any) -> dict[str, Any] | None:
    """Return log probabilities in OpenAI's form: an item of Cohere's may be several tokens, whose sum is told."""
    given = [items] if isinstance(items, dict) else items
    if not isinstance(given, list):
        return None
    content: list[dict[str, Any]] = []
    for item in given:
        text, numbers = (item.get("text"), item.get("logprobs")) if isinstance(item, dict) else (None, None)
        if not isinstance(text, str) or not isinstance(numbers, list) or not all(map(_is_number, numbers)):
            return None
        data = list(text.encode("utf-8", "replace"))
        content.append({"token": text, "logprob": sum(numbers), "bytes": data, "top_logprobs": []})
    return {"content": content, "refusal": None} if content else None


def texts_of(content: Any) -> list[tuple[str, str]]:
    """Return the parts of content as (`text` or `thinking`, what they say). Raises `UnreadableError`."""
    if content is None:
        return []
    if isinstance(content, str):
        return [("text", content)]
    if not isinstance(content, list):
        raise UnreadableError("answered with a `content` that is neither text nor a list of parts")
    return [text_of(part) for part in content]


def text_of(part: Any) -> tuple[str, str]:
    """Return one part of content as (`text` or `thinking`, what it says). Raises `UnreadableError`."""
    for kind in ("text", "thinking"):
        if isinstance(part, dict) and isinstance(part.get(kind), str):
            return kind, part[kind]
    raise UnreadableError("answered with a part that is neither text nor thinking")


def _message_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    message = body.get("message")
    if not isinstance(message, dict):
        raise UnreadableError("answered without a message")
    return message


def _items(message: Mapping[str, Any], name: str) -> list[Any]:
    items = message.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise UnreadableError(f"answered with `{name}` that are no list of objects")
    return items


def _call(call: Mapping[str, Any], stem: str, names: Mapping[str, str]) -> dict[str, Any]:
    function = call.get("function")
    given: Mapping[str, Any] = function if isinstance(function, dict) else {}
    head = call_head(given.get("name"), call.get("id"), stem, names)
    return {**head, "function": {**head["function"], "arguments": read_arguments(given.get("arguments")) or "{}"}}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
