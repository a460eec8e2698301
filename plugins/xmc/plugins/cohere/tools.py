"""From OpenAI's tools and the choice among them to Cohere's.

A choice of certain tools offers only these, since Cohere knows no choice by name. Names that it does not take are
rewritten, and given back in answers. Source: Cohere API reference, "Chat (v2)", `tools`, `tool_choice`, `strict_tools`.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from xmc.plugins.cohere.messages import tool_name
from xmc.plugins.translation.parameter import is_harmless
from xmc.plugins.translation.refused import RefusedError, list_at, mapping_at, text_at, unsupported

_MODES = {"auto": None, "none": "NONE", "required": "REQUIRED"}


class Tools(msgspec.Struct, frozen=True):
    """The members of a body, and by which names the tools were offered: rewritten one -> the client's own."""

    members: dict[str, Any] = {}
    names: Mapping[str, str] = {}


def encode_tools(given: Mapping[str, Any]) -> Tools:
    """Translate `tools`, `tool_choice` and `parallel_tool_calls`. Raises `RefusedError`."""
    parallel = given.get("parallel_tool_calls", True)
    if "tools" not in given:
        if given.get("tool_choice", "none") not in ("none", "auto"):
            raise RefusedError("`tool_choice` asks for a tool, and there are no `tools`", "tool_choice")
        return Tools()
    if not is_harmless(parallel, (True,)):
        raise unsupported("parallel_tool_calls", "Cohere cannot be kept from calling several tools at once")
    functions = [_function(tool, f"tools[{index}]") for index, tool in enumerate(list_at(given["tools"], "tools"))]
    strict = True in [function.pop("strict") for function in functions]
    mode, chosen = _choice(given.get("tool_choice"), {function["name"] for function in functions})
    kept = [function for function in functions if chosen is None or function["name"] in chosen]
    names = {tool_name(function["name"]): function["name"] for function in kept}
    offered = [{"type": "function", "function": {**function, "name": tool_name(function["name"])}} for function in kept]
    members: dict[str, Any] = {"tools": offered}
    if mode is not None:
        members["tool_choice"] = mode
    if strict:
        members["strict_tools"] = True
    return Tools(members, names)


def _function(tool: Any, path: str) -> dict[str, Any]:
    if mapping_at(tool, path).get("type") != "function":
        raise unsupported(f"{path}.type", "Cohere has no tools but functions")
    given = mapping_at(tool.get("function"), f"{path}.function")
    function: dict[str, Any] = {"name": text_at(given.get("name"), f"{path}.function.name")}
    if not function["name"]:
        raise RefusedError(f"`{path}.function.name` is empty", f"{path}.function.name")
    if given.get("description") is not None:
        function["description"] = text_at(given["description"], f"{path}.function.description")
    parameters = given.get("parameters")
    nothing: dict[str, Any] = {"type": "object", "properties": {}}
    function["parameters"] = dict(
        mapping_at(nothing if parameters is None else parameters, f"{path}.function.parameters")
    )
    return {**function, "strict": given.get("strict")}


def _choice(choice: Any, known: Collection[str]) -> tuple[str | None, Collection[str] | None]:
    """Return Cohere's mode, and the names of the tools to offer; None is all of them. Raises `RefusedError`."""
    if choice is None:
        return None, None
    if isinstance(choice, str):
        if choice not in _MODES:
            raise RefusedError(f"`tool_choice` is {choice!r}, and none of {', '.join(_MODES)}", "tool_choice")
        return _MODES[choice], None
    given = mapping_at(choice, "tool_choice")
    match given.get("type"):
        case "function":
            return "REQUIRED", {_name(given, "tool_choice", known)}
        case "allowed_tools":
            allowed = mapping_at(given.get("allowed_tools"), "tool_choice.allowed_tools")
            where = "tool_choice.allowed_tools.tools"
            tools = list_at(allowed.get("tools"), where)
            names = {_name(mapping_at(tool, where), where, known) for tool in tools}
            if allowed.get("mode") not in ("auto", "required") or not names:
                raise RefusedError(
                    "`tool_choice.allowed_tools` needs a mode, auto or required, and tools", "tool_choice"
                )
            return ("REQUIRED" if allowed["mode"] == "required" else None), names
        case kind:
            raise unsupported("tool_choice.type", f"Cohere has no choice of tools {kind!r}")


def _name(choice: Mapping[str, Any], path: str, known: Collection[str]) -> str:
    name = text_at(mapping_at(choice.get("function"), f"{path}.function").get("name"), f"{path}.function.name")
    if name not in known:
        raise RefusedError(f"`{path}` names the tool {name!r}, which is not among `tools`", path)
    return name
