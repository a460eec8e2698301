"""From Converse's stop reasons and usage to the canonical ones.

Tokens read from and written to the prompt cache are not in `inputTokens`; the canonical prompt is all of them.
Source: Amazon Bedrock API reference, "Converse", `stopReason`, `TokenUsage`; User Guide, "Prompt caching".
"""

from collections.abc import Mapping
from typing import Any

from xmc.plugins.openai_family.field import whole_number

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}


def read_finish(stop_reason: Any, *, called: bool) -> dict[str, str]:
    """Return `finish_reason`, and Converse's own word as `native_finish_reason` if there is one.

    A malformed output (`malformed_tool_use`, …) is an end like any other, whatever it holds.
    """
    known = isinstance(stop_reason, str) and bool(stop_reason)
    finish = _FINISH.get(stop_reason, "stop") if known else "stop"
    if finish in {"stop", "tool_calls"}:
        finish = "tool_calls" if called else "stop"
    return {"finish_reason": finish, "native_finish_reason": stop_reason} if known else {"finish_reason": finish}


def read_usage(usage: Any) -> dict[str, Any] | None:
    """Return canonical usage, or None if there are no numbers."""
    if not isinstance(usage, Mapping):
        return None
    names = ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens", "outputTokens")
    fresh, read, written, completion = (whole_number(usage.get(name)) for name in names)
    cache = {
        name: count for name, count in (("cached_tokens", read), ("cache_write_tokens", written)) if count is not None
    }
    found: dict[str, Any] = {}
    if cache or fresh is not None:
        found["prompt_tokens"] = (fresh or 0) + (read or 0) + (written or 0)
    if completion is not None:
        found["completion_tokens"] = completion
        if "prompt_tokens" in found:
            found["total_tokens"] = found["prompt_tokens"] + completion
    if found and cache:
        found["prompt_tokens_details"] = cache
    return found or None
