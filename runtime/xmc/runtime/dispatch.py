"""The dispatcher: one function from a request to its answer, whatever happens.

It knows paths, identity and accounting, hands queries to `query`, and turns every error into its answer in one place.
Free of aiohttp: plain values in, plain values out.
"""

import asyncio
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from xmc.runtime import health
from xmc.runtime.call import Call
from xmc.runtime.callers import Caller
from xmc.runtime.errors import GatewayError, InternalError, PermissionDeniedError, render_error
from xmc.runtime.fault import report_fault
from xmc.runtime.generation import Generation
from xmc.runtime.http import Answer, Inbound
from xmc.runtime.management import get_document, list_document, models_document
from xmc.runtime.operation import Kind, Operation, dialect_of, find_operation
from xmc.runtime.query import answer_query
from xmc.runtime.record import RequestRecord

Observer = Callable[[RequestRecord], None]

_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_JSON = (("content-type", "application/json"),)
_UNIDENTIFIED = frozenset({Kind.WELL_KNOWN, Kind.LIVE, Kind.READY})
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Gateway:
    """Serves requests on the generation of the moment. `generation` may be swapped at any time."""

    generation: Generation
    observers: Sequence[Observer]
    render_metrics: Callable[[], tuple[str, bytes]]
    draining: bool = False
    in_flight: int = 0

    async def __call__(self, inbound: Inbound) -> Answer:
        """Answer one request. Raises nothing but `CancelledError`, when the client has left."""
        call = self._begin(inbound)
        try:
            answer = await self._answer(call)
        except GatewayError as error:
            answer = self._failed(call, error)
        except asyncio.CancelledError:
            call.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - the outermost boundary: logged and counted
            report_fault(error, f"request {call.request_id}")
            answer = self._failed(call, InternalError())
        return call.finish(answer)

    def refuse(self, error: GatewayError) -> Answer:
        """Answer what is no request at all: with an id, and accounted for, like any other."""
        call = self._begin(_NOTHING)
        return call.finish(self._failed(call, error))

    def _begin(self, inbound: Inbound) -> Call:
        began = time.perf_counter()
        self.in_flight += 1
        generation = self.generation
        record = RequestRecord(
            request_id=request_id(inbound.headers.get("x-request-id")),
            started_at=time.time(),
            method=inbound.method,
            path=inbound.path,
            table=generation.table.digest,
        )
        return Call(inbound, record, generation, dialect_of(inbound.path), began, self._observe)

    def _observe(self, record: RequestRecord) -> None:
        self.in_flight -= 1
        for observer in self.observers:
            try:
                observer(record)
            except Exception as error:  # noqa: BLE001 - who watches must not be able to break what is watched
                report_fault(error, f"an observer of request {record.request_id}")

    async def _answer(self, call: Call) -> Answer:
        operation = find_operation(call.inbound.method, call.inbound.path)
        call.record.route = operation.kind
        if operation.kind in _UNIDENTIFIED:
            return self._open_answer(operation.kind, call)
        caller = call.generation.callers.identify(call.inbound.headers)
        call.caller = caller
        call.record.principal = caller.name
        if operation.kind is Kind.METRICS:
            if not caller.may_read_metrics:
                raise PermissionDeniedError("this token may not read metrics")
            return await self.metrics_answer(call.request_id)
        if not operation.is_query:
            return _document_answer(operation, call, caller)
        answer = await answer_query(call, operation)
        ids = ((name, call.request_id) for name in call.dialect.id_headers)
        return Answer(answer.status, (*answer.headers, *ids), answer.body, answer.stream)

    def _open_answer(self, kind: Kind, call: Call) -> Answer:
        if kind is Kind.WELL_KNOWN:
            return _json_answer(call, {})
        return (
            health.live(call.request_id)
            if kind is Kind.LIVE
            else health.ready(call.request_id, serving=not self.draining)
        )

    async def metrics_answer(self, request_id: str) -> Answer:
        """Return the metrics, on whatever port they are asked for. Rendered in a thread: traffic goes on meanwhile."""
        content_type, body = await asyncio.to_thread(self.render_metrics)
        return Answer(200, (("content-type", content_type), ("x-request-id", request_id)), body)

    def _failed(self, call: Call, error: GatewayError) -> Answer:
        record = call.record
        record.outcome = error.outcome
        record.error_code = error.error_code
        if error.upstream_status is not None:
            record.upstream_status = error.upstream_status
        if error.upstream_request_id is not None:
            record.upstream_request_id = error.upstream_request_id
        # The error says itself when to come back; the rest of what upstream said stands beside it.
        call.passed = tuple(pair for pair in call.passed if pair[0] != "retry-after")
        return render_error(error, dialect=call.dialect, request_id=call.request_id)


async def _no_body(_: int) -> bytes:
    return b""


_NOTHING = Inbound("-", "-", "", {}, _no_body)


def request_id(given: str | None) -> str:
    """Return the client's own id if it may stand in headers and logs, else 128 random bits."""
    if given is not None and _SANE_ID.fullmatch(given):
        return given
    return os.urandom(16).hex()


def _document_answer(operation: Operation, call: Call, caller: Caller) -> Answer:
    """Answer a read of what the table holds, as far as the caller may query it."""
    table, loaded = call.generation.table, call.generation.loaded_at_ms
    if operation.kind is Kind.MODELS:
        return _json_answer(call, models_document(table, caller, loaded))
    if operation.endpoint is None:
        return _json_answer(call, list_document(table, caller, loaded))
    call.record.endpoint = operation.endpoint
    return _json_answer(call, get_document(table, operation.endpoint, caller, loaded))


def _json_answer(call: Call, value: Any) -> Answer:
    return Answer(200, (*_JSON, ("x-request-id", call.request_id)), _encode(value))
