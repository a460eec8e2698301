"""From a canonical chat or completions request to the bodies of Converse calls.

`temperature` and `top_p` are 0 to 1 (OpenAI: 0 to 2) and are neither scaled nor cut. What OpenAI does not know goes to
the model in `additionalModelRequestFields`, except Converse's own members, which stay where they are.
Source: Amazon Bedrock API reference, "Converse"; Amazon Bedrock User Guide, "Inference request parameters".
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from xmc.plugins.amazon_bedrock.blocks import DOCUMENTS, BlockEncoder, cache_point
from xmc.plugins.amazon_bedrock.family import FAMILIES, Family
from xmc.plugins.amazon_bedrock.tools import encode_tool_settings
from xmc.plugins.anthropic.family import family_of
from xmc.plugins.anthropic.output import encode_format
from xmc.plugins.anthropic.thinking import encode_effort
from xmc.plugins.translation.conversation import encode_conversation
from xmc.plugins.translation.parameter import (
    encode_body,
    pass_rest,
    read_max_tokens,
    read_prompts,
    read_stops,
    read_stream,
    refuse_chat_only,
    set_parameters,
)
from xmc.plugins.translation.prompt import messages_of
from xmc.plugins.translation.refused import Dropped, RefusedError
from xmc.schema import Target

DEFAULT_MAX_TOKENS = 4096
"""Where thinking needs a limit and the client gives none."""

_CONVERSE = frozenset({
    "additionalModelRequestFields", "additionalModelResponseFieldPaths", "guardrailConfig", "performanceConfig",
    "promptVariables", "requestMetadata",
})  # fmt: skip
_OWN = frozenset({
    "max_completion_tokens", "max_tokens", "messages", "model", "parallel_tool_calls", "prompt", "reasoning_effort",
    "response_format", "service_tier", "stop", "stream", "stream_options", "system_prompt", "temperature",
    "tool_choice", "tools", "top_k", "top_p", "user",
})  # fmt: skip
_TIERS = frozenset({"priority", "default", "flex", "reserved"})
_RANGED = {"temperature": "temperature", "top_p": "topP"}


class Settings(msgspec.Struct, frozen=True):
    """A target's own part in every request."""

    model: str
    family: Family
    is_claude: bool

    @classmethod
    def of(cls, target: Target) -> "Settings":
        """Read the options that `link` wrote."""
        name = target.options["family"]
        return cls(target.model, FAMILIES[name], name == "anthropic")


class Encoded(msgspec.Struct, frozen=True):
    """A request as the provider gets it: a body for each call. `names` gives rewritten tools their names back."""

    bodies: tuple[bytes, ...]
    stream: bool
    names: Mapping[str, str] = {}
    dropped: tuple[str, ...] = ()


def encode_chat(request: Mapping[str, Any], settings: Settings) -> Encoded:
    """Translate a chat request; `request` itself is left alone.

    Raises:
        RefusedError: whatever the model or the API has no counterpart for, by name.
    """
    dropped = Dropped()
    given = set_parameters(request)
    stream = read_stream(given) and settings.family.streams
    body, unsigned = _conversation(request.get("messages"), given, settings, dropped)
    tools = encode_tool_settings(given, body["messages"], settings.family, dropped)
    if tools.config is not None:
        body["toolConfig"] = tools.config
    fields = {**tools.fields, **_parameters(given, body, settings, dropped, unsigned=unsigned)}
    return Encoded((_finished(given, body, fields, dropped),), stream, tools.names, dropped.names)


def encode_completions(request: Mapping[str, Any], settings: Settings) -> Encoded:
    """Translate a completions request: each prompt becomes a conversation. Raises `RefusedError`."""
    dropped = Dropped()
    given = set_parameters(request)
    refuse_chat_only(given)
    prompts = read_prompts(given.get("prompt"))
    stream = read_stream(given) and settings.family.streams and len(prompts) == 1
    bodies: list[bytes] = []
    for prompt in prompts:
        body, unsigned = _conversation(messages_of(prompt, given.get("system_prompt")), given, settings, dropped)
        fields = _parameters(given, body, settings, dropped, unsigned=unsigned)
        bodies.append(_finished(given, body, fields, dropped))
    return Encoded(tuple(bodies), stream, dropped=dropped.names)


def _conversation(
    messages: Any, given: Mapping[str, Any], settings: Settings, dropped: Dropped
) -> tuple[dict[str, Any], bool]:
    """Return the body's messages and system prompt, and whether calls in it lack the thinking that led to them."""
    told = encode_conversation(messages, dropped, documents=DOCUMENTS)
    encoder = BlockEncoder()
    body: dict[str, Any] = {"messages": [encoder.encode_turn(turn) for turn in told.turns]}
    system = [part for block in told.system for part in ({"text": block["text"]}, *cache_point(block))]
    output, instruction = _format(given.get("response_format"), settings)
    if instruction is not None:
        system.append({"text": instruction})
    if system:
        body["system"] = system
    if output is not None:
        body["outputConfig"] = {"textFormat": output}
    return body, told.unsigned


def _format(response_format: Any, settings: Settings) -> tuple[dict[str, Any] | None, str | None]:
    """Return Converse's text format and an instruction for the system prompt; either may be None."""
    encoded, instruction = encode_format(response_format)
    if encoded is None:
        return None, instruction
    named = response_format["json_schema"]
    # Claude takes a part of JSON Schema only; what others take is for their API to say.
    schema = encoded["schema"] if settings.is_claude else named["schema"]
    structure: dict[str, Any] = {"schema": msgspec.json.encode(schema).decode()}
    structure |= {key: named[key] for key in ("name", "description") if isinstance(named.get(key), str) and named[key]}
    return {"type": "json_schema", "structure": {"jsonSchema": structure}}, instruction


def _parameters(
    given: Mapping[str, Any], body: dict[str, Any], settings: Settings, dropped: Dropped, *, unsigned: bool
) -> dict[str, Any]:
    """Put parameters into the body; return the fields that are the model's own. Raises `RefusedError`."""
    thought = _think(given, settings, dropped, unsigned=unsigned)
    fields = dict(thought.fields)
    inference: dict[str, Any] = {} if thought.limit is None else {"maxTokens": thought.limit}
    if thought.effort is not None:
        body["outputConfig"] = {**body.get("outputConfig", {}), "effort": thought.effort}
    for name, theirs in _RANGED.items():
        if name in given:
            inference[theirs] = _share(given[name], name)
    stops = read_stops(given.get("stop"), dropped)
    if stops:
        inference["stopSequences"] = stops
    if inference:
        body["inferenceConfig"] = inference
    if "top_k" in given:
        value: Any = given["top_k"]
        for key in reversed(settings.family.top_k):
            value = {key: value}
        fields |= value
    tier = given.get("service_tier")
    if isinstance(tier, str) and tier in _TIERS:
        body["serviceTier"] = {"type": tier}
    elif tier is not None and tier != "auto":
        dropped.note("service_tier")
    if "user" in given:
        dropped.note("user")
    return fields


class _Thought(msgspec.Struct, frozen=True):
    """What thinking comes to: a limit of tokens, Converse's own effort, and fields for the model; None: not said."""

    limit: int | None
    effort: str | None = None
    fields: dict[str, Any] = {}


def _think(given: Mapping[str, Any], settings: Settings, dropped: Dropped, *, unsigned: bool) -> _Thought:
    """Translate `reasoning_effort`, which only Claude knows here. Raises `RefusedError`."""
    limit, effort = read_max_tokens(given), given.get("reasoning_effort")
    way = family_of(_bare_name(settings.model)).thinking
    thought = encode_effort(
        effort, way, max_tokens=limit or DEFAULT_MAX_TOKENS, is_default=limit is None, unsigned=unsigned
    )
    if effort is None:
        return _Thought(limit)
    if not settings.is_claude or not thought.has_effect:
        dropped.note("reasoning_effort")
        return _Thought(limit)
    members = dict(thought.members)
    config = members.pop("output_config", {})
    grown = limit is not None or thought.max_tokens != DEFAULT_MAX_TOKENS
    # What the client says in the model's own words goes before what its effort comes to.
    fields = {} if "thinking" in given else members
    return _Thought(thought.max_tokens if grown else None, config.get("effort"), fields)


def _bare_name(model: str) -> str:
    """Return a model's name as Anthropic's own API has it.

    >>> _bare_name("us.anthropic.claude-opus-4-1-20250805-v1:0")
    'claude-opus-4-1-20250805'
    """
    return model.rpartition("anthropic.")[2].partition(":")[0].removesuffix("-v1")


def _share(value: Any, name: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedError(f"`{name}` is no number", name)
    if not 0 <= value <= 1:
        raise RefusedError(f"`{name}` is {value}; Amazon Bedrock takes 0 to 1", name)
    return value


def _finished(given: Mapping[str, Any], body: dict[str, Any], fields: dict[str, Any], dropped: Dropped) -> bytes:
    passed = pass_rest(given, _OWN, dropped)
    body |= {name: passed.pop(name) for name in _CONVERSE & passed.keys()}
    clash = next((name for name in passed if name in fields and passed[name] != fields[name]), None)
    if clash is not None:
        raise RefusedError(f"`{clash}` is given twice, in OpenAI's form and in the model's", clash)
    own = {**fields, **passed}
    if own:
        more = body.get("additionalModelRequestFields", {})
        if not isinstance(more, Mapping):
            where = "additionalModelRequestFields"
            raise RefusedError(f"`{where}` is not an object", where)
        body["additionalModelRequestFields"] = {**own, **more}
    return encode_body(body)
