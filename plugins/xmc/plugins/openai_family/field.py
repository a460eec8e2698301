"""The fields of answers and chunks that upstreams get wrong: read leniently, written in canonical form.

Whatever cannot be read raises `UnreadableError`, which the callers at the edge turn into a `ProviderError`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from xmc.schema import Context

CANONICAL_FINISH = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})

# Finish reasons of other APIs that leak through OpenAI-compatible servers, in lower case.
_FOREIGN_FINISH = {
    "complete": "stop",
    "end_turn": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_length": "length",
    "max_output_tokens": "length",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "safety": "content_filter",
    "content_filtered": "content_filter",
    "refusal": "content_filter",
}


_USAGE_NUMBERS = ("prompt_tokens", "completion_tokens", "total_tokens")


class UnreadableError(ValueError):
    """An answer that has no canonical form; the message ends the sentence "the upstream …"."""


class Origin(msgspec.Struct, frozen=True):
    """What fills the gaps of an answer: the request's context and the target's model.

    `trusted`: the upstream is taken at its word, and only what the canonical form cannot do without is filled in.
    """

    context: Context
    model: str
    trusted: bool


def fill_head(body: Mapping[str, Any], kind: str, prefix: str, origin: Origin) -> dict[str, Any]:
    """Copy the top level of an answer or chunk with `id`, `object`, `created` and `model` in place."""
    head = dict(body)
    if not _is_text(body.get("id")):
        head["id"] = f"{prefix}-{origin.context.id}"
    head["object"] = kind
    head["created"] = whole_number(body.get("created")) or origin.context.created
    if not _is_text(body.get("model")):
        head["model"] = origin.model
    return head


def read_finish(reason: Any) -> tuple[str | None, str | None]:
    """Return the canonical finish reason (None if none was given) and the upstream's own word, if it was another.

    An unknown word means that the choice ended for a reason of the upstream's own: `stop`.
    """
    if not isinstance(reason, str) or not reason:
        return None, None
    if reason in CANONICAL_FINISH:
        return reason, None
    return _FOREIGN_FINISH.get(reason.lower(), reason.lower() if reason.lower() in CANONICAL_FINISH else "stop"), reason


def read_content(content: Any) -> tuple[str | None, str]:
    """Return content as text (None if there is none) and the reasoning that stood between its parts.

    Parts: `text` and `output_text`; `reasoning` with a `summary` list; `thinking`; `refusal` is not content.
    """
    if content is None or isinstance(content, str):
        return content, ""
    parts = [content] if isinstance(content, dict) else content
    if not isinstance(parts, list):
        raise UnreadableError("answered with a `content` that is neither text nor a list of parts")
    text: list[str] = []
    reasoning: list[str] = []
    for part in parts:
        if isinstance(part, str):
            text.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            text.append(part["text"])
        elif isinstance(part, dict) and part.get("type") in {"reasoning", "thinking"}:
            reasoning.append(_reasoning_of(part))
        else:
            raise UnreadableError("answered with a content part that has no place in a message")
    return "".join(text) if text else None, "".join(reasoning)


def read_arguments(arguments: Any) -> str:
    """Return a tool call's arguments as a JSON text; "" if there are none."""
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else encode_text(arguments)


def read_usage(usage: Any, *, completion: bool = True) -> dict[str, Any] | None:
    """Return usage with whole numbers, computing the missing one of three; None if there are no numbers.

    A number that is absent and cannot be computed stays absent. Embeddings (`completion` false) produce no tokens,
    so there the prompt is the total.
    """
    if not isinstance(usage, dict):
        return None
    prompt, produced, total = usage.get("prompt_tokens"), usage.get("completion_tokens"), usage.get("total_tokens")
    if _is_count(prompt) and _is_count(produced) and _is_count(total):
        return usage
    prompt, produced, total = whole_number(prompt), whole_number(produced), whole_number(total)
    if not completion and produced is None:
        prompt, total = (total if prompt is None else prompt), (prompt if total is None else total)
    elif prompt is None and total is not None and produced is not None:
        prompt = max(total - produced, 0)
    elif produced is None and total is not None and prompt is not None:
        produced = max(total - prompt, 0)
    elif total is None and prompt is not None and produced is not None:
        total = prompt + produced
    found = zip(_USAGE_NUMBERS, (prompt, produced, total), strict=True)
    numbers = {name: value for name, value in found if value is not None}
    rest = {name: value for name, value in usage.items() if name not in _USAGE_NUMBERS}
    return {**numbers, **rest} if numbers else None


def whole_number(value: Any) -> int | None:
    """Return a count or time as a non-negative int, or None if it is none. `7.0` is 7."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def renumber(items: list[dict[str, Any]]) -> None:
    """Give items their positions as `index`, unless their own indexes are already 0 … n-1; then sort by them."""
    if len(items) == 1:
        items[0]["index"] = 0
        return
    indexes = [item["index"] for item in items if type(item.get("index")) is int]
    if sorted(indexes) == list(range(len(items))):
        items.sort(key=lambda item: int(item["index"]))
        return
    for position, item in enumerate(items):
        item["index"] = position


def encode_text(value: Any) -> str:
    """Return JSON as text. Raises `UnreadableError` for what decoding let through and encoding does not."""
    try:
        return msgspec.json.encode(value).decode()
    except (ValueError, RecursionError) as error:
        raise UnreadableError("answered with JSON that cannot be written again") from error


def _reasoning_of(part: Mapping[str, Any]) -> str:
    thinking = part.get("thinking")
    if isinstance(thinking, str):
        return thinking
    summary = part.get("summary")
    pieces = summary if isinstance(summary, list) else []
    return "".join(piece["text"] for piece in pieces if isinstance(piece, dict) and isinstance(piece.get("text"), str))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""
