"""From Bedrock's errors to a `ProviderError`, in answers and in streams.

Body `{"message"}` (now and then `Message`); the error's name is in the header `x-amzn-errortype`, before a colon, or in
`__type`. In a stream an exception is an event of its own, whose name begins with a small letter.
Source: Amazon Bedrock API reference, "Common errors", "Converse", "ConverseStream"; botocore 1.44.5.
"""

from typing import Any

import msgspec

from xmc.plugins.openai_family.error import DECODE_ERRORS, error_from_reply, garbled
from xmc.schema import Event, ProviderError, WireReply

# What says more than the HTTP status that it comes with, or comes without one.
_STATUSES = {
    "accessdeniedexception": 403,
    "conflictexception": 409,
    "expiredtokenexception": 403,
    "internalserverexception": 500,
    "modelerrorexception": 424,
    "modelnotreadyexception": 503,
    "modelstreamerrorexception": 424,
    "modeltimeoutexception": 408,
    "resourcenotfoundexception": 404,
    "servicequotaexceededexception": 429,
    "serviceunavailableexception": 503,
    "throttlingexception": 429,
    "validationexception": 400,
}
_CLIENTS = range(400, 500)
_UNNAMED = 500


def error_from_answer(reply: WireReply) -> ProviderError:
    """Read a reply whose status is not 2xx; also HTML or nothing, as proxies send them."""
    error = error_from_reply(reply)
    value = _decoded(reply.body)
    name = _name(reply.headers.get("x-amzn-errortype") or value.get("__type") or "")
    message = value.get("message") or value.get("Message")
    return msgspec.structs.replace(
        error,
        status=_status(name, value, reply.status),
        message=message if isinstance(message, str) else error.message,
        code=name or error.code,
        type=name or error.type,
    )


def error_from_event(event: Event) -> ProviderError | None:
    """Read an event that ends a stream; None if it is none."""
    sort, slash, name = event.kind.partition("/")
    if not slash:
        return None
    if sort == "exception":
        value = _decoded(event.data)
        message = value.get("message") or value.get("originalMessage") or f"the upstream's stream ended in {name}"
        return ProviderError(_status(name, value, _UNNAMED), str(message), code=name or None, type=name or None)
    if sort == "error":
        text = event.data.decode("utf-8", "replace") or f"the upstream's stream ended in {name}"
        return ProviderError(_UNNAMED, text, code=name or None, type=name or None)
    return garbled(0, "sent a message of unknown type in its stream")


def _status(name: str, value: dict[str, Any], status: int) -> int:
    """Return the HTTP status that an error of this name has; a model's own, if that says it was the request."""
    original = value.get("originalStatusCode")
    if isinstance(original, int) and original in _CLIENTS:
        return original
    return _STATUSES.get(name.lower(), status)


def _name(text: Any) -> str:
    """Return the bare name of an error.

    >>> _name("ValidationException:http://internal.amazon.com/"), _name("com.amazon#Thing")
    ('ValidationException', 'Thing')
    """
    return text.partition(":")[0].rpartition("#")[2] if isinstance(text, str) else ""


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(data)
    except DECODE_ERRORS:
        return {}
    return value if isinstance(value, dict) else {}
