"""What an upstream's failure becomes towards the client: the one table, as data, for all providers.

Source: xmc's own contract, `docs/errors-for-clients.md`. It avoids every status that the mlflow client re-sends a
POST on (402, 405, 413, 415, 422) and every `error_code` that it does not know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

BAD_GATEWAY = 502
"""On OpenAI paths. The Databricks clients re-send a POST on 502 and not on 500, so elsewhere it is `INTERNAL`."""

INTERNAL = 500


@dataclass(frozen=True, slots=True)
class Row:
    """One answer: our HTTP status, its Databricks `error_code`, and the OpenAI `type` if the upstream gave none."""

    status: int
    error_code: str
    type: str


ERROR_CODES: frozenset[str] = frozenset(
    {
        "ABORTED",
        "ALREADY_EXISTS",
        "BAD_REQUEST",
        "CANCELLED",
        "CUSTOMER_UNAUTHORIZED",
        "DATA_LOSS",
        "DEADLINE_EXCEEDED",
        "ENDPOINT_NOT_FOUND",
        "INTERNAL_ERROR",
        "INVALID_PARAMETER_VALUE",
        "INVALID_STATE",
        "NOT_FOUND",
        "NOT_IMPLEMENTED",
        "PERMISSION_DENIED",
        "REQUEST_LIMIT_EXCEEDED",
        "RESOURCE_ALREADY_EXISTS",
        "RESOURCE_CONFLICT",
        "RESOURCE_DOES_NOT_EXIST",
        "RESOURCE_EXHAUSTED",
        "TEMPORARILY_UNAVAILABLE",
        "UNAUTHENTICATED",
    }
)
"""Every code that the mlflow client maps to a status; it shows any other as 500."""

CREDENTIAL = Row(403, "PERMISSION_DENIED", "upstream_auth_error")
"""401, and a 403 about the key: the operator's fault, which no client can cure by trying again."""

_REQUEST = Row(400, "BAD_REQUEST", "invalid_request_error")
_BROKEN = Row(BAD_GATEWAY, "INTERNAL_ERROR", "upstream_error")
_LATE = Row(504, "DEADLINE_EXCEEDED", "timeout_error")
_DOWN = Row(503, "TEMPORARILY_UNAVAILABLE", "server_error")

BY_STATUS: Mapping[int, Row] = MappingProxyType(
    {
        400: _REQUEST,
        401: CREDENTIAL,
        402: _REQUEST,
        403: Row(403, "PERMISSION_DENIED", "permission_error"),
        404: Row(404, "RESOURCE_DOES_NOT_EXIST", "not_found_error"),
        405: _REQUEST,
        408: _LATE,
        409: Row(409, "RESOURCE_CONFLICT", "conflict_error"),
        413: _REQUEST,
        415: _REQUEST,
        422: _REQUEST,
        424: _BROKEN,
        429: Row(429, "REQUEST_LIMIT_EXCEEDED", "rate_limit_error"),
        498: _REQUEST,
        499: Row(499, "CANCELLED", "cancelled_error"),
        500: Row(INTERNAL, "INTERNAL_ERROR", "server_error"),
        502: _BROKEN,
        503: _DOWN,
        504: _LATE,
        529: _DOWN,
    }
)


def row_of(status: int) -> Row:
    """Return the row of an upstream's status: other 4xx are 400, anything else (also 0, 2xx, 3xx) is a bad gateway."""
    row = BY_STATUS.get(status)
    if row is not None:
        return row
    return _REQUEST if 400 <= status < 500 else _BROKEN  # noqa: PLR2004 - the 4xx range
