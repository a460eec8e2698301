"""Tools and the choice among them, as Converse takes them.

Functions are tool specifications. Typed tools of Anthropic's (computer, bash, …), and choices that Converse has no word
for, go into `additionalModelRequestFields`, for models of Anthropic only. A conversation that holds calls needs a tool
configuration, even where the client sends no tools any more: then it names the tools that were called.
Source: Amazon Bedrock API reference, "Converse", `ToolConfiguration`; Amazon Bedrock User Guide, "Computer use".
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from xmc.plugins.amazon_bedrock.blocks import cache_point, tool_name
from xmc.plugins.amazon_bedrock.family import Family
from xmc.plugins.anthropic.tools import Tools, encode_choice, encode_tools
from xmc.plugins.translation.refused import Dropped, RefusedError, unsupported

_STUB: dict[str, Any] = {"inputSchema": {"json": {"type": "object", "properties": {}}}}


class ToolSettings(msgspec.Struct, frozen=True):
    """`config` is Converse's `toolConfig`, None if there is none; `fields` go to the model as they are.

    `names` maps rewritten names back.
    """

    config: dict[str, Any] | None = None
    fields: dict[str, Any] = {}
    names: Mapping[str, str] = {}


def encode_tool_settings(
    given: Mapping[str, Any], turns: Sequence[Mapping[str, Any]], family: Family, dropped: Dropped
) -> ToolSettings:
    """Translate `tools`, `tool_choice` and `parallel_tool_calls`. Raises `RefusedError`."""
    tools = encode_tools(given["tools"]) if "tools" in given else Tools()
    specs, typed = _specs(tools), [tool for tool in tools.encoded if "input_schema" not in tool]
    if typed and not family.native_tools:
        raise unsupported("tools", f"tools of type {typed[0].get('type')!r} are for models of Anthropic only")
    choice = encode_choice(given.get("tool_choice"), given.get("parallel_tool_calls"), tools=bool(tools.encoded))
    fields: dict[str, Any] = {}
    if typed:
        fields["tools"] = typed
        fields |= {"anthropic_beta": list(tools.betas)} if tools.betas else {}
    called = _called(turns)
    if not specs and not typed and called:
        specs = [{"toolSpec": {"name": name, **_STUB}} for name in called]
        choice = choice or {"type": "auto"}
    config: dict[str, Any] | None = {"tools": specs} if specs else None
    if config is not None and choice is not None:
        config = _with_choice(config, choice, fields, family, dropped, needed=bool(called))
    return ToolSettings(config, fields, _names_back(tools))


def _with_choice(  # noqa: PLR0913 - the parts of one decision
    config: dict[str, Any],
    choice: Mapping[str, Any],
    fields: dict[str, Any],
    family: Family,
    dropped: Dropped,
    *,
    needed: bool,
) -> dict[str, Any] | None:
    """Put a choice into the configuration, or into `fields`; None where no tools are to be offered at all."""
    kind = choice["type"]
    alone = bool(choice.get("disable_parallel_tool_use"))
    if family.native_tools and (alone or (kind == "none" and needed)):
        fields["tool_choice"] = {**choice, "name": tool_name(choice["name"])} if "name" in choice else dict(choice)
        return config
    if alone:
        dropped.note("parallel_tool_calls")
    if kind == "none":
        if needed:
            raise RefusedError(
                "`tool_choice` is none, and this model takes a conversation with calls only where it may call",
                "tool_choice",
            )
        return None
    if kind != "auto" and not family.forces_tools:
        raise unsupported("tool_choice", "this model cannot be made to call a tool; `tool_choice` may be auto or none")
    member: dict[str, Any] = {"name": tool_name(choice["name"])} if kind == "tool" else {}
    return {**config, "toolChoice": {kind: member}}


def _specs(tools: Tools) -> list[dict[str, Any]]:
    specs: list[dict[str, Any]] = []
    for tool in tools.encoded:
        if "input_schema" in tool:
            spec = {"name": tool_name(tool["name"]), "inputSchema": {"json": tool["input_schema"]}}
            spec |= {key: tool[key] for key in ("description", "strict") if key in tool}
            specs += [{"toolSpec": spec}, *cache_point(tool)]
    return specs


def _names_back(tools: Tools) -> dict[str, str]:
    names = [tool["name"] for tool in tools.encoded if isinstance(tool.get("name"), str)]
    back = {tool_name(name): tools.names.get(name, name) for name in names}
    return {wire: name for wire, name in back.items() if wire != name}


def _called(turns: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of the tools that were called so far, each once."""
    blocks = (block for turn in turns for block in turn["content"] if "toolUse" in block)
    return list(dict.fromkeys(block["toolUse"]["name"] for block in blocks))
