"""What becomes of every parameter that chat and completions share, and of those that only pass or only drop.

`null` and empty lists count as not set. What OpenAI does not know passes: Anthropic's own parameters work as they are.
Source: OpenAI API reference, "Chat Completions"; Anthropic API reference, "Messages".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xmc.plugins.anthropic.family import Thinking
from xmc.plugins.translation.parameter import read_stops
from xmc.plugins.translation.refused import Dropped, RefusedError
from xmc.schema import Target

_SAMPLING = ("temperature", "top_p", "top_k")
_TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
# Anthropic may not be told e-mail addresses or telephone numbers.
_IDENTIFYING = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|\+?[\d\s().-]{7,}")


@dataclass(frozen=True, slots=True)
class Settings:
    """A target's own part in every request, out of `Target.options`.

    `head` begins every body. `betas_allowed` are those that a request may name.
    """

    default_max_tokens: int
    thinking: Thinking
    drop: frozenset[str]
    drop_neutral: frozenset[str]
    beta: tuple[str, ...]
    head: Mapping[str, Any]
    betas_allowed: frozenset[str]

    @classmethod
    def of(cls, target: Target, allowed: frozenset[str]) -> "Settings":
        """Read the options that `link` wrote."""
        options = target.options
        return cls(
            default_max_tokens=options.get("default_max_tokens", 4096),
            thinking=Thinking(options.get("thinking", "adaptive")),
            drop=frozenset(options.get("drop", ())),
            drop_neutral=frozenset(options.get("drop_neutral", ())),
            beta=tuple(options.get("beta", ())),
            head=head_of(target),
            betas_allowed=allowed,
        )


def head_of(target: Target) -> dict[str, Any]:
    """Return what a body says of model and version.

    Where the URL names the model (option `body_version`), the body has the version instead, which else is a header.
    """
    version = target.options.get("body_version")
    return {"model": target.model} if version is None else {"anthropic_version": version}


def common_members(given: Mapping[str, Any], settings: Settings, dropped: Dropped) -> dict[str, Any]:
    """Translate what does not depend on the task: sampling, stops, user, service tier.

    `temperature` is 0 to 1 (OpenAI: 0 to 2) and is neither scaled nor cut. Raises `RefusedError`.
    """
    members: dict[str, Any] = {}
    for name in _SAMPLING:
        if name in given and _is_wanted(name, given[name], settings, dropped):
            members[name] = given[name]
    stops = read_stops(given.get("stop"), dropped)
    if stops:
        members["stop_sequences"] = stops
    user = given.get("user")
    if user is not None:
        if isinstance(user, str) and user and not _IDENTIFYING.fullmatch(user.strip()):
            members["metadata"] = {"user_id": user}
        else:
            dropped.note("user")
    tier = given.get("service_tier")
    if isinstance(tier, str) and tier in _TIERS:
        members["service_tier"] = _TIERS[tier]
    elif tier is not None:
        dropped.note("service_tier")
    return members


def join(body: Mapping[str, Any], passed: Mapping[str, Any]) -> dict[str, Any]:
    """Put what was translated and what passes together.

    Raises:
        RefusedError: a parameter of Anthropic's own and OpenAI's word for it are both given, and differ.
    """
    joined = dict(body)
    for name, value in passed.items():
        mine = joined.get(name)
        if name == "output_config" and isinstance(mine, dict) and isinstance(value, Mapping):
            clash = next((key for key in value if key in mine and mine[key] != value[key]), None)
            if clash is not None:
                raise RefusedError(f"`{name}.{clash}` is given twice, in two forms", f"{name}.{clash}")
            joined[name] = {**mine, **value}
        elif name in joined and mine != value:
            raise RefusedError(f"`{name}` is given twice, in OpenAI's form and in Anthropic's", name)
        else:
            joined[name] = value
    return joined


COMMON = frozenset({
    *_SAMPLING, "anthropic_beta", "max_completion_tokens", "max_tokens", "model", "service_tier", "stop", "stream",
    "stream_options", "user",
})  # fmt: skip


def _is_wanted(name: str, value: Any, settings: Settings, dropped: Dropped) -> bool:
    """Check one sampling parameter; False if it is left out because the model would refuse it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedError(f"`{name}` is no number", name)
    if name != "top_k" and not 0 <= value <= 1:
        raise RefusedError(f"`{name}` is {value}; Anthropic takes 0 to 1", name)
    neutral = name != "top_k" and value == 1
    if name in settings.drop or (neutral and name in settings.drop_neutral):
        dropped.note(name)
        return False
    return True
