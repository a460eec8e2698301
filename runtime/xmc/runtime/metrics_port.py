"""What the metrics port answers: metrics and health, to anybody who reaches it, and nothing else."""

from xmc.runtime import health
from xmc.runtime.dialect import DATABRICKS
from xmc.runtime.dispatch import Gateway, request_id
from xmc.runtime.errors import GatewayError, NotFoundError, render_error
from xmc.runtime.http import Answer, Inbound
from xmc.runtime.operation import Kind, find_operation


async def answer_metrics(gateway: Gateway, inbound: Inbound) -> Answer:
    """Answer one request on the metrics port. It is not counted: a scrape is no traffic."""
    given = request_id(inbound.headers.get("x-request-id"))
    try:
        operation = find_operation(inbound.method, inbound.path)
        match operation.kind:
            case Kind.METRICS:
                return await gateway.metrics_answer(given)
            case Kind.LIVE:
                return health.live(given)
            case Kind.READY:
                return health.ready(given, serving=not gateway.draining)
            case _:
                raise NotFoundError("this port serves /metrics and /health only")
    except GatewayError as error:
        return refuse_scrape(error, given)


def refuse_scrape(error: GatewayError, given: str | None = None) -> Answer:
    """Answer what this port does not serve, or what is no HTTP request."""
    return render_error(error, dialect=DATABRICKS, request_id=given or request_id(None))
