"""From a canonical chat or completions request to the bodies of `generateContent` calls.

Members of Gemini's own (`safetySettings`, `labels`, `cachedContent`, …) pass as they are.
Source: Vertex AI API reference, "generateContent"; OpenAI API reference, "Chat Completions".
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from xmc.plugins.google_cloud_vertex_ai.contents import CALL_KEYS, encode_contents
from xmc.plugins.google_cloud_vertex_ai.generation import OWN, READ, camel, encode_generation
from xmc.plugins.google_cloud_vertex_ai.media import DOCUMENTS, PARTS
from xmc.plugins.google_cloud_vertex_ai.models import Family, family_of
from xmc.plugins.google_cloud_vertex_ai.tools import encode_tools
from xmc.plugins.translation.conversation import encode_conversation
from xmc.plugins.translation.parameter import (
    HINTS,
    REFUSED,
    encode_body,
    is_harmless,
    pass_rest,
    read_prompts,
    read_stream,
    refuse_chat_only,
    set_parameters,
)
from xmc.plugins.translation.prompt import messages_of
from xmc.plugins.translation.refused import Dropped, RefusedError, unsupported
from xmc.schema import Target

_OWN = READ | frozenset({
    "messages", "model", "parallel_tool_calls", "prompt", "stream", "stream_options", "system_prompt", "tool_choice",
    "tools",
})  # fmt: skip
_TRANSLATED = frozenset({"contents", "systemInstruction", "toolConfig"})
_HINTS = {**HINTS, "service_tier": ("auto",), "user": ()}
_TEXT_ONLY = ("logprobs", "top_logprobs")


class Settings(msgspec.Struct, frozen=True):
    """A target's own part in every request."""

    family: Family
    drop: frozenset[str]

    @classmethod
    def of(cls, target: Target) -> "Settings":
        """Read the options that `link` wrote."""
        return cls(family_of(target.model), frozenset(target.options.get("drop", ())))


class Encoded(msgspec.Struct, frozen=True):
    """A request as the provider gets it: a body for each call. `names` gives rewritten tools their names back."""

    bodies: tuple[bytes, ...]
    stream: bool
    names: Mapping[str, str] = {}
    dropped: tuple[str, ...] = ()


def encode_chat(request: Mapping[str, Any], settings: Settings) -> Encoded:
    """Translate a chat request; `request` itself is left alone.

    Raises:
        RefusedError: whatever Gemini has no counterpart for, by name.
    """
    dropped = Dropped()
    given = set_parameters(request)
    stream = read_stream(given)
    body = _conversation(request.get("messages"), settings, dropped)
    tools = encode_tools(given, dropped)
    rest = _rest(given, settings, dropped)
    return Encoded((encode_body({**body, **tools.members, **rest}),), stream, tools.names, dropped.names)


def encode_completions(request: Mapping[str, Any], settings: Settings) -> Encoded:
    """Translate a completions request: each prompt becomes a conversation. Raises `RefusedError`."""
    dropped = Dropped()
    given = set_parameters(request)
    stream = read_stream(given)
    refuse_chat_only(given)
    for name in _TEXT_ONLY:
        if name in given and not is_harmless(given.pop(name), REFUSED[name]):
            raise unsupported(name)
    prompts = read_prompts(given.get("prompt"))
    rest = _rest(given, settings, dropped)
    bodies: list[bytes] = []
    for prompt in prompts:
        body = _conversation(messages_of(prompt, given.get("system_prompt")), settings, dropped)
        bodies.append(encode_body({**body, **rest}))
    return Encoded(tuple(bodies), stream and len(prompts) == 1, dropped=dropped.names)


def _conversation(messages: Any, settings: Settings, dropped: Dropped) -> dict[str, Any]:
    told = encode_conversation(messages, dropped, documents=DOCUMENTS, parts=PARTS, call_keys=CALL_KEYS)
    body: dict[str, Any] = {"contents": encode_contents(told.turns, dropped, signed=settings.family.signed)}
    if not body["contents"]:
        raise RefusedError("`messages` holds nothing to answer", "messages")
    if told.system:
        body["systemInstruction"] = {"parts": [{"text": block["text"]} for block in told.system]}
        if any("cache_control" in block for block in told.system):
            dropped.note("messages.cache_control")
    return body


def _rest(given: Mapping[str, Any], settings: Settings, dropped: Dropped) -> dict[str, Any]:
    """Return what does not depend on the task. Raises `RefusedError`."""
    generation = encode_generation(given, settings.family, settings.drop, dropped)
    foreign = next((name for name in given if camel(name) in _TRANSLATED), None)
    if foreign is not None:
        raise unsupported(foreign, f"`{foreign}` is what the request is translated into; say it in OpenAI's form")
    rest = {name: value for name, value in given.items() if camel(name) not in OWN}
    passed = pass_rest(rest, _OWN, dropped, hints=_HINTS)
    return {**passed, "generationConfig": generation} if generation else passed
