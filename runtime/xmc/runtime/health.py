"""What `/health/live` and `/health/ready` answer. No credential is needed, and nothing about the table is told."""

from xmc.runtime.http import Answer, Headers


def live(request_id: str) -> Answer:
    """Alive: the process answers. Says nothing about upstreams, whose outage is no reason to restart us."""
    return Answer(200, _headers(request_id), b'{"status":"OK"}')


def ready(request_id: str, *, serving: bool) -> Answer:
    """Ready to take traffic: a table is bound with its secrets, and the server is not draining."""
    if serving:
        return Answer(200, _headers(request_id), b'{"status":"OK"}')
    return Answer(503, _headers(request_id), b'{"status":"NOT_READY"}')


def _headers(request_id: str) -> Headers:
    return (("content-type", "application/json"), ("cache-control", "no-store"), ("x-request-id", request_id))
