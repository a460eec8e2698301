"""From turns of blocks to Gemini's contents.

Results of tools stand in a content of their own, before what the user says in the same turn. Calls carry no ids here:
the API tells results by their order, and many models refuse the member. What the model thought is not sent back, but
for the signature that came with a call, which newer models want there again.
Source: Vertex AI API reference, "Content", "Part"; Google Cloud documentation, "Thought signatures"; google-genai
3.4.0.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from xmc.plugins.google_cloud_vertex_ai.media import PARTS, audio_part, media_part
from xmc.plugins.translation.naming import fit
from xmc.plugins.translation.refused import Dropped, RefusedError, unsupported

Part = dict[str, Any]

CALL_KEYS = frozenset({"extra_content"})
"""Members of calls that are read here: `extra_content.google.thought_signature`, as Google's OpenAI form has it."""

UNSIGNED = "skip_thought_signature_validator"
"""Google's own stand-in for the signature of a call that another model made, or whose client lost it."""

_UNFIT = re.compile(r"^[^a-zA-Z_]|[^a-zA-Z0-9_.:-]")
_MAX_NAME = 64
_LEFT_OUT = frozenset({"thinking", "redacted_thinking"})


def tool_name(name: str) -> str:
    """Return a tool's name as `^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$`.

    >>> tool_name("get_weather"), tool_name("3d")
    ('get_weather', '_d_da0568a2')
    """
    return fit(name, limit=_MAX_NAME, unfit=_UNFIT)


def encode_contents(turns: Sequence[Mapping[str, Any]], dropped: Dropped, *, signed: bool) -> list[dict[str, Any]]:
    """Translate all turns. `signed`: the first call of a turn must have a signature. Raises `RefusedError`."""
    contents: list[dict[str, Any]] = []
    called: dict[str, str] = {}
    for turn in turns:
        blocks = turn["content"]
        if isinstance(blocks, str):
            blocks = [{"type": "text", "text": blocks}]
        _note_left_out(blocks, dropped)
        if turn["role"] == "assistant":
            called |= {block["id"]: block["name"] for block in blocks if block["type"] == "tool_use"}
            _add(contents, "model", _model_parts(blocks, signed=signed))
        else:
            _add(contents, "user", [_result(block, called) for block in blocks if block["type"] == "tool_result"])
            _add(contents, "user", [_user_part(block) for block in blocks if block["type"] != "tool_result"])
    return contents


def _add(contents: list[dict[str, Any]], role: str, parts: list[Part]) -> None:
    if parts:
        contents.append({"role": role, "parts": parts})


def _note_left_out(blocks: Sequence[Mapping[str, Any]], dropped: Dropped) -> None:
    if any(block["type"] in _LEFT_OUT for block in blocks):
        dropped.note("messages.thinking_blocks")
    if any("cache_control" in block for block in blocks):
        dropped.note("messages.cache_control")


def _model_parts(blocks: Sequence[Mapping[str, Any]], *, signed: bool) -> list[Part]:
    parts: list[Part] = []
    needed = signed
    for block in blocks:
        match block["type"]:
            case "text":
                parts.append({"text": block["text"]})
            case "tool_use":
                part: Part = {"functionCall": {"name": tool_name(block["name"]), "args": block["input"]}}
                signature = _signature(block) or (UNSIGNED if needed else None)
                parts.append(part if signature is None else {**part, "thoughtSignature": signature})
                needed = False
            case kind if kind not in _LEFT_OUT:
                raise unsupported("messages", f"Gemini has no part of type {kind!r} in what a model said")
    return parts


def _signature(block: Mapping[str, Any]) -> str | None:
    extra = block.get("extra_content")
    google = extra.get("google") if isinstance(extra, Mapping) else None
    signature = google.get("thought_signature") if isinstance(google, Mapping) else None
    return signature if isinstance(signature, str) and signature else None


def _user_part(block: Mapping[str, Any]) -> Part:
    match block["type"]:
        case "text":
            return {"text": block["text"]}
        case "image" | "document":
            return media_part(block)
        case kind if kind in PARTS:
            return audio_part(block)
        case kind:
            raise unsupported("messages", f"Gemini has no part of type {kind!r}")


def _result(block: Mapping[str, Any], called: Mapping[str, str]) -> Part:
    """Translate a tool's result: an object as it is, anything else as the `result` of one, a failure as its `error`."""
    content = block.get("content")
    if isinstance(content, list):
        if any(part["type"] != "text" for part in content):
            raise RefusedError(
                "a result of a tool holds a part that is not text, which Gemini does not take", "messages"
            )
        content = "".join(part["text"] for part in content)
    text = content or ""
    value = _json_of(text)
    if block.get("is_error"):
        value = {"error": text if value is None else value}
    elif not isinstance(value, dict):
        value = {"result": text if value is None else value}
    return {"functionResponse": {"name": tool_name(called[block["tool_use_id"]]), "response": value}}


def _json_of(text: str) -> dict[str, Any] | list[Any] | None:
    """Return the object or list that a text is the JSON of, or None."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value: dict[str, Any] | list[Any] = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None
    return value
