"""The dialect `messages` to a target that speaks it: request, answer and events pass as they are.

Nothing goes through the canonical form, so whatever the Messages API has or will have is intact: thinking signatures,
cache breakpoints, citations, server tools. Only `model` is replaced, and of the client's headers two are looked at.
Source: Anthropic API reference, "Messages", "Versioning" and "Beta headers".
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from xmc.plugins.anthropic.dialect import BETA, VERSION
from xmc.plugins.anthropic.error import error_from_answer, error_from_event
from xmc.plugins.anthropic.parameter import Settings
from xmc.plugins.openai_family.error import DECODE_ERRORS, garbled
from xmc.schema import (
    Chunk,
    Context,
    Event,
    Exchange,
    JsonObject,
    ProviderError,
    Refusal,
    Response,
    Target,
    WireReply,
    WireRequest,
)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OK = 200
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def prepare_native(
    request: JsonObject, context: Context, target: Target, settings: Settings, stream_url: str
) -> Exchange | Refusal:
    """Pass a Messages request on. A beta that is not on the list of those that may be asked for is left out by name.

    `stream_url` is where streams are asked for. The client's `anthropic-version` wins over the target's: it says which
    form the client can read.
    """
    version = context.headers.get(VERSION)
    if version is not None and not _DATE.fullmatch(version):
        return Refusal(f"the header `{VERSION}` is not a date", param=VERSION, code="invalid_value")
    named = [name.strip() for name in context.headers.get(BETA, "").split(",") if name.strip()]
    if not all(_NAME.fullmatch(name) for name in named):
        return Refusal(f"the header `{BETA}` is not a list of names", param=BETA, code="invalid_value")
    always = settings.beta
    wanted = [name for name in named if name in always or name in settings.betas_allowed]
    stream = bool(request.get("stream"))
    headers = [pair for pair in target.headers if version is None or pair[0] != VERSION]
    headers += [] if version is None else [(VERSION, version)]
    headers += [("Content-Type", "application/json"), ("Accept", "text/event-stream" if stream else "application/json")]
    if always or wanted:
        headers.append((BETA, ",".join(dict.fromkeys((*always, *wanted)))))
    rest = request if "model" in settings.head else {key: value for key, value in request.items() if key != "model"}
    body = _encode({**rest, **settings.head})
    return Exchange(
        calls=(WireRequest("POST", stream_url if stream else target.url, tuple(headers), body),),
        decode=_decode_answer,
        decoder=NativeDecoder if stream else None,
        dropped=tuple(f"{BETA}:{name}" for name in dict.fromkeys(named) if name not in wanted),
    )


def _decode_answer(replies: Sequence[WireReply]) -> Response | ProviderError:
    reply = replies[0]
    if reply.status != _OK:
        return error_from_answer(reply)
    try:
        body = _decode(reply.body)
    except DECODE_ERRORS:
        return garbled(reply.status, "answered with something that is not JSON")
    if not isinstance(body, dict) or not _is_message(body):
        return error_from_event(body) or garbled(reply.status, "answered with JSON that is no message")
    return Response(body, raw=reply.body)


def _is_message(body: Mapping[str, Any]) -> bool:
    content = body.get("content")
    return (
        body.get("type") == "message"
        and isinstance(content, list)
        and all(isinstance(block, dict) for block in content)
    )


class NativeDecoder:
    """Gives every event as it is, and errors as such. Holds nothing; the host knows when a message is complete."""

    __slots__ = ()

    def feed(self, event: Event) -> Sequence[Chunk | ProviderError]:
        """Return the event, decoded."""
        try:
            value = _decode(event.data)
        except DECODE_ERRORS:
            return (garbled(0, "sent an event in its stream that is not JSON"),)
        if (
            isinstance(value, dict)
            and isinstance(value.get("type"), str)
            and "error" not in {event.kind, value["type"]}
        ):
            return (value,)
        return (error_from_event(value) or garbled(0, "sent an event in its stream that cannot be read"),)

    def finish(self) -> Sequence[Chunk | ProviderError]:
        """Return nothing: there is nothing to add to what the upstream said."""
        return ()
