"""Tools and the choice among them, as Gemini takes them: functions, with their parameters as JSON Schema.

Source: Vertex AI API reference, "FunctionDeclaration", "FunctionCallingConfig"; google-genai 3.4.0.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from xmc.plugins.anthropic.tools import encode_choice
from xmc.plugins.anthropic.tools import encode_tools as encode_functions
from xmc.plugins.google_cloud_vertex_ai.contents import tool_name
from xmc.plugins.translation.refused import Dropped, unsupported

_MODES = {"auto": "AUTO", "any": "ANY", "none": "NONE", "tool": "ANY"}
_OF_FUNCTION = frozenset({"name", "description", "input_schema", "strict"})


class Tools(msgspec.Struct, frozen=True):
    """`members` of the request's body; `names` maps rewritten names back."""

    members: dict[str, Any] = {}
    names: Mapping[str, str] = {}


def encode_tools(given: Mapping[str, Any], dropped: Dropped) -> Tools:
    """Translate `tools` and `tool_choice`. `parallel_tool_calls` has no counterpart and is dropped.

    Raises:
        RefusedError: a tool that is no function, or a choice without tools.
    """
    functions = encode_functions(given.get("tools") or [])
    choice = encode_choice(given.get("tool_choice"), given.get("parallel_tool_calls"), tools=bool(functions.encoded))
    if given.get("parallel_tool_calls") is False:
        dropped.note("parallel_tool_calls")
    if not functions.encoded:
        return Tools()
    declared = [_declaration(tool, index, dropped) for index, tool in enumerate(functions.encoded)]
    members: dict[str, Any] = {"tools": [{"functionDeclarations": declared}]}
    if choice is not None and "tool_choice" in given:
        config: dict[str, Any] = {"mode": _MODES[choice["type"]]}
        if choice["type"] == "tool":
            config["allowedFunctionNames"] = [tool_name(str(choice.get("name", "")))]
        members["toolConfig"] = {"functionCallingConfig": config}
    back = {tool_name(tool["name"]): functions.names.get(tool["name"], tool["name"]) for tool in functions.encoded}
    return Tools(members, {wire: name for wire, name in back.items() if wire != name})


def _declaration(tool: Mapping[str, Any], index: int, dropped: Dropped) -> dict[str, Any]:
    if "input_schema" not in tool:
        raise unsupported(f"tools[{index}].type", f"Gemini has no tools of type {tool.get('type')!r}, only functions")
    if tool.get("strict"):
        dropped.note("tools.function.strict")
    if tool.keys() - _OF_FUNCTION:  # settings of other providers, such as cache_control
        dropped.note("tools")
    declared = {"name": tool_name(tool["name"])}
    if "description" in tool:
        declared["description"] = tool["description"]
    schema: Mapping[str, Any] = tool["input_schema"]
    return declared if _is_empty(schema) else {**declared, "parametersJsonSchema": schema}


def _is_empty(schema: Mapping[str, Any]) -> bool:
    """Tell the schema of a function without parameters, which has none at all at Gemini."""
    return (
        schema.get("type") == "object"
        and not schema.get("properties")
        and not schema.get("additionalProperties")
        and schema.keys() <= {"type", "properties", "required", "additionalProperties", "title", "$schema"}
    )
