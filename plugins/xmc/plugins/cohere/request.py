"""From a canonical chat or completions request to the bodies of Cohere's chat.

`temperature` is 0 to 1, of which values pass as they are; `top_p` is 0.01 to 0.99, and its ends are taken for 0 and 1;
penalties are 0 to 1. Unknown keys are refused, as Cohere does.
Source: Cohere API reference, "Chat (v2)"; cohere-python 7.3.1.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from xmc.plugins.cohere.messages import encode_messages
from xmc.plugins.cohere.tools import encode_tools
from xmc.plugins.translation.parameter import (
    HINTS,
    REFUSED,
    encode_body,
    is_harmless,
    pass_rest,
    read_max_tokens,
    read_prompts,
    read_stops,
    read_stream,
    refuse_chat_only,
    set_parameters,
)
from xmc.plugins.translation.prompt import messages_of
from xmc.plugins.translation.refused import Dropped, RefusedError, mapping_at, unsupported

MAX_STOPS = 5

_NATIVE = frozenset({"citation_options", "documents", "priority", "safety_mode", "strict_tools", "thinking"})
_TRANSLATED = frozenset({
    "frequency_penalty", "k", "max_completion_tokens", "max_tokens", "messages", "model", "p", "parallel_tool_calls",
    "presence_penalty", "prompt", "reasoning_effort", "response_format", "seed", "stop", "stream", "stream_options",
    "system_prompt", "temperature", "tool_choice", "tools", "top_k", "top_p",
})  # fmt: skip
_PENALTIES = ("frequency_penalty", "presence_penalty")
_HINTS = {**{name: HINTS[name] for name in HINTS.keys() - {*_PENALTIES, "seed"}}, "service_tier": ("auto",), "user": ()}
_CHAT_REFUSED = {name: value for name, value in REFUSED.items() if name != "logprobs"}
_RANGES: Mapping[str, tuple[float, float]] = {"temperature": (0, 1), **dict.fromkeys(_PENALTIES, (0, 1))}
_MOST_K = 500
_P_ENDS = (0.01, 0.99)
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


class Encoded(msgspec.Struct, frozen=True):
    """A request as the provider gets it: a body for each call. `names` gives rewritten tools their names back."""

    bodies: tuple[bytes, ...]
    stream: bool
    names: Mapping[str, str] = {}
    dropped: tuple[str, ...] = ()


def encode_chat(request: Mapping[str, Any], model: str) -> Encoded:
    """Translate a chat request; `request` itself is left alone. Raises `RefusedError`."""
    dropped = Dropped()
    given = set_parameters(request)
    stream = read_stream(given)
    logprobs = given.pop("logprobs", False)
    if not isinstance(logprobs, bool):
        raise RefusedError("`logprobs` is neither true nor false", "logprobs")
    messages = encode_messages(request.get("messages"), dropped)
    tools = encode_tools(given)
    body = {"model": model, "messages": messages, **tools.members, **_members(given, dropped)}
    body |= _format(given.get("response_format")) | _rest(given, dropped, _CHAT_REFUSED)
    if logprobs:
        body["logprobs"] = True
    return Encoded((encode_body({**body, "stream": stream}),), stream, tools.names, dropped.names)


def encode_completions(request: Mapping[str, Any], model: str) -> Encoded:
    """Translate a completions request: each prompt becomes a chat of one question. Raises `RefusedError`."""
    dropped = Dropped()
    given = set_parameters(request)
    refuse_chat_only(given)
    prompts = read_prompts(given.get("prompt"))
    stream = read_stream(given) and len(prompts) == 1
    members = {**_members(given, dropped), **_rest(given, dropped, REFUSED), "stream": stream}
    bodies = tuple(
        encode_body({
            "model": model,
            "messages": encode_messages(messages_of(prompt, given.get("system_prompt")), dropped),
            **members,
        })
        for prompt in prompts
    )  # fmt: skip
    return Encoded(bodies, stream, dropped=dropped.names)


def _rest(given: Mapping[str, Any], dropped: Dropped, refused: Mapping[str, tuple[Any, ...]]) -> dict[str, Any]:
    """Return what passes as it is, which is Cohere's own. Raises `RefusedError`."""
    rest = pass_rest(given, _TRANSLATED, dropped, hints=_HINTS, refused=refused)
    unknown = next((name for name in rest if name not in _NATIVE), None)
    if unknown is not None:
        raise unsupported(unknown, f"Cohere does not know `{unknown}`, and refuses what it does not know")
    return rest


def _members(given: Mapping[str, Any], dropped: Dropped) -> dict[str, Any]:
    """Translate what does not depend on the task. Raises `RefusedError`."""
    members: dict[str, Any] = {}
    limit = read_max_tokens(given)
    if limit is not None:
        members["max_tokens"] = limit
    for name, (low, high) in _RANGES.items():
        if name in given and not (name in _PENALTIES and is_harmless(given[name], (0,))):
            members[name] = _number(given[name], name, low, high)
    if p := _one_of(given, "top_p", "p"):
        low, high = _P_ENDS
        members["p"] = min(max(_number(given[p], p, 0, 1), low), high)
    if k := _one_of(given, "top_k", "k"):
        members["k"] = max(_whole(given[k], k, -1, _MOST_K), 0)
    if "seed" in given:
        members["seed"] = _whole(given["seed"], "seed", 0, 2**64 - 1)
    stops = read_stops(given.get("stop"), dropped)
    if len(stops) > MAX_STOPS:
        raise RefusedError(f"`stop` has {len(stops)} sequences; Cohere takes at most {MAX_STOPS}", "stop")
    if stops:
        members["stop_sequences"] = stops
    effort = given.get("reasoning_effort")
    if effort is not None:
        if not isinstance(effort, str) or effort not in _EFFORTS:
            raise RefusedError(f"`reasoning_effort` is none of {', '.join(_EFFORTS)}", "reasoning_effort")
        if "thinking" in given:  # Cohere's own words go first
            dropped.note("reasoning_effort")
        else:
            members["thinking"] = {"type": "disabled" if effort == "none" else "enabled"}
    return members


def _one_of(given: Mapping[str, Any], ours: str, theirs: str) -> str | None:
    """Return the name by which a parameter is given, None if it is not. Raises `RefusedError`."""
    if ours in given and theirs in given and given[ours] != given[theirs]:
        raise RefusedError(f"`{ours}` and `{theirs}` are the same, and have different values", theirs)
    return ours if ours in given else theirs if theirs in given else None


def _number(value: Any, name: str, low: float, high: float) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedError(f"`{name}` is no number", name)
    if not low <= value <= high:
        raise RefusedError(f"`{name}` is {value}; Cohere takes {low} to {high}", name)
    return value


def _whole(value: Any, name: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise RefusedError(f"`{name}` is no whole number", name)
    if not low <= value <= high:
        raise RefusedError(f"`{name}` is {value}; Cohere takes {low} to {high}", name)
    return value


def _format(response_format: Any) -> dict[str, Any]:
    if response_format is None:
        return {}
    given = mapping_at(response_format, "response_format")
    match given.get("type"):
        case "text":
            return {}
        case "json_object":
            return {"response_format": {"type": "json_object"}}
        case "json_schema":
            named = mapping_at(given.get("json_schema"), "response_format.json_schema")
            schema = mapping_at(named.get("schema") or {}, "response_format.json_schema.schema")
            return {"response_format": {"type": "json_object", **({"json_schema": dict(schema)} if schema else {})}}
        case kind:
            raise unsupported("response_format.type", f"Cohere has no response format {kind!r}")
