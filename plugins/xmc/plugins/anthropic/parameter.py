"""What becomes of every parameter that chat and completions share, and of those that only pass or only drop.

`null` and empty lists count as not set. What OpenAI does not know passes: Anthropic's own parameters work as they are.
Source: OpenAI API reference, "Chat Completions"; Anthropic API reference, "Messages".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xmc.plugins.anthropic.family import Thinking
from xmc.plugins.anthropic.refused import Dropped, RefusedError, list_at, text_at, unsupported
from xmc.schema import Target

# What has no effect, with the values that say nothing.
_HINTS: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "metadata": ({},),
    "presence_penalty": (0,),
    "prompt_cache_key": (),
    "prompt_cache_options": (),
    "prompt_cache_retention": (),
    "safety_identifier": (),
    "seed": (),
    "store": (False,),
    "verbosity": (),
}
# What would change the answer's meaning, with the values that mean nothing.
_REFUSED: dict[str, tuple[Any, ...]] = {
    "audio": (),
    "best_of": (1,),
    "echo": (False,),
    "function_call": (),
    "functions": (),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "moderation": (),
    "n": (1,),
    "prediction": (),
    "suffix": ("",),
    "top_logprobs": (0,),
    "web_search_options": (),
}
_SAMPLING = ("temperature", "top_p", "top_k")
_TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
# Anthropic may not be told e-mail addresses or telephone numbers.
_IDENTIFYING = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|\+?[\d\s().-]{7,}")


@dataclass(frozen=True, slots=True)
class Settings:
    """A target's own part in every request, out of `Target.options`."""

    model: str
    default_max_tokens: int
    thinking: Thinking
    drop: frozenset[str]
    drop_neutral: frozenset[str]
    beta: tuple[str, ...]

    @classmethod
    def of(cls, target: Target) -> "Settings":
        """Read the options that `link` wrote."""
        options = target.options
        return cls(
            model=target.model,
            default_max_tokens=options.get("default_max_tokens", 4096),
            thinking=Thinking(options.get("thinking", "adaptive")),
            drop=frozenset(options.get("drop", ())),
            drop_neutral=frozenset(options.get("drop_neutral", ())),
            beta=tuple(options.get("beta", ())),
        )


def set_parameters(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that are set."""
    return {key: value for key, value in request.items() if value is not None and value != []}


def read_stream(given: Mapping[str, Any]) -> bool:
    """Return whether a stream is wanted. Raises `RefusedError`."""
    stream = given.get("stream", False)
    if not isinstance(stream, bool):
        raise RefusedError("`stream` is neither true nor false", "stream")
    return stream


def read_max_tokens(given: Mapping[str, Any]) -> int | None:
    """Return `max_completion_tokens`, or `max_tokens`, its older name. Raises `RefusedError`."""
    values = {name: given[name] for name in ("max_completion_tokens", "max_tokens") if name in given}
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise RefusedError(f"`{name}` is no whole number from 0", name)
    if len(set(values.values())) > 1:
        raise RefusedError("`max_tokens` and `max_completion_tokens` have different values", "max_tokens")
    return next(iter(values.values()), None)


def common_members(given: Mapping[str, Any], settings: Settings, dropped: Dropped) -> dict[str, Any]:
    """Translate what does not depend on the task: sampling, stops, user, service tier.

    `temperature` is 0 to 1 (OpenAI: 0 to 2) and is neither scaled nor cut. Raises `RefusedError`.
    """
    members: dict[str, Any] = {}
    for name in _SAMPLING:
        if name in given and _is_wanted(name, given[name], settings, dropped):
            members[name] = given[name]
    stops = _read_stops(given.get("stop"), dropped)
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


def pass_rest(given: Mapping[str, Any], own: frozenset[str], dropped: Dropped) -> dict[str, Any]:
    """Return what passes as it is: all but what the task translates (`own`), hints, and what changes nothing.

    Raises:
        RefusedError: a parameter that would change the answer's meaning and has no counterpart.
    """
    passed: dict[str, Any] = {}
    for name, value in given.items():
        if name in own or name in _COMMON:
            continue
        if name in _REFUSED:
            if not _is_harmless(value, _REFUSED[name]):
                raise unsupported(name)
        elif name in _HINTS:
            if not _is_harmless(value, _HINTS[name]):
                dropped.note(name)
        else:
            passed[name] = value
    return passed


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


_COMMON = frozenset({
    *_SAMPLING, "anthropic_beta", "max_completion_tokens", "max_tokens", "model", "service_tier", "stop", "stream",
    "stream_options", "user",
})  # fmt: skip


def _is_harmless(value: Any, harmless: tuple[Any, ...]) -> bool:
    """Tell whether the value is one that counts as not set; `true` is not 1 here."""
    return any(value == one and isinstance(value, bool) is isinstance(one, bool) for one in harmless)


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


def _read_stops(stop: Any, dropped: Dropped) -> list[str]:
    """Return the stop sequences that are not blank; the API refuses blank ones."""
    given = [] if stop is None else [stop] if isinstance(stop, str) else list_at(stop, "stop")
    stops = [text for text in (text_at(one, "stop") for one in given) if text.strip()]
    if len(stops) < len(given):
        dropped.note("stop")
    return stops
