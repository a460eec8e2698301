"""From Anthropic's usage to the canonical one.

Anthropic counts what it read from and wrote to its prompt cache apart from `input_tokens`; the canonical prompt is all
of it. Thinking is part of `output_tokens` in both.
Source: Anthropic API reference, "Messages", `usage`; "Streaming messages": counts in `message_delta` are cumulative.
"""

from collections.abc import Mapping
from typing import Any

from xmc.plugins.openai_family.field import whole_number

_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")


def merge_usage(known: Mapping[str, Any], news: Any) -> dict[str, Any]:
    """Return what is known after an event: its numbers replace earlier ones, and what it does not give stays."""
    if not isinstance(news, Mapping):
        return dict(known)
    return {**known, **{name: value for name, value in news.items() if value is not None}}


def read_usage(usage: Any) -> dict[str, Any] | None:
    """Return canonical usage, or None if there are no numbers.

    `cached_tokens` are those read from the cache, `cache_write_tokens` those written to it.
    """
    if not isinstance(usage, Mapping):
        return None
    fresh, read, written, completion = [whole_number(usage.get(name)) for name in _COUNTS]
    found: dict[str, Any] = {}
    cache: dict[str, int] = {}
    if read is not None:
        cache["cached_tokens"] = read
    if written is not None:
        cache["cache_write_tokens"] = written
    if cache or fresh is not None:
        found["prompt_tokens"] = (fresh or 0) + (read or 0) + (written or 0)
    if completion is not None:
        found["completion_tokens"] = completion
        if "prompt_tokens" in found:
            found["total_tokens"] = found["prompt_tokens"] + completion
    if not found:
        return None
    if cache:
        found["prompt_tokens_details"] = cache
    details = usage.get("output_tokens_details")
    thought = whole_number(details.get("thinking_tokens")) if isinstance(details, Mapping) else None
    if thought is not None:
        found["completion_tokens_details"] = {"reasoning_tokens": thought}
    return found
