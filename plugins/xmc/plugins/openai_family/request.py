"""From a canonical request to the body that an OpenAI-shaped upstream gets.

`model` is the target's (or left out, where the URL names it), `null` and empty lists count as not set, and streams are
asked for usage. Everything else passes as it is; what is meant for the gateway alone (`extra_params`, `usage_context`,
…) the host has dealt with.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from xmc.schema import Refusal, Task

_INPUTS = frozenset({"messages", "prompt", "input"})
_ENCODINGS = frozenset({"float", "base64"})


class Encoded(msgspec.Struct, frozen=True):
    """A request as the upstream gets it. `encoding` is how embeddings were asked for."""

    body: bytes
    stream: bool
    choices: int
    encoding: str


def encode_request(
    request: Any, task: Task, model: str | None, *, stream_usage: bool, own_encoding: bool
) -> Encoded | Refusal:
    """Translate a request of `task`; `request` itself is left alone. Without `model` none is sent.

    `stream_usage`: ask streams for usage even if the client did not. `own_encoding`: embeddings are asked for in the
    upstream's default form, floats, and encoded by the gateway.

    Refused by name: `stream` that is no boolean or on embeddings, an unknown `encoding_format`, and what cannot be
    written as JSON.
    """
    if not isinstance(request, Mapping):
        return Refusal("the request is not a JSON object", code="invalid_request")
    body: dict[str, Any] = {
        key: value for key, value in request.items() if (value is not None and value != []) or key in _INPUTS
    }
    body.pop("model", None)
    if model is not None:
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
