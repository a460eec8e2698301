"""Tools and the choice among them: from OpenAI's form, or Anthropic's own, to Anthropic's.

Source: Anthropic API reference, "Messages", `tools` and `tool_choice`; "Computer use tool".
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from xmc.plugins.translation.naming import wire_name
from xmc.plugins.translation.refused import RefusedError, list_at, mapping_at, text_at, unsupported

_COMPUTER = re.compile(r"computer_(\d{4})(\d{2})(\d{2})")
_OF_FUNCTION = frozenset({"name", "description", "parameters", "strict"})
_NO_PARAMETERS = {"type": "object", "properties": {}}
_CHOICES = {"auto": "auto", "none": "none", "required": "any"}
_NATIVE_CHOICES = frozenset({"auto", "any", "none", "tool"})


class Tools(msgspec.Struct, frozen=True):
    """The tools of a request. `names` maps rewritten names back; `betas` are the headers that typed tools need."""

    encoded: tuple[dict[str, Any], ...] = ()
    names: Mapping[str, str] = {}
    betas: tuple[str, ...] = ()


def encode_tools(tools: Any) -> Tools:
    """Translate the `tools` of a request.

    A function becomes a tool with an input schema. Tools of other types (computer, bash, text editor, web search, …)
    pass as they are, also from OpenAI's wrapping `{"type": …, "function": {"name", "parameters"}}`.

    Raises:
        RefusedError: something that is no tool, or an OpenAI custom tool, whose input is not JSON.
    """
    encoded: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    betas: dict[str, None] = {}
    for index, tool in enumerate(list_at(tools, "tools")):
        path = f"tools[{index}]"
        one = _encode_tool(mapping_at(tool, path), path)
        name = one.get("name")
        if isinstance(name, str):
            one["name"] = wire_name(name)
            names[one["name"]] = name
        kind = one.get("type")
        match = _COMPUTER.fullmatch(kind) if isinstance(kind, str) else None
        if match:
            betas[f"computer-use-{'-'.join(match.groups())}"] = None
        encoded.append(one)
    return Tools(tuple(encoded), {wire: name for wire, name in names.items() if wire != name}, tuple(betas))


def _encode_tool(tool: Mapping[str, Any], path: str) -> dict[str, Any]:
    kind = tool.get("type")
    if kind == "function" or (kind is None and "function" in tool):
        return _encode_function(tool, path)
    if kind == "custom" and "custom" in tool:
        raise unsupported(f"{path}.type", "tools of OpenAI's type `custom` are not supported")
    if "function" not in tool:
        return dict(tool)
    function = mapping_at(tool["function"], f"{path}.function")
    parameters = mapping_at(function.get("parameters") or {}, f"{path}.function.parameters")
    rest = {key: value for key, value in tool.items() if key != "function"}
    named = {"name": function["name"]} if "name" in function else {}
    return {**rest, **named, **parameters}


def _encode_function(tool: Mapping[str, Any], path: str) -> dict[str, Any]:
    where = f"{path}.function"
    function = mapping_at(tool.get("function"), where)
    name = text_at(function.get("name"), f"{where}.name")
    if not name:
        raise RefusedError(f"`{where}.name` is empty", f"{where}.name")
    encoded: dict[str, Any] = {"name": name}
    if function.get("description"):
        encoded["description"] = text_at(function["description"], f"{where}.description")
    parameters = mapping_at(function.get("parameters") or _NO_PARAMETERS, f"{where}.parameters")
    encoded["input_schema"] = parameters if "type" in parameters else {"type": "object", **parameters}
    if function.get("strict") is not None:
        encoded["strict"] = function["strict"]
    # Anthropic's own settings (cache_control, eager_input_streaming, …) stand in the tool or in its function.
    own = {key: value for key, value in tool.items() if key not in {"type", "function"}}
    own |= {key: value for key, value in function.items() if key not in _OF_FUNCTION}
    return {**encoded, **own}


def encode_choice(choice: Any, parallel: Any, *, tools: bool) -> dict[str, Any] | None:
    """Translate `tool_choice` and `parallel_tool_calls`; None if there is nothing to say.

    Raises:
        RefusedError: a choice that has no counterpart, or that needs tools where there are none.
    """
    if parallel is not None and not isinstance(parallel, bool):
        raise RefusedError("`parallel_tool_calls` is neither true nor false", "parallel_tool_calls")
    encoded = _encode_choice(choice)
    if not tools:
        if encoded is not None and encoded["type"] not in {"auto", "none"}:
            raise RefusedError("`tool_choice` wants a tool, and there are no `tools`", "tool_choice")
        return None
    if parallel is False and (encoded is None or encoded["type"] != "none"):
        return {**(encoded or {"type": "auto"}), "disable_parallel_tool_use": True}
    return encoded


def _encode_choice(choice: Any) -> dict[str, Any] | None:
    if choice is None:
        return None
    if isinstance(choice, str):
        if choice not in _CHOICES:
            raise RefusedError(f"`tool_choice` is {choice!r}, and not auto, none or required", "tool_choice")
        return {"type": _CHOICES[choice]}
    given = mapping_at(choice, "tool_choice")
    kind = given.get("type")
    if kind == "function":
        function = mapping_at(given.get("function"), "tool_choice.function")
        return {"type": "tool", "name": wire_name(text_at(function.get("name"), "tool_choice.function.name"))}
    if isinstance(kind, str) and kind in _NATIVE_CHOICES:
        return dict(given)
    raise unsupported("tool_choice.type", f"a tool choice of type {kind!r} is not supported")
