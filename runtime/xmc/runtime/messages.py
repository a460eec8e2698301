"""The dialect `messages`: how requests, answers, events and errors of the Messages API look.

Source: Anthropic API reference, "Messages", "Streaming messages" and "Errors".
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from xmc.runtime.errors import GatewayError, InvalidRequestError
from xmc.runtime.relay import Progress
from xmc.schema import JsonObject, Task

KEPT = frozenset({402, 413, 529})
"""Statuses of upstreams that clients of this dialect know, and of which none is re-sent where it cannot help."""

_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
# Types that only the canonical form has; all others are the same, or the upstream's own.
_FOREIGN = frozenset({"upstream_error", "upstream_auth_error", "server_error", "cancelled_error"})
_ENCODE = msgspec.json.Encoder().encode
_PROMPT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
# What of a whole block comes in deltas: member -> (type of the delta, its member, the member as the block opens).
_DELTAS: Mapping[str, tuple[str, str, Any]] = {
    "text": ("text_delta", "text", ""),
    "thinking": ("thinking_delta", "thinking", ""),
    "signature": ("signature_delta", "signature", ""),
}


def check(body: Mapping[str, Any], task: Task) -> None:
    """Check what the gateway itself needs of a body; all else is for the upstream to judge, in its own words.

    Raises:
        InvalidRequestError: no messages, or a `stream` that is neither true nor false.
    """
    del task
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidRequestError("'messages' must be an array of messages, and not empty", param="messages")
    if not isinstance(body.get("stream"), bool | None):
        raise InvalidRequestError("'stream' must be true or false", param="stream")


def usage(body: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return (prompt, completion) tokens of a message; the prompt's include those read from and written to the cache.

    >>> usage({"usage": {"input_tokens": 3, "cache_read_input_tokens": 100, "output_tokens": 2}})
    (103, 2)
    """
    counts = body.get("usage")
    return tokens(counts) if isinstance(counts, dict) else (None, None)


def tokens(counts: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return (prompt, completion) tokens of a `usage`, whose members may be null or missing."""
    prompt = [count for name in _PROMPT if isinstance(count := counts.get(name), int)]
    completion = counts.get("output_tokens")
    return sum(prompt) if prompt else None, completion if isinstance(completion, int) else None


def error_body(error: GatewayError, status: int, request_id: str) -> dict[str, Any]:
    """Return an error as this dialect's clients read it, with Databricks' `error_code` and `message` beside it."""
    inner: dict[str, Any] = {"type": _type(error, status), "message": error.message}
    if error.details is not None:
        inner["details"] = error.details
    return {
        "type": "error",
        "error": inner,
        "request_id": request_id,
        "error_code": error.error_code,
        "message": error.message,
    }


def error_event(error: GatewayError, status: int, request_id: str) -> bytes:
    """Return the event that ends a stream which failed after its first byte."""
    return write_event("error", _ENCODE(error_body(error, status, request_id)))


def write_event(kind: str, payload: bytes) -> bytes:
    """Write one event: its name, and its JSON in one line (between tokens a line end is the same as a space)."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode("ascii", "replace"), payload.replace(b"\n", b" "))


ENDING = write_event("message_stop", b'{"type":"message_stop"}')


def replay(body: JsonObject, task: Task, progress: Progress) -> bytes:
    """Return a whole message as the events that it would have come in, without the last one."""
    del task
    out = b""
    for event in _events(body):
        out += write_event(event["type"], _ENCODE(event))
        progress.chunks += 1
    progress.finished.add(0)
    progress.count(*usage(body))
    return out


def _events(body: JsonObject) -> Iterable[dict[str, Any]]:
    ending = {name: body.get(name) for name in ("stop_reason", "stop_sequence")}
    yield {"type": "message_start", "message": {**body, "content": [], "stop_reason": None, "stop_sequence": None}}
    for index, block in enumerate(body.get("content") or ()):
        opening, deltas = _split(block)
        yield {"type": "content_block_start", "index": index, "content_block": opening}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": ending, "usage": body.get("usage")}


def _split(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a whole block as it opens, and what then comes in deltas: text, thinking, citations, a tool's input."""
    opening, deltas = dict(block), []
    for name, (kind, member, empty) in _DELTAS.items():
        if isinstance(block.get(name), str):
            opening[name] = empty
            deltas.append({"type": kind, member: block[name]})
    if block.get("citations"):
        opening["citations"] = []
        deltas += [{"type": "citations_delta", "citation": citation} for citation in block["citations"]]
    if isinstance(block.get("input"), dict):
        opening["input"] = {}
        deltas.append({"type": "input_json_delta", "partial_json": _ENCODE(block["input"]).decode()})
    return opening, deltas


def _type(error: GatewayError, status: int) -> str:
    if error.type not in _FOREIGN:
        return error.type
    return _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")  # noqa: PLR2004 - 4xx and 5xx
