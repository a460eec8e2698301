"""What Vertex AI refuses of a Gemini call, as the simulator checks it; nothing here comes from the code under test.

Shapes are those of Google's own client (`google.genai.types`), which forbid what they do not know. The rules beyond
shapes are the API's, in its words as far as known.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from google.genai import types
from pydantic import BaseModel, ValidationError

SKIP = "skip_thought_signature_validator"
SIGNATURE = "c2lnbmVkLWJ5LXRoZS1zaW11bGF0b3I="
"""What this API signs calls with, and what it takes in the place of that."""

_SHAPES: Mapping[str, tuple[type[BaseModel], bool]] = {
    "contents": (types.Content, True),
    "generationConfig": (types.GenerationConfig, False),
    "safetySettings": (types.SafetySetting, True),
    "systemInstruction": (types.Content, False),
    "toolConfig": (types.ToolConfig, False),
    "tools": (types.Tool, True),
}
_FREE = {"args", "labels", "parametersJsonSchema", "response", "responseJsonSchema"}
_PLAIN = {"cachedContent", "labels"}
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
_DATA = ("text", "inlineData", "fileData", "functionCall", "functionResponse")
_SAMPLING = {"temperature", "topP", "topK", "presencePenalty", "frequencyPenalty"}
_KEEPS_SAMPLING = re.compile(r"gemini-(2|3\.5-flash$)")


class BadRequestError(ValueError):
    """The API's 400; the text is its message."""


def camel(value: Any) -> Any:
    """Return a body with its members in camel case, as Google's JSON has them; its client mixes both."""
    if isinstance(value, dict):
        named = {re.sub(r"_([a-z])", lambda found: found[1].upper(), key): one for key, one in value.items()}
        return {key: one if key in _FREE else camel(one) for key, one in named.items()}
    return [camel(one) for one in value] if isinstance(value, list) else value


def needs_signatures(model: str) -> bool:
    """Tell the models that want calls of the history to be signed."""
    return not model.startswith("gemini-2")


def check_content(model: str, body: Any) -> None:
    """Raise `BadRequestError` for what `generateContent` would not take."""
    _require(isinstance(body, dict), "Invalid JSON payload received.")
    for name, value in body.items():
        if name in _PLAIN:
            continue
        _require(name in _SHAPES, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
        shape, is_list = _SHAPES[name]
        for one in value if is_list else [value]:
            _check_shape(shape, one, name)
    _check_contents(model, body.get("contents") or [])
    _check_generation(model, body.get("generationConfig") or {})
    _check_tools(body)


def _check_shape(shape: type[BaseModel], value: Any, name: str) -> None:
    try:
        shape.model_validate_json(json.dumps(value))
    except ValidationError as error:
        raise BadRequestError(f"Invalid value at '{name}': {error.errors()[0]['msg']}") from None


def _check_contents(model: str, contents: list[dict[str, Any]]) -> None:
    _require(bool(contents), "Unable to submit request because at least one contents field is required.")
    _require(contents[0].get("role") == "user", "Please ensure that multiturn requests begin with a user turn.")
    _require(contents[-1].get("role") == "user", "Please ensure that multiturn requests end with a user turn.")
    owed = 0
    for content in contents:
        parts = content.get("parts") or []
        _require(content.get("role") in {"user", "model"}, "Please use a valid role: user, model.")
        _require(bool(parts), "Unable to submit request because it must include at least one parts field.")
        for part in parts:
            _check_part(part)
        calls = [part for part in parts if "functionCall" in part]
        results = [part for part in parts if "functionResponse" in part]
        _require(
            len(results) == owed and (not owed or len(parts) == owed),
            "Please ensure that the number of function response parts is equal to the number of function call parts "
            "of the function call turn.",
        )
        owed = len(calls)
        if calls and needs_signatures(model):
            _check_signed(calls)
    _require(owed == 0, "Please ensure that function call turn is followed by a function response turn.")


def _check_part(part: dict[str, Any]) -> None:
    _require(sum(name in part for name in _DATA) == 1, "required oneof field 'data' must have one initialized field")
    _require(part.get("text") != "", "Unable to submit request because it has an empty text parameter.")
    for name in ("functionCall", "functionResponse"):
        told = part.get(name)
        if told is not None:
            _require("id" not in told, f"Invalid JSON payload received. Unknown name \"id\" at '{name}'")
            _require(_NAME.fullmatch(told.get("name", "")) is not None, f"Invalid function name: {told.get('name')}")
    media = part.get("inlineData") or part.get("fileData")
    if media is not None:
        _require(bool(media.get("mimeType")), "Unable to submit request because it must have a mimeType.")


def _check_signed(calls: list[dict[str, Any]]) -> None:
    first, *others = [part.get("thoughtSignature") for part in calls]
    _require(first is not None, "Unable to submit request because function call is missing a `thought_signature`.")
    for one in (first, *others):
        _require(one in {SIGNATURE, SKIP, None}, "Thought signature is not valid.")
    _require(SKIP not in others, "Thought signature is not valid.")


def _check_generation(model: str, config: dict[str, Any]) -> None:
    if not _KEEPS_SAMPLING.match(model):
        refused = sorted(_SAMPLING & config.keys())
        _require(not refused, f"{', '.join(refused)} is not supported by this model.")
    _require(len(config.get("stopSequences", ())) <= 5, "stopSequences: at most 5 are supported.")
    _require(1 <= config.get("candidateCount", 1) <= 8, "candidateCount must be in the range [1, 8].")
    _require(0 <= config.get("temperature", 0) <= 2, "temperature must be in the range [0.0, 2.0].")
    thinking = config.get("thinkingConfig", {})
    _require(
        not {"thinkingBudget", "thinkingLevel"} <= thinking.keys(), "thinking_budget and thinking_level are both set."
    )
    by_level = needs_signatures(model)
    _require(by_level or "thinkingLevel" not in thinking, "Thinking level is not supported for this model.")
    is_json = config.get("responseMimeType") == "application/json"
    _require(is_json or "responseJsonSchema" not in config, "response_json_schema needs response_mime_type.")


def _check_tools(body: dict[str, Any]) -> None:
    declared = [one for tool in body.get("tools", ()) for one in tool.get("functionDeclarations", ())]
    names = [one.get("name", "") for one in declared]
    for one in declared:
        _require(_NAME.fullmatch(one.get("name", "")) is not None, f"Invalid function name: {one.get('name')}")
        schema = one.get("parametersJsonSchema")
        _require(schema is None or schema.get("type") == "object", "parameters schema should be of type OBJECT.")
        _require(schema is None or bool(schema.get("properties")), "should be non-empty for OBJECT type.")
    _require(len(set(names)) == len(names), "Duplicate function declaration found.")
    config = (body.get("toolConfig") or {}).get("functionCallingConfig")
    if config is not None:
        _require(bool(declared), "Function calling config is set without function_declarations.")
        allowed = config.get("allowedFunctionNames")
        _require(
            allowed is None or config.get("mode") == "ANY", "allowed_function_names should be set only for ANY mode."
        )
        _require(set(allowed or ()) <= set(names), "allowed_function_names should be a subset of the declarations.")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise BadRequestError(message)
