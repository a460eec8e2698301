"""From a canonical chat or completions request to the bodies of AI21's chat completions.

The API is OpenAI's in its form and takes a part of it: text only, at most 4,096 new tokens, no calls of tools in a
stream, no forced calls. `temperature` is 0 to 2, `top_p` 0 to 1, `n` 1 to 16.
Source: AI21 Studio API reference, "Jamba chat completions"; ai21-python 4.3.0.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

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
from xmc.plugins.translation.refused import Dropped, RefusedError, list_at, mapping_at, text_at, unsupported

MAX_TOKENS = 4096

_OWN = frozenset({
    "max_completion_tokens", "max_tokens", "messages", "model", "n", "parallel_tool_calls", "prompt", "response_format",
    "stop", "stream", "stream_options", "system_prompt", "temperature", "tool_choice", "tools", "top_p",
})  # fmt: skip
_PENALTIES = ("frequency_penalty", "presence_penalty")
_OWN_HINTS = ("reasoning_effort", "service_tier", "user")
_HINTS = {**{name: value for name, value in HINTS.items() if name not in _PENALTIES}, **dict.fromkeys(_OWN_HINTS, ())}
_REFUSED = {**{name: value for name, value in REFUSED.items() if name != "n"}, **dict.fromkeys(_PENALTIES, (0,))}
_RANGES = {"temperature": (0, 2), "top_p": (0, 1)}
_MOST_CHOICES = 16
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
_KEPT = ("tool_calls", "tool_call_id")


class Encoded(msgspec.Struct, frozen=True):
    """A request as the provider gets it: a body for each call. `choices` are those of all calls together."""

    bodies: tuple[bytes, ...]
    stream: bool
    choices: int
    dropped: tuple[str, ...]


def encode_chat(request: Mapping[str, Any], model: str) -> Encoded:
    """Translate a chat request; `request` itself is left alone. Raises `RefusedError`."""
    dropped = Dropped()
    given = set_parameters(request)
    members, choices = _members(given, dropped)
    tools = _tools(given, dropped)
    # Calls of tools cannot be streamed, and several choices neither: the whole answer is replayed.
    stream = read_stream(given) and not tools and choices == 1
    body = {"model": model, "messages": _messages(request.get("messages"), dropped), **members, **tools}
    body |= _format(given.get("response_format"))
    return _encoded((body,), given, stream=stream, choices=choices, dropped=dropped)


def encode_completions(request: Mapping[str, Any], model: str) -> Encoded:
    """Translate a completions request: each prompt becomes a chat of one question. Raises `RefusedError`."""
    dropped = Dropped()
    given = set_parameters(request)
    refuse_chat_only(given)
    prompts = read_prompts(given.get("prompt"))
    members, choices = _members(given, dropped)
    stream = read_stream(given) and choices * len(prompts) == 1
    bodies = tuple(
        {"model": model, "messages": messages_of(prompt, given.get("system_prompt")), **members} for prompt in prompts
    )
    return _encoded(bodies, given, stream=stream, choices=choices * len(prompts), dropped=dropped)


def _encoded(
    bodies: tuple[dict[str, Any], ...], given: Mapping[str, Any], *, stream: bool, choices: int, dropped: Dropped
) -> Encoded:
    more = pass_rest(given, _OWN, dropped, hints=_HINTS, refused=_REFUSED)
    if stream:
        more["stream"] = True
    return Encoded(tuple(encode_body({**body, **more}) for body in bodies), stream, choices, dropped.names)


def _members(given: Mapping[str, Any], dropped: Dropped) -> tuple[dict[str, Any], int]:
    """Translate what does not depend on the task; also return the number of choices. Raises `RefusedError`."""
    members: dict[str, Any] = {}
    limit = read_max_tokens(given)
    if limit is not None:
        if limit > MAX_TOKENS:
            name = "max_tokens" if "max_tokens" in given else "max_completion_tokens"
            raise RefusedError(f"`{name}` is {limit}; AI21 takes at most {MAX_TOKENS}", name)
        members["max_tokens"] = limit
    for name, (low, high) in _RANGES.items():
        if name in given:
            members[name] = _number(given[name], name, low, high)
    stops = read_stops(given.get("stop"), dropped)
    if stops:
        members["stop"] = stops
    choices = given.get("n", 1)
    if not isinstance(choices, int) or isinstance(choices, bool) or not 1 <= choices <= _MOST_CHOICES:
        raise RefusedError(f"`n` is {choices!r}; AI21 takes 1 to {_MOST_CHOICES}", "n")
    if choices > 1:
        members["n"] = choices
    return members, choices


def _number(value: Any, name: str, low: int, high: int) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedError(f"`{name}` is no number", name)
    if not low <= value <= high:
        raise RefusedError(f"`{name}` is {value}; AI21 takes {low} to {high}", name)
    return value


def _messages(messages: Any, dropped: Dropped) -> list[dict[str, Any]]:
    given = list_at(messages, "messages")
    if not given:
        raise RefusedError("`messages` is empty", "messages")
    return [
        _message(mapping_at(message, f"messages[{index}]"), f"messages[{index}]", dropped)
        for index, message in enumerate(given)
    ]


def _message(message: Mapping[str, Any], path: str, dropped: Dropped) -> dict[str, Any]:
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise unsupported(f"{path}.role", f"AI21 has no messages of role {role!r}")
    if message.get("function_call") is not None or message.get("audio") is not None:
        raise unsupported(path, "AI21 has neither `function_call` nor `audio` in messages; calls go into `tool_calls`")
    for name in ("name", "reasoning_content", "thinking_blocks"):
        if message.get(name):
            dropped.note(f"messages.{name}")
    encoded: dict[str, Any] = {"role": _ROLES[role]}
    content = _text(message.get("content"), f"{path}.content")
    if content is None and isinstance(message.get("refusal"), str):
        content = message["refusal"]
    kept = {name: message[name] for name in _KEPT if message.get(name)}
    if content is None and not kept:
        content = ""
    return {**encoded, "content": content, **kept}


def _text(content: Any, path: str) -> str | None:
    """Return content as one text: AI21 takes no parts. Raises `RefusedError`."""
    if content is None or isinstance(content, str):
        return content
    pieces: list[str] = []
    for index, part in enumerate(list_at(content, path)):
        where = f"{path}[{index}]"
        kind = mapping_at(part, where).get("type")
        if kind not in ("text", "refusal"):
            raise unsupported(f"{where}.type", f"AI21 takes text only, and no part of type {kind!r}")
        pieces.append(text_at(part.get(kind), f"{where}.{kind}"))
    return "".join(pieces)


def _tools(given: Mapping[str, Any], dropped: Dropped) -> dict[str, Any]:
    """Translate tools and the choice among them. Raises `RefusedError`."""
    if "parallel_tool_calls" in given and not is_harmless(given["parallel_tool_calls"], (True,)):
        dropped.note("parallel_tool_calls")
    choice = given.get("tool_choice", "auto")
    if choice not in ("auto", "none"):
        raise unsupported("tool_choice", "AI21 cannot be made to call a tool; `tool_choice` may be auto or none")
    if "tools" not in given or choice == "none":
        return {}
    tools: list[dict[str, Any]] = []
    for index, tool in enumerate(list_at(given["tools"], "tools")):
        path = f"tools[{index}]"
        if mapping_at(tool, path).get("type") != "function":
            raise unsupported(f"{path}.type", "AI21 has no tools but functions")
        function = dict(mapping_at(tool.get("function"), f"{path}.function"))
        if function.pop("strict", None):
            dropped.note("tools.function.strict")
        tools.append({"type": "function", "function": function})
    return {"tools": tools}


def _format(response_format: Any) -> dict[str, Any]:
    if response_format is None:
        return {}
    kind = mapping_at(response_format, "response_format").get("type")
    if kind not in ("text", "json_object"):
        raise unsupported("response_format", f"AI21 has no response format {kind!r}, only text and json_object")
    return {"response_format": {"type": kind}}
