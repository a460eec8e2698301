"""From OpenAI's parameters to Gemini's `generationConfig`.

`temperature` is 0 to 2 and `top_p` 0 to 1, as OpenAI's. Gemini's own members pass, in camel or snake case, beside the
others or in a `generationConfig` of the request's own.
Source: Vertex AI API reference, "GenerationConfig"; Google Cloud documentation, "Thinking"; google-genai 3.4.0.
"""

import re
from collections.abc import Mapping
from typing import Any

from xmc.plugins.google_cloud_vertex_ai.models import Family, Thinking
from xmc.plugins.translation.parameter import is_harmless, read_max_tokens, read_stops
from xmc.plugins.translation.refused import Dropped, RefusedError, mapping_at, unsupported

MAX_STOPS = 5

_RANGES: Mapping[str, tuple[str, float, float]] = {
    "temperature": ("temperature", 0, 2),
    "top_p": ("topP", 0, 1),
    "top_k": ("topK", 0, float("inf")),
    "presence_penalty": ("presencePenalty", -2, 2),
    "frequency_penalty": ("frequencyPenalty", -2, 2),
}
_PENALTIES = frozenset({"presence_penalty", "frequency_penalty"})
_MOST_CHOICES = 8
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
_LEVELS = {"low": "LOW", "medium": "MEDIUM", "high": "HIGH", "xhigh": "XHIGH", "max": "XHIGH"}
_UNDERSCORE = re.compile(r"_([a-z])")

OWN = frozenset({
    "audioTimestamp", "enableAffectiveDialog", "enableEnhancedCivicAnswers", "imageConfig", "mediaResolution",
    "modelSelectionConfig", "responseModalities", "routingConfig", "speechConfig", "thinkingConfig",
})  # fmt: skip
"""Members of Gemini's that pass from the top of a request."""

READ = frozenset({
    *_RANGES, "generationConfig", "generation_config", "logprobs", "max_completion_tokens", "max_tokens", "n",
    "reasoning_effort", "response_format", "seed", "stop", "top_logprobs",
})  # fmt: skip
"""The parameters that are translated here."""


def camel(name: str) -> str:
    """Return a member's name as Google's JSON has it.

    >>> camel("thinking_config"), camel("topK")
    ('thinkingConfig', 'topK')
    """
    return _UNDERSCORE.sub(lambda match: match[1].upper(), name)


def encode_generation(
    given: Mapping[str, Any], family: Family, drop: frozenset[str], dropped: Dropped
) -> dict[str, Any]:
    """Return `generationConfig`, empty if nothing is set. `drop` are parameters that the spec leaves out.

    Raises:
        RefusedError: a value out of range, or one that is given in OpenAI's form and in Gemini's.
    """
    config = _numbers(given, drop, dropped)
    limit = read_max_tokens(given)
    if limit is not None:
        config["maxOutputTokens"] = limit
    stops = read_stops(given.get("stop"), dropped)
    if len(stops) > MAX_STOPS:
        raise RefusedError(f"`stop` has {len(stops)} sequences; Gemini takes at most {MAX_STOPS}", "stop")
    if stops:
        config["stopSequences"] = stops
    choices = read_choices(given)
    if choices > 1:
        config["candidateCount"] = choices
    config |= _logprobs(given)
    config |= _format(given.get("response_format"))
    own = _own(given)
    thinking = _thinking(given.get("reasoning_effort"), family, dropped)
    # What the client says in Gemini's words goes before what its effort comes to.
    if thinking and "thinkingConfig" not in own:
        config["thinkingConfig"] = thinking
    clash = next((name for name in own if name in config and own[name] != config[name]), None)
    if clash is not None:
        raise RefusedError(f"`generationConfig.{clash}` is also given in OpenAI's form", "generationConfig")
    return {**config, **own}


def read_choices(given: Mapping[str, Any]) -> int:
    """Return `n`. Raises `RefusedError`."""
    choices = given.get("n", 1)
    if not isinstance(choices, int) or isinstance(choices, bool) or not 1 <= choices <= _MOST_CHOICES:
        raise RefusedError(f"`n` is {choices!r}; Gemini takes 1 to {_MOST_CHOICES}", "n")
    return choices


def _numbers(given: Mapping[str, Any], drop: frozenset[str], dropped: Dropped) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for name, (theirs, low, high) in _RANGES.items():
        if name not in given or (name in _PENALTIES and is_harmless(given[name], (0,))):
            continue
        value = given[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RefusedError(f"`{name}` is no number", name)
        if not low <= value <= high:
            raise RefusedError(f"`{name}` is {value}; Gemini takes {low} to {high}", name)
        if name in drop:
            dropped.note(name)
        else:
            config[theirs] = value
    if "seed" in given:
        if not isinstance(given["seed"], int) or isinstance(given["seed"], bool):
            raise RefusedError("`seed` is no whole number", "seed")
        config["seed"] = given["seed"]
    return config


def _logprobs(given: Mapping[str, Any]) -> dict[str, Any]:
    wanted, most = given.get("logprobs", False), given.get("top_logprobs", 0)
    if not isinstance(wanted, bool):
        raise RefusedError("`logprobs` is neither true nor false", "logprobs")
    if not isinstance(most, int) or isinstance(most, bool) or most < 0:
        raise RefusedError("`top_logprobs` is no whole number from 0", "top_logprobs")
    if not wanted:
        if most:
            raise RefusedError("`top_logprobs` is set, and `logprobs` is not", "top_logprobs")
        return {}
    return {"responseLogprobs": True, **({"logprobs": most} if most else {})}


def _format(response_format: Any) -> dict[str, Any]:
    if response_format is None:
        return {}
    given = mapping_at(response_format, "response_format")
    kind = given.get("type")
    if kind == "text":
        return {}
    if kind not in ("json_object", "json_schema"):
        raise unsupported("response_format.type", f"Gemini has no response format {kind!r}")
    config: dict[str, Any] = {"responseMimeType": "application/json"}
    if kind == "json_schema":
        named = mapping_at(given.get("json_schema"), "response_format.json_schema")
        if named.get("schema") is not None:
            schema = dict(mapping_at(named["schema"], "response_format.json_schema.schema"))
            about = named.get("description")
            if isinstance(about, str) and about:
                schema.setdefault("description", about)
            config["responseJsonSchema"] = schema
    return config


def _thinking(effort: Any, family: Family, dropped: Dropped) -> dict[str, Any]:
    """Translate `reasoning_effort`. Thoughts are asked for as text too: they are paid for anyway."""
    if effort is None:
        return {}
    if not isinstance(effort, str) or effort not in _BUDGETS:
        raise RefusedError(f"`reasoning_effort` is {effort!r}, and none of {', '.join(_BUDGETS)}", "reasoning_effort")
    match family.thinking:
        case Thinking.BUDGET:
            return {"thinkingBudget": _BUDGETS[effort], **({} if effort == "none" else {"includeThoughts": True})}
        case Thinking.LEVEL if effort != "none":
            return {"thinkingLevel": _LEVELS.get(effort, family.least), "includeThoughts": True}
        case _:  # a model that cannot think, or one that cannot be kept from it
            if family.thinking is Thinking.LEVEL or effort != "none":
                dropped.note("reasoning_effort")
            return {}


def _own(given: Mapping[str, Any]) -> dict[str, Any]:
    own = {camel(name): value for name, value in given.items() if camel(name) in OWN}
    for name in ("generationConfig", "generation_config"):
        if name in given:
            own |= {camel(key): value for key, value in mapping_at(given[name], name).items()}
    return own
