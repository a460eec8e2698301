"""From Anthropic's errors to a `ProviderError`, in answers and in streams.

Body: `{"type": "error", "error": {"type", "message", "details"?}, "request_id"}`. In a stream the status was 200
before; there the error's type names the status that it would have had.
Source: Anthropic API reference, "Errors".
"""

from typing import Any

import msgspec

from xmc.plugins.openai_family.error import DECODE_ERRORS, error_from_reply, error_from_value
from xmc.schema import ProviderError, WireReply

STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The HTTP status that belongs to each type of error."""


def error_from_answer(reply: WireReply) -> ProviderError:
    """Read the body of a reply whose status is not 2xx; also HTML or nothing, as proxies send them."""
    error = error_from_reply(reply)
    try:
        details = _details(msgspec.json.decode(reply.body))
    except DECODE_ERRORS:
        return error
    return error if details is None else msgspec.structs.replace(error, details=details)


def error_from_event(value: Any, request_id: str | None = None) -> ProviderError | None:
    """Read an error that came with a good status, or return None if it does not look like one."""
    error = error_from_value(value, 0, request_id)
    if error is None:
        return None
    return msgspec.structs.replace(
        error, status=error.status or STATUS_OF_TYPE.get(error.type or "", 0), details=_details(value)
    )


def _details(value: Any) -> Any:
    inner = value.get("error") if isinstance(value, dict) else None
    return inner.get("details") if isinstance(inner, dict) else None
