"""From Anthropic's stop reasons to canonical finish reasons.

Source: Anthropic API documentation, "Handling stop reasons". New reasons may come within a version of the API.
"""

from typing import Any

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",  # the turn of a server tool was interrupted: it is not at its end
    "refusal": "content_filter",
}


def read_finish(stop_reason: Any, *, called: bool) -> dict[str, str]:
    """Return `finish_reason`, and Anthropic's own word as `native_finish_reason` if there is one.

    `called`: the answer holds calls of tools, so that an ordinary end is one to make them.
    """
    known = isinstance(stop_reason, str) and bool(stop_reason)
    finish = _FINISH.get(stop_reason, "stop") if known else "stop"
    if called and finish == "stop":
        finish = "tool_calls"
    return {"finish_reason": finish, "native_finish_reason": stop_reason} if known else {"finish_reason": finish}


def read_refusal(holder: Any) -> str | None:
    """Return why the model refused, from a message or the delta that ends one; None if it does not say."""
    details = holder.get("stop_details")
    explanation = details.get("explanation") if isinstance(details, dict) else None
    return explanation if isinstance(explanation, str) and explanation else None
