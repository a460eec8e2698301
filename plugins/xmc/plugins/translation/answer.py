"""What answers of every dialect have in common: reading the body, its head, calls of tools, adding up usage."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from xmc.plugins.openai_family.error import DECODE_ERRORS, error_from_value, find_request_id, garbled, is_error_body
from xmc.plugins.openai_family.field import UnreadableError
from xmc.schema import Context, ProviderError, Response, WireReply

_SUCCESS = range(200, 300)
_decode = msgspec.json.Decoder().decode


def decode_answer(
    reply: WireReply,
    translate: Callable[[dict[str, Any]], dict[str, Any]],
    *,
    read_error: Callable[[WireReply], ProviderError],
    read_error_value: Callable[[Any, str | None], ProviderError | None] = lambda value, request_id: error_from_value(
        value, 0, request_id
    ),
) -> Response | ProviderError:
    """Turn one HTTP reply into a canonical response or an error. Total: any bytes give one of the two.

    `translate` gets the decoded object and may raise `UnreadableError`. `read_error` reads replies whose status is
    not 2xx; `read_error_value` reads an error that came with a good status.
    """
    if reply.status not in _SUCCESS:
        return read_error(reply)
    try:
        body = _decode(reply.body)
    except DECODE_ERRORS:
        return garbled(reply.status, f"answered {reply.status} with a body that is not JSON", reply.headers)
    if not isinstance(body, dict):
        return garbled(reply.status, f"answered {reply.status} with JSON that is not an object", reply.headers)
    if is_error_body(body):
        error = read_error_value(body, find_request_id(reply.headers))
        if error is not None:
            return error
    try:
        return Response(translate(body))
    except UnreadableError as error:
        return garbled(reply.status, str(error), reply.headers)


def head_of(kind: str, prefix: str, body: Mapping[str, Any], context: Context, model: str) -> dict[str, Any]:
    """Return what stands at the top of a response and of every chunk; what the provider does not say is filled in.

    `kind` is the `object`; `prefix` begins the id that is made where `body` has none.
    """
    given_id, given_model = body.get("id"), body.get("model")
    return {
        "id": given_id if isinstance(given_id, str) and given_id else f"{prefix}-{context.id}",
        "object": kind,
        "created": context.created,
        "model": given_model if isinstance(given_model, str) and given_model else model,
    }


def call_head(name: Any, call_id: Any, stem: str, names: Mapping[str, str]) -> dict[str, Any]:
    """Return a tool call without arguments; `stem` makes the id if the provider gave none.

    `names` maps rewritten names back. Raises `UnreadableError`.
    """
    if not isinstance(name, str) or not name:
        raise UnreadableError("answered with a tool call that names no tool")
    return {
        "id": call_id if isinstance(call_id, str) and call_id else f"call_{stem}",
        "type": "function",
        "function": {"name": names.get(name, name), "arguments": ""},
    }


def with_usage(response: dict[str, Any], usage: dict[str, Any] | None) -> dict[str, Any]:
    """Return the response with its usage, if that is known."""
    return response if usage is None else {**response, "usage": usage}


def add_up_usage(usages: Sequence[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """Add the canonical usage of several calls; None if one of them is unknown."""
    total: dict[str, Any] = {}
    for usage in usages:
        if usage is None:
            return None
        _add(total, usage)
    return total


def _add(total: dict[str, Any], usage: Mapping[str, Any]) -> None:
    for name, value in usage.items():
        if isinstance(value, Mapping):
            _add(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value
