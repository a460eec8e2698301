"""What `/health/live` and `/health/ready` answer. No credential is needed, and nothing about the table is told."""

from xmc.runtime.http import Answer

_JSON = (("content-type", "application/json"), ("cache-control", "no-store"))


def live() -> Answer:
    """Alive: the process answers. Says nothing about upstreams, whose outage is no reason to restart us."""
    return Answer(200, _JSON, b'{"status":"OK"}')


def ready(*, serving: bool) -> Answer:
    """Ready to take traffic: a table is bound with its secrets, and the server is not draining."""
    if serving:
        return Answer(200, _JSON, b'{"status":"OK"}')
    return Answer(503, _JSON, b'{"status":"NOT_READY"}')
