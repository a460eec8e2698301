"""What the metrics port answers: metrics and health, to anybody who reaches it, and nothing else."""

from xmc.runtime import health
from xmc.runtime.dialect import DATABRICKS
from xmc.runtime.dispatch import Gateway
from xmc.runtime.errors import GatewayError, NotFoundError, render_error
from xmc.runtime.http import Answer, Inbound
from xmc.runtime.operation import Kind, find_operation


async def answer_metrics(gateway: Gateway, inbound: Inbound) -> Answer:
    """Answer one request on the metrics port. It is not counted: a scrape is no traffic."""
    try:
        operation = find_operation(inbound.method, inbound.path)
        match operation.kind:
            case Kind.METRICS:
                return await gateway.metrics_answer()
            case Kind.LIVE:
                return health.live()
            case Kind.READY:
                return health.ready(serving=not gateway.draining)
            case _:
                raise NotFoundError("this port serves /metrics and /health only")
    except GatewayError as error:
        return render_error(error, dialect=DATABRICKS, request_id="-")
