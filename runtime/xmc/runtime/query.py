"""A query from end to end: admit, pick, prepare, send, decode or stream.

Every step is a function of values; only reading the body and talking to the upstream are awaited.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from xmc.runtime.call import Call
from xmc.runtime.canonical import usage_if_canonical
from xmc.runtime.dialect import DIALECTS
from xmc.runtime.errors import (
    InvalidRequestError,
    PermissionDeniedError,
    RequestTooLargeError,
    UnknownEndpointError,
    from_provider_error,
    from_refusal,
)
from xmc.runtime.generation import BoundEndpoint, BoundEntity
from xmc.runtime.http import Answer, BodyTooLargeError, BodyUnreadableError, Headers
from xmc.runtime.operation import Operation
from xmc.runtime.request_body import client_request_id, decode_body, model_of
from xmc.runtime.sender import Sender
from xmc.runtime.stream import (
    STREAM_HEADERS,
    StreamPlan,
    open_stream,
    replay_stream,
)
from xmc.schema import Context, Exchange, ProviderError, Refusal, Relay, Response, WireReply

_JSON: Headers = (("content-type", "application/json"),)
_encode = msgspec.json.Encoder().encode


async def answer_query(call: Call, operation: Operation) -> Answer:
    """Serve one query.

    Raises:
        GatewayError: whatever went wrong before the answer began.
    """
    endpoint, body = await _admit(call, operation)
    entity = _pick(call, operation, endpoint, body)
    _check_dialect(call, endpoint, entity)
    request = call.dialect.request(body)
    exchange = _prepare(call, entity, request)
    sender = Sender(call, endpoint, entity)
    if request.get("stream"):
        return await _stream(call, endpoint, entity, exchange, sender, include_usage=_wants_usage(request))
    replies = await sender.send_all(exchange.calls)
    return _whole(call, entity, exchange, replies, base64=request.get("encoding_format") == "base64")


async def _admit(call: Call, operation: Operation) -> tuple[BoundEndpoint, dict[str, Any]]:
    """Find the endpoint, read the body, and check that one fits the other."""
    if operation.endpoint is not None:
        endpoint = _endpoint(call, operation.endpoint)
        body = decode_body(await _read(call, endpoint.serving.max_body_bytes))
    else:
        data = await _read(call, call.generation.max_body_bytes)
        body = decode_body(data)
        endpoint = _endpoint(call, model_of(body))
        if len(data) > endpoint.serving.max_body_bytes:
            raise _too_large(endpoint.serving.max_body_bytes)
        if endpoint.task is not operation.task:
            raise InvalidRequestError(
                f"the endpoint {endpoint.name!r} serves {endpoint.task}, not {operation.task}",
                param="model",
                code="wrong_task",
            )
    call.record.client_request_id = client_request_id(body)
    call.dialect.check(body, endpoint.task)
    return endpoint, body


def _endpoint(call: Call, name: str) -> BoundEndpoint:
    endpoint = call.generation.endpoints.get(name)
    if endpoint is None:
        raise UnknownEndpointError(name[:200])
    call.record.endpoint = name
    call.record.task = endpoint.task
    if call.caller is None or not call.caller.may_query(name):
        raise PermissionDeniedError(f"this token may not query the endpoint {name!r}")
    return endpoint


async def _read(call: Call, limit: int) -> bytes:
    try:
        data = await call.inbound.read(limit)
    except BodyTooLargeError:
        raise _too_large(limit) from None
    except BodyUnreadableError as error:
        raise InvalidRequestError(str(error)) from None
    call.record.bytes_in = len(data)
    return data


def _too_large(limit: int) -> RequestTooLargeError:
    return RequestTooLargeError(f"the request body is larger than the {limit} bytes that this endpoint accepts")


def _pick(call: Call, operation: Operation, endpoint: BoundEndpoint, body: Mapping[str, Any]) -> BoundEntity:
    name = operation.entity
    if name is None:
        name = endpoint.picker.only or endpoint.picker.pick(_pick_key(call, endpoint.serving.sticky, body))
    entity = endpoint.entities.get(name) if name is not None else None
    if entity is None:
        raise UnknownEndpointError(endpoint.name, (name or "")[:200])
    call.record.entity = entity.name
    call.record.provider = entity.target.provider
    return entity


def _check_dialect(call: Call, endpoint: BoundEndpoint, entity: BoundEntity) -> None:
    dialects = entity.target.dialects
    if call.dialect.name not in dialects:
        others = " or ".join(dialect.use for dialect in DIALECTS if dialect.name in dialects)
        raise InvalidRequestError(
            f"the served entity {entity.name!r} of the endpoint {endpoint.name!r} does not take requests of this path; "
            f"use {others}",
            param="model",
            code="unsupported_dialect",
        )


def _pick_key(call: Call, sticky: str | None, body: Mapping[str, Any]) -> str:
    """Return what the pick hashes: the endpoint's sticky key, or the request id where that is not there."""
    if sticky is None:
        return call.request_id
    kind, _, name = sticky.partition(":")
    value: Any = None
    if kind == "principal":
        value = call.caller.name if call.caller is not None else None
    elif kind == "header":
        value = call.inbound.headers.get(name)
    elif kind == "body":
        value = body.get(name)
    return value if isinstance(value, str) and value else call.request_id


def _prepare(call: Call, entity: BoundEntity, request: Mapping[str, Any]) -> Exchange:
    request_id = call.request_id
    context = Context(
        request_id=request_id,
        id=request_id,
        created=int(call.record.started_at),
        dialect=call.dialect.name,
        headers=_client_headers(call, entity),
    )
    exchange = entity.adapter.prepare(request, context)
    if isinstance(exchange, Refusal):
        raise from_refusal(exchange)
    if exchange.dropped:
        call.record.dropped = exchange.dropped
        call.passed = (("x-xmc-dropped", ", ".join(map(_header_word, exchange.dropped))),)
    return exchange


def _client_headers(call: Call, entity: BoundEntity) -> dict[str, str]:
    """Return the headers that the target wants to see; one that was sent several times is one list."""
    wanted = entity.target.client_headers
    found: dict[str, str] = {}
    if wanted:
        for name, value in call.inbound.headers.items():
            lower = name.lower()
            if lower in wanted:
                found[lower] = f"{found[lower]}, {value}" if lower in found else value
    return found


def _header_word(name: str) -> str:
    """Return a parameter's name as it may stand in a header: it may be one that the client made up."""
    return name if name.isascii() and name.isprintable() and "," not in name else quote(name)


def _wants_usage(request: Mapping[str, Any]) -> bool:
    options = request.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


async def _stream(  # noqa: PLR0913 - the whole of one request
    call: Call,
    endpoint: BoundEndpoint,
    entity: BoundEntity,
    exchange: Exchange,
    sender: Sender,
    *,
    include_usage: bool,
) -> Answer:
    task = endpoint.task
    if exchange.decoder is None or len(exchange.calls) != 1:
        response = _decoded(entity, exchange, await sender.send_all(exchange.calls))
        replayed = replay_stream(
            response,
            dialect=call.dialect,
            task=task,
            choices=exchange.choices,
            include_usage=include_usage,
            record=call.record,
        )
        return Answer(200, _with_upstream_id(call, STREAM_HEADERS), stream=replayed)
    plan = StreamPlan(
        exchange=exchange,
        framing=entity.framing,
        relay=entity.target.relay,
        task=task,
        entity=entity.name,
        dialect=call.dialect,
        include_usage=include_usage,
        hold_s=endpoint.serving.hold_ms / 1000,
        first_byte_s=endpoint.serving.timeouts.first_byte_ms / 1000,
        secrets=entity.credential.secrets,
    )
    stream = await open_stream(lambda: sender.open(exchange.calls[0]), plan, call.record)
    return Answer(200, _with_upstream_id(call, STREAM_HEADERS), stream=stream)


def _whole(call: Call, entity: BoundEntity, exchange: Exchange, replies: list[WireReply], *, base64: bool) -> Answer:
    if entity.target.relay is Relay.EXACT and len(replies) == 1:
        usage = usage_if_canonical(replies[0], entity.target.task, base64=base64)
        if usage is not None:
            call.record.prompt_tokens = usage.prompt_tokens
            call.record.completion_tokens = usage.completion_tokens
            return Answer(200, _with_upstream_id(call, _JSON), replies[0].body)
    response = _decoded(entity, exchange, replies)
    call.record.prompt_tokens, call.record.completion_tokens = call.dialect.usage(response.body)
    body = _encode(response.body) if response.raw is None else response.raw
    return Answer(200, _with_upstream_id(call, _JSON), body)


def _decoded(entity: BoundEntity, exchange: Exchange, replies: list[WireReply]) -> Response:
    """Return the response. Raises `GatewayError` for whatever the upstream got wrong."""
    result = exchange.decode(replies)
    if isinstance(result, ProviderError):
        failed = next((reply for reply in replies if reply.status == result.status), replies[0])
        raise from_provider_error(
            result,
            entity=entity.name,
            headers=failed.headers,
            secrets=entity.credential.secrets,
        )
    return result


def _with_upstream_id(call: Call, headers: Headers) -> Headers:
    upstream_id = call.record.upstream_request_id
    return headers if upstream_id is None else (*headers, ("x-upstream-request-id", upstream_id))
