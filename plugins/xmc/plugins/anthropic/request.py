"""From a canonical chat request to the body of a Messages call.

Source: Anthropic API reference, "Messages"; OpenAI API reference, "Chat Completions".
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from xmc.plugins.anthropic.beta import combine_betas
from xmc.plugins.anthropic.output import encode_format
from xmc.plugins.anthropic.parameter import COMMON, Settings, common_members, join
from xmc.plugins.anthropic.thinking import encode_effort
from xmc.plugins.anthropic.tools import Tools, encode_choice, encode_tools
from xmc.plugins.translation.conversation import encode_conversation
from xmc.plugins.translation.parameter import (
    encode_body,
    pass_rest,
    read_max_tokens,
    read_stream,
    set_parameters,
)
from xmc.plugins.translation.refused import Dropped

_OWN = COMMON | frozenset({
    "messages", "parallel_tool_calls", "reasoning_effort", "response_format", "tool_choice", "tools",
})  # fmt: skip


class Encoded(msgspec.Struct, frozen=True):
    """A request as the provider gets it: a body for each call. `names` gives rewritten tools their names back."""

    bodies: tuple[bytes, ...]
    stream: bool
    betas: tuple[str, ...] = ()
    names: Mapping[str, str] = {}
    dropped: tuple[str, ...] = ()


def encode_chat(request: Mapping[str, Any], settings: Settings) -> Encoded:
    """Translate a chat request; `request` itself is left alone.

    Raises:
        RefusedError: whatever Anthropic has no counterpart for, by name.
    """
    dropped = Dropped()
    given = set_parameters(request)
    stream = read_stream(given)
    conversation = encode_conversation(request.get("messages"), dropped)
    tools = encode_tools(given["tools"]) if "tools" in given else Tools()
    output_format, instruction = encode_format(given.get("response_format"))
    wanted = read_max_tokens(given)
    effort = given.get("reasoning_effort")
    thought = encode_effort(
        effort,
        settings.thinking,
        max_tokens=settings.default_max_tokens if wanted is None else wanted,
        is_default=wanted is None,
        unsigned=conversation.unsigned,
    )
    if not thought.has_effect:
        dropped.note("reasoning_effort")
    body: dict[str, Any] = {**settings.head, "max_tokens": thought.max_tokens}
    system = [*conversation.system, *([{"type": "text", "text": instruction}] if instruction else ())]
    if system:
        body["system"] = system
    body["messages"] = conversation.turns
    body |= common_members(given, settings, dropped)
    body |= _tool_members(given, tools)
    members = dict(thought.members)
    if "thinking" in given:  # what the client says in Anthropic's words goes before what its effort comes to
        members.pop("thinking", None)
    if output_format is not None:
        members["output_config"] = {**members.get("output_config", {}), "format": output_format}
    body |= members
    if stream:
        body["stream"] = True
    betas = combine_betas(settings.beta, tools.betas, given.get("anthropic_beta"), settings.betas_allowed)
    joined = join(body, pass_rest(given, _OWN, dropped))
    return Encoded((encode_body(joined),), stream, betas, tools.names, dropped.names)


def _tool_members(given: Mapping[str, Any], tools: Tools) -> dict[str, Any]:
    choice = encode_choice(given.get("tool_choice"), given.get("parallel_tool_calls"), tools=bool(tools.encoded))
    members: dict[str, Any] = {"tools": tools.encoded} if tools.encoded else {}
    return members if choice is None else {**members, "tool_choice": choice}
