"""What is known about one request when it is over: the source of access log, metrics and (later) usage tables."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class RequestRecord:
    """One request, filled in while it is served. Holds no prompt text, no answer text, no credential.

    Times are seconds on the monotonic clock's scale as durations; `started_at` is Unix seconds. `outcome` is one of
    `ok`, `client_error`, `upstream_error`, `timeout`, `cut` (a stream that failed after its first byte),
    `cancelled` (the client left, or the grace time at shutdown was over) and `internal`.
    """

    request_id: str
    started_at: float
    method: str
    path: str
    route: str = "unknown"
    """The name of the operation (`invocations`, `chat.completions`, `list`, …): a bounded set, fit for a label."""
    endpoint: str | None = None
    entity: str | None = None
    provider: str | None = None
    task: str | None = None
    principal: str | None = None
    client_request_id: str | None = None
    upstream_request_id: str | None = None
    status: int = 0
    upstream_status: int | None = None
    error_code: str | None = None
    outcome: str = "ok"
    streamed: bool = False
    chunks: int = 0
    dropped: tuple[str, ...] = ()
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    duration_s: float = 0.0
    first_byte_s: float | None = None
    upstream_s: float | None = None
    table: str | None = None
    """Digest of the table that served it, for `xmc replay`."""
