"""From Gemini's finish reasons and usage to the canonical ones.

Thoughts are counted apart from what the model said, and are part of the canonical completion; what was read from the
cache is part of the prompt in both.
Source: Vertex AI API reference, "FinishReason", "UsageMetadata"; google-genai 3.4.0.
"""

from collections.abc import Mapping
from typing import Any

from xmc.plugins.openai_family.field import whole_number

_LENGTH = ("MAX_TOKENS", "CONTINUATION")
_FILTERED = (
    "SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION",
    "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_OTHER", "PUP_LIMITED_DISABLED",
)  # fmt: skip
_FINISH = {**dict.fromkeys(_LENGTH, "length"), **dict.fromkeys(_FILTERED, "content_filter")}


def read_finish(reason: Any, *, called: bool) -> dict[str, str]:
    """Return `finish_reason`, and Gemini's own word as `native_finish_reason` if there is one.

    `called`: the candidate holds calls of tools, so that an ordinary end is one to make them. A malformed call, and a
    reason that came after this was written, is an end like any other.
    """
    known = isinstance(reason, str) and bool(reason)
    finish = _FINISH.get(reason, "stop") if known else "stop"
    if called and finish == "stop":
        finish = "tool_calls"
    return {"finish_reason": finish, "native_finish_reason": reason} if known else {"finish_reason": finish}


def read_block(body: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """Return why the prompt was refused, as a word and in words; None if it was not."""
    feedback = body.get("promptFeedback")
    reason = feedback.get("blockReason") if isinstance(feedback, Mapping) else None
    if not isinstance(reason, str) or not reason:
        return None
    message = feedback.get("blockReasonMessage") if isinstance(feedback, Mapping) else None
    return reason, message if isinstance(message, str) and message else None


def read_usage(usage: Any) -> dict[str, Any] | None:
    """Return canonical usage, or None if there are no numbers."""
    if not isinstance(usage, Mapping):
        return None
    names = ("promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    prompt, tools, said, thought = (whole_number(usage.get(name)) for name in names)
    total = whole_number(usage.get("totalTokenCount"))
    if prompt is not None:
        prompt += tools or 0
    completion = None if said is None and thought is None else (said or 0) + (thought or 0)
    if completion is None and prompt is not None and total is not None:
        completion = max(total - prompt, 0)
    if total is None and prompt is not None and completion is not None:
        total = prompt + completion
    numbers = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
    found: dict[str, Any] = {name: number for name, number in numbers.items() if number is not None}
    cached = whole_number(usage.get("cachedContentTokenCount"))
    if found and cached is not None:
        found["prompt_tokens_details"] = {"cached_tokens": cached}
    if found and thought is not None:
        found["completion_tokens_details"] = {"reasoning_tokens": thought}
    return found or None
