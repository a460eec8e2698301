"""From canonical messages to Cohere's, which take no key that they do not know.

Text beside calls of tools becomes the `tool_plan`, as does what the model was told to have thought before them. System
messages stay where they are. Source: Cohere API reference, "Chat (v2)", `messages`; cohere-python 7.3.1.
"""

import re
from collections.abc import Mapping
from typing import Any

from xmc.plugins.translation.naming import fit
from xmc.plugins.translation.refused import Dropped, RefusedError, list_at, mapping_at, text_at, unsupported

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
_UNFIT = re.compile(r"^[0-9]|[^A-Za-z0-9_]")
_DETAILS = {"auto": "auto", "low": "low", "high": "high", "original": "auto"}
_ELSEWHERE = ("audio", "function_call")


def tool_name(name: str) -> str:
    """Return a tool's name as `^[A-Za-z_][A-Za-z0-9_]*$`.

    >>> tool_name("get_weather"), tool_name("get-weather")
    ('get_weather', 'get_weather_19a275db')
    """
    return fit(name, unfit=_UNFIT)


def encode_messages(messages: Any, dropped: Dropped) -> list[dict[str, Any]]:
    """Translate all messages. Raises `RefusedError`."""
    given = list_at(messages, "messages")
    if not given:
        raise RefusedError("`messages` is empty", "messages")
    encoded = [
        _message(mapping_at(message, f"messages[{index}]"), f"messages[{index}]", dropped)
        for index, message in enumerate(given)
    ]
    answered: set[str] = set()
    for index, message in enumerate(encoded):
        call_id = message.get("tool_call_id")
        if call_id in answered:
            raise RefusedError(
                f"`messages[{index}]` is a second result of {call_id!r}", f"messages[{index}].tool_call_id"
            )
        answered |= {call_id} if call_id is not None else set()
    return encoded


def _message(message: Mapping[str, Any], path: str, dropped: Dropped) -> dict[str, Any]:
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise unsupported(f"{path}.role", f"Cohere has no messages of role {role!r}")
    for name in _ELSEWHERE:
        if message.get(name) is not None:
            raise unsupported(f"{path}.{name}", f"Cohere has no `{name}` in messages; calls go into `tool_calls`")
    for name in ("name", "thinking_blocks"):
        if message.get(name):
            dropped.note(f"messages.{name}")
    if role == "assistant":
        return _assistant(message, path, dropped)
    content = _content(message.get("content"), role, f"{path}.content", dropped)
    if role == "tool":
        where = f"{path}.tool_call_id"
        return {"role": "tool", "tool_call_id": text_at(message.get("tool_call_id"), where), "content": content or ""}
    if content is None:
        raise RefusedError(f"`{path}.content` is missing", f"{path}.content")
    return {"role": _ROLES[role], "content": content}


def _assistant(message: Mapping[str, Any], path: str, dropped: Dropped) -> dict[str, Any]:
    calls = [
        _call(mapping_at(call, f"{path}.tool_calls[{i}]"), f"{path}.tool_calls[{i}]")
        for i, call in enumerate(list_at(message.get("tool_calls") or [], f"{path}.tool_calls"))
    ]
    content = _content(message.get("content"), "assistant", f"{path}.content", dropped)
    if not content and isinstance(message.get("refusal"), str):
        content = message["refusal"]
    thought = message.get("reasoning_content")
    if not calls:
        if thought:
            dropped.note("messages.reasoning_content")
        return {"role": "assistant", "content": content or ""}
    said = content if isinstance(content, str) else "".join(part["text"] for part in content or ())
    plan = "\n".join(text for text in (thought, said) if isinstance(text, str) and text)
    return {"role": "assistant", **({"tool_plan": plan} if plan else {}), "tool_calls": calls}


def _call(call: Mapping[str, Any], path: str) -> dict[str, Any]:
    if call.get("type", "function") not in (None, "function"):
        raise unsupported(f"{path}.type", "Cohere has no calls but those of functions")
    function = mapping_at(call.get("function"), f"{path}.function")
    arguments = function.get("arguments")
    return {
        "id": text_at(call.get("id"), f"{path}.id"),
        "type": "function",
        "function": {
            "name": tool_name(text_at(function.get("name"), f"{path}.function.name")),
            "arguments": text_at("" if arguments is None else arguments, f"{path}.function.arguments") or "{}",
        },
    }


def _content(content: Any, role: str, path: str, dropped: Dropped) -> Any:
    """Translate content: text as it is, or a list of parts; None if there is none. Raises `RefusedError`."""
    if content is None or isinstance(content, str):
        return content
    return [
        _part(mapping_at(part, f"{path}[{index}]"), role, f"{path}[{index}]", dropped)
        for index, part in enumerate(list_at(content, path))
    ]


def _part(part: Mapping[str, Any], role: str, path: str, dropped: Dropped) -> dict[str, Any]:
    match part.get("type"), role:
        case "text", _:
            if part.get("cache_control") is not None:
                dropped.note("messages.cache_control")
            return {"type": "text", "text": text_at(part.get("text"), f"{path}.text")}
        case "refusal", "assistant":
            return {"type": "text", "text": text_at(part.get("refusal"), f"{path}.refusal")}
        case "image_url", "user":
            return {"type": "image_url", "image_url": _image(part.get("image_url"), f"{path}.image_url", dropped)}
        case "document", "tool":
            return {"type": "document", "document": dict(mapping_at(part.get("document"), f"{path}.document"))}
        case kind, _:
            raise unsupported(f"{path}.type", f"Cohere has no part of type {kind!r} in a message of role `{role}`")


def _image(image: Any, path: str, dropped: Dropped) -> dict[str, Any]:
    given = {"url": image} if isinstance(image, str) else mapping_at(image, path)
    url, detail = text_at(given.get("url"), f"{path}.url"), given.get("detail")
    if detail is None:
        return {"url": url}
    if not isinstance(detail, str) or detail not in _DETAILS:
        raise RefusedError(f"`{path}.detail` is none of {', '.join(_DETAILS)}", f"{path}.detail")
    if _DETAILS[detail] != detail:
        dropped.note("messages.content.image_url.detail")
    return {"url": url, "detail": _DETAILS[detail]}
