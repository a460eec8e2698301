"""From any upstream error body to a `ProviderError`: whatever its shape, something readable comes out.

Shapes known: OpenAI's `{"error": {…}}` and `{"error": "text"}`, Google's `{"error": {"code": 404, "status":
"NOT_FOUND", …}}`, Databricks' `{"error_code", "message"}`, FastAPI's `{"detail": …}`, `{"message": …}`, vLLM's
`{"object": "error", …}`, a list of any of these, HTML, plain text, nothing.
Sources: OpenAI API reference, "Error codes"; Databricks REST API, "Errors"; FastAPI documentation, "Handling errors";
Google Cloud APIs, "Errors", HTTP mapping.
"""

import html
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from xmc.schema import ProviderError, WireReply

DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Everything that decoding bytes as JSON can raise."""

_MAX_TEXT = 4000
_MAX_HTML = 8192  # the patterns below are quadratic on hostile text, so it is kept short
_STATUS = range(400, 600)
_REQUEST_ID = ("x-request-id", "apim-request-id", "request-id", "x-amzn-requestid", "cf-ray")
_GOOGLE = re.compile(r"[A-Z][A-Z_]{1,63}")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^<>]*>", re.IGNORECASE | re.DOTALL)


def error_from_reply(reply: WireReply) -> ProviderError:
    """Read the body of a reply whose status is not 2xx."""
    request_id = find_request_id(reply.headers)
    try:
        value = msgspec.json.decode(reply.body)
    except DECODE_ERRORS:
        value = None
    error = error_from_value(value, reply.status, request_id)
    if error is not None:
        return error
    return ProviderError(status=reply.status, message=_text_of(reply), request_id=request_id)


def error_from_value(value: Any, status: int, request_id: str | None = None) -> ProviderError | None:
    """Read a decoded body or stream event as an error, or return None if it does not look like one.

    `status` is the HTTP status; 0 (an error in a stream or in a 200 answer) is replaced by the number in the error.
    """
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return None
    inner = value.get("error") or _first(value.get("errors"))
    found: Mapping[str, Any]
    if isinstance(inner, dict):
        found = inner
    elif isinstance(inner, str):
        found = {**value, "message": value.get("message") or inner}
    elif inner or any(value.get(key) for key in ("error_code", "message", "detail", "msg")):
        found = value
    else:
        return None
    canonical = _google_status(found)
    return ProviderError(
        status=status or _named_status(found) or _named_status(value),
        message=_message(found) or _message(value) or _dump(value) or "the upstream reported an error",
        code=canonical or _name(found.get("code")) or _name(value.get("error_code")) or _name(found.get("error_code")),
        type=_name(found.get("type")),
        param=_name(found.get("param")),
        request_id=request_id or _name(value.get("request_id")),
        details=found.get("details") if canonical else found.get("innererror"),
    )


def is_error_body(value: Mapping[str, Any]) -> bool:
    """Tell an error from an answer in something that came with a good status."""
    if value.get("error"):
        return True
    return (
        "choices" not in value
        and "data" not in value
        and bool(
            value.get("error_code") or value.get("detail") or (value.get("object") == "error" and value.get("message"))
        )
    )


def find_request_id(headers: Mapping[str, str]) -> str | None:
    """Return the upstream's own id of the request. Header names are lower case."""
    return next((headers[name] for name in _REQUEST_ID if headers.get(name)), None)


def garbled(status: int, what: str, headers: Mapping[str, str] | None = None) -> ProviderError:
    """Return the error for an answer that cannot be read; `what` ends the sentence "the upstream …"."""
    return ProviderError(
        status=status, message=f"the upstream {what}", garbled=True, request_id=find_request_id(headers or {})
    )


def _message(found: Mapping[str, Any]) -> str:
    for key in ("message", "detail", "msg", "error_description", "title"):
        text = _flatten(found.get(key))
        if text:
            return text[:_MAX_TEXT]
    return ""


def _flatten(value: Any) -> str:
    """Make one line of a message: text, FastAPI's list of `{loc, msg, type}`, or any other value as JSON."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return "; ".join(filter(None, map(_flatten, value)))
    if isinstance(value, dict):
        text = next((value[key] for key in ("msg", "message") if isinstance(value.get(key), str)), None)
        if text is None:
            return _dump(value)
        place = value.get("loc")
        where = ".".join(map(str, place)) if isinstance(place, list) else ""
        return f"{where}: {text}" if where else text
    return ""


def _named_status(found: Mapping[str, Any]) -> int:
    for key in ("code", "status", "statusCode", "status_code"):
        value = found.get(key)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == len("429"):
            value = int(value)
        if isinstance(value, int) and value in _STATUS:
            return value
    return 0


def _google_status(found: Mapping[str, Any]) -> str | None:
    """Return the name that Google gives an error beside its number, which says no more than the status does."""
    name = found.get("status")
    return name if isinstance(name, str) and isinstance(found.get("code"), int) and _GOOGLE.fullmatch(name) else None


def _name(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _text_of(reply: WireReply) -> str:
    text = reply.body[:_MAX_HTML].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        title = _TITLE.search(text)
        text = html.unescape(_UNSEEN.sub(" ", title[1] if title else text))
    text = " ".join(text.split())
    if not text:
        text = f"the upstream answered {reply.status} with an empty body"
    return text[:_MAX_TEXT]


def _dump(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()[:_MAX_TEXT]
    except (ValueError, RecursionError):
        return ""


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None
