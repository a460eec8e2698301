"""From OpenAI's `reasoning_effort` to Anthropic's ways of asking for thought.

Models since 4.6 take an effort and decide by themselves how long to think; older ones take a budget of tokens, which
counts towards `max_tokens`.
Source: Anthropic API documentation, "Adaptive thinking", "Effort", "Extended thinking".
"""

from typing import Any

import msgspec

from xmc.plugins.anthropic.family import Thinking
from xmc.plugins.translation.refused import RefusedError

_MIN_BUDGET = 1024
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16384}


class Thought(msgspec.Struct, frozen=True):
    """What an effort comes to. `has_effect` is false where the model cannot, or this conversation cannot, think."""

    max_tokens: int
    members: dict[str, Any] = {}
    has_effect: bool = True


def encode_effort(effort: Any, way: Thinking, *, max_tokens: int, is_default: bool, unsigned: bool) -> Thought:
    """Translate `reasoning_effort` for a model that thinks in this way.

    `max_tokens` is the request's, or with `is_default` the target's, which then grows by the budget. A budget takes at
    most half of a `max_tokens` that the client chose. `unsigned`: the conversation has calls without the thinking that
    led to them, which the API refuses together with a budget.

    Raises:
        RefusedError: an effort that OpenAI does not have.
    """
    if effort is None:
        return Thought(max_tokens)
    if not isinstance(effort, str) or (effort not in _EFFORTS and effort != "none"):
        raise RefusedError(f"`reasoning_effort` is {effort!r}, and none of {', '.join(_EFFORTS)}", "reasoning_effort")
    match way:
        case Thinking.ADAPTIVE if effort == "none":
            return Thought(max_tokens, {"thinking": {"type": "disabled"}})
        case Thinking.ADAPTIVE:
            members = {"thinking": {"type": "adaptive"}, "output_config": {"effort": _EFFORTS[effort]}}
            return Thought(max_tokens, members)
        case Thinking.BUDGET if effort != "none":
            return _with_budget(_BUDGETS[effort], max_tokens, is_default=is_default, unsigned=unsigned)
        case _:  # models that do not think unless asked to
            return Thought(max_tokens, has_effect=effort == "none")


def _with_budget(budget: int, max_tokens: int, *, is_default: bool, unsigned: bool) -> Thought:
    if unsigned or (not is_default and max_tokens <= _MIN_BUDGET):
        return Thought(max_tokens, has_effect=False)
    if is_default:
        max_tokens += budget
    else:
        budget = min(budget, max(_MIN_BUDGET, max_tokens // 2))
    return Thought(max_tokens, {"thinking": {"type": "enabled", "budget_tokens": budget}})
