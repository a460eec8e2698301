"""Everything that can go wrong with a request, as one tree, and the one function that turns it into an answer.

    GatewayError
    ├── ClientFaultError                 the request cannot be served as it is
    │   ├── InvalidRequestError          400  malformed, wrong task, a parameter refused by name
    │   ├── RequestTooLargeError         400  body beyond the endpoint's limit
    │   ├── UnauthenticatedError         401  no token, or not one of ours
    │   ├── PermissionDeniedError        403  the principal may not use this endpoint
    │   ├── NotFoundError                404  no such path
    │   └── UnknownEndpointError         404  no such endpoint, or served entity
    ├── UpstreamError                    the upstream failed; from_provider_error makes it from its answer
    │   ├── UpstreamTimeoutError         504  no answer in time (503 where not even a connection came about)
    │   ├── UpstreamUnreachableError     503  no connection
    │   │   └── EgressRefusedError       503  not even tried: the egress policy refuses it
    │   └── UpstreamBrokenError          502  cut in the middle of a message, or no HTTP at all (500 on /invocations)
    ├── ShuttingDownError                503  the gateway ends in the middle of a stream
    └── InternalError                    500  our own fault; says nothing about the cause

Messages of ours begin in lower case, hold no secret and no content of a request.
"""

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, Unpack

import msgspec

from xmc.runtime.error_table import BAD_GATEWAY, CREDENTIAL, row_of
from xmc.runtime.error_text import header_text, is_about_key, shown, shown_details
from xmc.runtime.http import Answer
from xmc.schema import ProviderError, Refusal, Secret

if TYPE_CHECKING:
    from xmc.runtime.dialect import Dialect

_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id")
_UNCURABLE = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
"""Codes of a 429 that waiting does not cure."""


class About(TypedDict, total=False):
    """What a `GatewayError` may be told beside its message; the class knows the rest."""

    status: int
    error_code: str
    type: str
    code: str | None
    param: str | None
    should_retry: bool | None
    retry_after: str | None
    upstream_status: int | None
    upstream_request_id: str | None
    details: Any


class GatewayError(Exception):
    """Root. Carries all that `render_error` shows; `outcome` is what the request's record gets.

    `status` 502 means "bad gateway"; a dialect may have another number for it. `error_code` is from Databricks' list;
    `type`, `code` and `param` are OpenAI's. `should_retry` None leaves the decision to the client's own rule.
    `retry_after` is whole seconds. `details` is plain JSON from upstream, shown where a dialect has a place for it.
    """

    status: int = 500
    error_code: str = "INTERNAL_ERROR"
    type: str = "server_error"
    code: str | None = None
    outcome: ClassVar[str] = "internal"

    def __init__(self, message: str, **about: Unpack[About]) -> None:
        super().__init__(message)
        self.message = message
        self.status = about.get("status", self.status)
        self.error_code = about.get("error_code", self.error_code)
        self.type = about.get("type", self.type)
        self.code = about.get("code", self.code)
        self.param = about.get("param")
        self.should_retry = about.get("should_retry")
        self.retry_after = about.get("retry_after")
        self.upstream_status = about.get("upstream_status")
        self.upstream_request_id = about.get("upstream_request_id")
        self.details = about.get("details")


class ClientFaultError(GatewayError):
    """The request cannot be served as it is."""

    status = 400
    error_code = "INVALID_PARAMETER_VALUE"
    type = "invalid_request_error"
    outcome = "client_error"


class InvalidRequestError(ClientFaultError):
    """The body is malformed, does not fit the endpoint's task, or has a parameter that this target refuses."""

    code = "invalid_request"


class RequestTooLargeError(ClientFaultError):
    """The body is larger than the endpoint's `max_body_bytes`. 400: clients re-send on 413."""

    error_code = "BAD_REQUEST"
    code = "request_too_large"


class UnauthenticatedError(ClientFaultError):
    """No client token, or none that the table knows."""

    status = 401
    error_code = "UNAUTHENTICATED"
    type = "authentication_error"
    code = "invalid_api_key"


class PermissionDeniedError(ClientFaultError):
    """The principal is known and may not do this."""

    status = 403
    error_code = "PERMISSION_DENIED"
    type = "permission_error"
    code = "permission_denied"


class NotFoundError(ClientFaultError):
    """No such path."""

    status = 404
    error_code = "NOT_FOUND"
    type = "not_found_error"
    code = "not_found"


class UnknownEndpointError(ClientFaultError):
    """No such endpoint, or the endpoint has no such served entity."""

    status = 404
    error_code = "RESOURCE_DOES_NOT_EXIST"
    type = "not_found_error"
    code = "model_not_found"

    def __init__(self, endpoint: str, entity: str | None = None) -> None:
        of = f"the endpoint {endpoint!r} has no served entity {entity!r}" if entity is not None else None
        super().__init__(of or f"there is no endpoint named {endpoint!r}", param="model")


class UpstreamError(GatewayError):
    """The upstream failed, in its own words or by silence."""

    status = BAD_GATEWAY
    type = "upstream_error"
    code = "upstream_error"
    outcome = "upstream_error"


class UpstreamTimeoutError(UpstreamError):
    """A limit of `Timeouts` ran out. `phase` is `connect`, `first_byte`, `idle` or `total`."""

    error_code = "DEADLINE_EXCEEDED"
    type = "timeout_error"
    code = "upstream_timeout"
    outcome = "timeout"

    _WHAT: ClassVar[Mapping[str, str]] = {
        "connect": "no connection to the upstream came about in time",
        "first_byte": "the upstream did not begin to answer in time",
        "idle": "the upstream fell silent in the middle of its answer",
        "total": "the upstream did not finish its answer in time",
    }

    def __init__(self, phase: str) -> None:
        connecting = phase == "connect"
        super().__init__(
            self._WHAT.get(phase, "the upstream did not answer in time"),
            status=503 if connecting else 504,
            error_code="TEMPORARILY_UNAVAILABLE" if connecting else "DEADLINE_EXCEEDED",
        )
        self.phase = phase


class UpstreamUnreachableError(UpstreamError):
    """No connection: refused, no such host, TLS not accepted."""

    status = 503
    error_code = "TEMPORARILY_UNAVAILABLE"
    code = "upstream_unreachable"

    def __init__(self, message: str = "the upstream cannot be reached") -> None:
        super().__init__(message)


class EgressRefusedError(UpstreamUnreachableError):
    """The egress policy refuses the upstream's `host` or `address`, or the `proxy` towards it; the log says which."""

    code = "egress_refused"

    _WHAT: ClassVar[Mapping[str, str]] = {
        "host": "the egress policy refuses the host of this upstream",
        "address": "the egress policy refuses the address of this upstream",
        "proxy": "the egress policy refuses the proxy towards this upstream",
    }

    def __init__(self, what: str) -> None:
        super().__init__(self._WHAT[what])
        self.should_retry = False


class UpstreamBrokenError(UpstreamError):
    """The connection ended in the middle of an HTTP message, or what came is no HTTP."""

    code = "upstream_broken"

    def __init__(self, message: str = "the upstream broke off in the middle of its answer") -> None:
        super().__init__(message)


class ShuttingDownError(GatewayError):
    """The grace time at shutdown ran out under a stream."""

    status = 503
    error_code = "TEMPORARILY_UNAVAILABLE"
    code = "shutting_down"

    def __init__(self) -> None:
        super().__init__("the gateway is shutting down")


class InternalError(GatewayError):
    """Our own fault. The cause is in the log, under the request id, and nowhere else."""

    code = "internal_error"

    def __init__(self, message: str = "the gateway failed to serve this request; see its log") -> None:
        super().__init__(message)


def request_id_of(headers: Mapping[str, str], secrets: Iterable[Secret] = ()) -> str | None:
    """Return the upstream's own request id from its headers (lower-case names), if it gave one fit to pass on."""
    return next((header_text(headers[name], secrets) for name in _REQUEST_ID_HEADERS if name in headers), None)


def from_refusal(refusal: Refusal) -> InvalidRequestError:
    """Return the 400 of a request that the picked target cannot honour."""
    return InvalidRequestError(refusal.message, code=refusal.code, param=refusal.param)


def from_provider_error(
    error: ProviderError,
    *,
    entity: str,
    headers: Mapping[str, str],
    secrets: Iterable[Secret] = (),
) -> UpstreamError:
    """Translate an upstream failure by the table of `error_table`; the same for all providers.

    `headers` are the upstream reply's, in lower case. Text about a credential never passes: it may echo the key.
    All other text passes without `secrets` and without the sentences that make the databricks-sdk re-send.
    """
    row, kept = row_of(error.status), tuple(secrets)
    request_id = header_text(error.request_id, kept) or request_id_of(headers, kept)
    if row is CREDENTIAL or (error.status == CREDENTIAL.status and is_about_key(error.code, error.type, error.message)):
        return UpstreamError(
            f"the upstream of served entity {entity!r} did not accept its credential; the operator of this gateway "
            "must check it",
            status=CREDENTIAL.status,
            error_code=CREDENTIAL.error_code,
            type=CREDENTIAL.type,
            code=CREDENTIAL.type,
            should_retry=False,
            upstream_status=error.status,
            upstream_request_id=request_id,
        )
    return UpstreamError(
        shown(error.message, kept) or f"the upstream answered with status {error.status} and no message",
        status=row.status,
        error_code=row.error_code,
        type=shown(error.type, kept) if error.type else row.type,
        code=shown(error.code, kept) if error.code else ("upstream_garbled" if error.garbled else None),
        param=shown(error.param, kept) if error.param else None,
        should_retry=_should_retry(error, headers),
        retry_after=_retry_after(headers, kept),
        upstream_status=error.status or None,
        upstream_request_id=request_id,
        details=shown_details(error.details, kept),
    )


def render_error(error: GatewayError, *, dialect: "Dialect", request_id: str) -> Answer:
    """Turn an error into the answer, in the words of the dialect that the client speaks."""
    status = dialect.status_of(error)
    headers = [("content-type", "application/json"), *((name, request_id) for name in dialect.id_headers)]
    if error.should_retry is not None:
        headers.append(("x-should-retry", "true" if error.should_retry else "false"))
    if error.retry_after is not None:
        headers.append(("retry-after", error.retry_after))
    if error.upstream_status is not None and error.upstream_status != status:
        headers.append(("x-upstream-status", str(error.upstream_status)))
    if error.upstream_request_id is not None:
        headers.append(("x-upstream-request-id", error.upstream_request_id))
    if isinstance(error, UnauthenticatedError):
        headers.append(("www-authenticate", "Bearer"))
    return Answer(status, tuple(headers), msgspec.json.encode(dialect.error_body(error, status, request_id)))


def _should_retry(error: ProviderError, headers: Mapping[str, str]) -> bool | None:
    if error.code in _UNCURABLE:
        return False
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").lower())


def _retry_after(headers: Mapping[str, str], secrets: Iterable[Secret]) -> str | None:
    """Return whole seconds, rounded up: the databricks-sdk reads nothing else. An HTTP date passes as it is."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        try:
            seconds = float(text) / unit
        except ValueError:
            continue
        return str(math.ceil(seconds)) if 0 <= seconds < math.inf else None
    date = headers.get("retry-after", "").strip()
    return date if date.endswith(" GMT") and header_text(date.replace(" ", "_"), secrets) else None
