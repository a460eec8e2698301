"""From a canonical request to the body that an OpenAI-shaped upstream gets.

Gateway-only keys are taken out, `extra_params` is merged in, `model` is the target's, `null` and empty lists count as
not set, and streams are asked for usage. Everything else passes as it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from xmc.schema import Refusal, Task

GATEWAY_KEYS = frozenset({"usage_context", "client_request_id", "databricks_options", "extra_params"})
"""Keys of the Databricks contract that are for the gateway and never forwarded."""

_INPUTS = frozenset({"messages", "prompt", "input"})
_NOT_EXTRA = GATEWAY_KEYS | _INPUTS | {"model", "stream"}

# Parameters whose values are text even when they look like a number.
_TEXT_PARAMETERS = frozenset({
    "encoding_format", "prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "safety_identifier",
    "service_tier", "stop", "suffix", "tool_choice", "user", "verbosity",
})  # fmt: skip
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]{1,18}\.?[0-9]{0,18}|\.[0-9]{1,18})([eE][+-]?[0-9]{1,2})?")
_ENCODINGS = frozenset({"float", "base64"})


@dataclass(frozen=True, slots=True)
class Encoded:
    """A request as the upstream gets it. `encoding` is how embeddings were asked for."""

    body: bytes
    stream: bool
    choices: int
    encoding: str


def encode_request(
    request: Any, task: Task, model: str, *, stream_usage: bool, own_encoding: bool
) -> Encoded | Refusal:
    """Translate a request of `task`; `request` itself is left alone.

    `stream_usage`: ask streams for usage even if the client did not. `own_encoding`: embeddings are asked for in the
    upstream's default form, floats, and encoded by the gateway.

    Refused by name: `stream` that is no boolean or on embeddings, `extra_params` that would replace something, an
    unknown `encoding_format`, and what cannot be written as JSON.
    """
    if not isinstance(request, Mapping):
        return Refusal("the request is not a JSON object", code="invalid_request")
    merged = _merge_extra(request)
    if isinstance(merged, Refusal):
        return merged
    body: dict[str, Any] = {
        key: value
        for key, value in merged.items()
        if key not in GATEWAY_KEYS and ((value is not None and value != []) or key in _INPUTS)
    }
    body["model"] = model
    stream = body.get("stream", False)
    refusal = _refuse_stream(stream, task, body) or _refuse_encoding(body, task)
    if refusal:
        return refusal
    if stream and stream_usage:
        body["stream_options"] = {**body.get("stream_options", {}), "include_usage": True}
    encoding = body.get("encoding_format", "float") if task is Task.EMBEDDINGS else "float"
    if own_encoding and task is Task.EMBEDDINGS:
        body.pop("encoding_format", None)
    try:
        data = msgspec.json.encode(body)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return Refusal("the request holds text that is not Unicode, or is nested too deeply", code="invalid_request")
    return Encoded(data, stream, _count_choices(body, task), encoding)


def _merge_extra(request: Mapping[str, Any]) -> Mapping[str, Any] | Refusal:
    """Put the members of `extra_params` beside the others. Its values are text, so numbers and booleans are read.

    Source: Databricks REST API, "Query a serving endpoint", `extra_params` (a map of strings).
    """
    extra = request.get("extra_params")
    if extra is None:
        return request
    if not isinstance(extra, Mapping):
        return Refusal("`extra_params` is not an object", param="extra_params", code="invalid_value")
    merged = dict(request)
    for key, value in extra.items():
        if key in _NOT_EXTRA:
            return Refusal(f"`{key}` cannot be set by `extra_params`", param=f"extra_params.{key}")
        coerced = value if key in _TEXT_PARAMETERS else _coerce(value)
        present = merged.get(key)
        if present is not None and present != coerced:
            return Refusal(
                f"`{key}` and `extra_params.{key}` have different values", param=f"extra_params.{key}",
                code="invalid_value",
            )  # fmt: skip
        merged[key] = coerced
    return merged


def _coerce(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if _INTEGER.fullmatch(value):
        return int(value)
    return float(value) if _NUMBER.fullmatch(value) else value


def _refuse_stream(stream: Any, task: Task, body: Mapping[str, Any]) -> Refusal | None:
    if not isinstance(stream, bool):
        return Refusal("`stream` is neither true nor false", param="stream", code="invalid_value")
    if stream and task is Task.EMBEDDINGS:
        return Refusal("embeddings cannot be streamed", param="stream")
    if not isinstance(body.get("stream_options", {}), Mapping):
        return Refusal("`stream_options` is not an object", param="stream_options", code="invalid_value")
    return None


def _refuse_encoding(body: Mapping[str, Any], task: Task) -> Refusal | None:
    encoding = body.get("encoding_format", "float")
    if task is Task.EMBEDDINGS and not (isinstance(encoding, str) and encoding in _ENCODINGS):
        return Refusal(
            "`encoding_format` is neither `float` nor `base64`", param="encoding_format", code="invalid_value"
        )
    return None


def _count_choices(body: Mapping[str, Any], task: Task) -> int:
    """How many choices a complete answer has: `n`, for each prompt of a list of prompts."""
    n = body.get("n", 1)
    count = n if isinstance(n, int) and not isinstance(n, bool) and n > 0 else 1
    prompt = body.get("prompt")
    if task is Task.COMPLETIONS and isinstance(prompt, list) and prompt and isinstance(prompt[0], str | list):
        return count * len(prompt)
    return count
