"""One tiny real request to every target of a table, with its real credential: does it work, from here, now?

The requests take the way of a client's, through the dispatcher, so what a probe says is what clients would get. Nothing
listens meanwhile, and nobody else's request is served.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from xmc.runtime.settings import Settings
from xmc.schema import Task

if TYPE_CHECKING:
    from xmc.plugins import Plugins
    from xmc.runtime.dispatch import Gateway
    from xmc.runtime.http import Answer
    from xmc.runtime.record import RequestRecord

_AT_ONCE = 8
_OK = 200
_BAD_REQUEST = 400
_LIMIT: dict[str, Any] = {"max_tokens": 16}
_REQUESTS: Mapping[Task, dict[str, Any]] = {
    Task.CHAT: {"messages": [{"role": "user", "content": "Say OK."}], **_LIMIT},
    Task.COMPLETIONS: {"prompt": "Say OK.", **_LIMIT},
    Task.EMBEDDINGS: {"input": "OK"},
}


class ProbeError(Exception):
    """Why nothing could be probed: one line for the operator, and the exit code of `xmc`."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one target. `status` is what a client would get, 0 if nothing came in time.

    `said` is how a good answer begins, or the error's message as clients read it. `dimensions` are an embedding's.
    """

    endpoint: str
    entity: str
    provider: str
    task: str
    ok: bool
    status: int
    seconds: float
    said: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    dimensions: int | None = None
    upstream_status: int | None = None
    upstream_request_id: str | None = None


async def probe(
    settings: Settings,
    environ: Mapping[str, str],
    wanted: Collection[str] = (),
    *,
    timeout_s: float = 60.0,
    plugins: "Plugins | None" = None,
) -> AsyncIterator[Probed]:
    """Probe the endpoints `wanted`, or all; some targets at once, results in the order of the table.

    Raises:
        ProbeError: the table cannot be served, or has no endpoint of a name that is wanted.
    """
    # Imported here: the command line shows this module's names, and must not load the server for that.
    from xmc.runtime.callers import Callers  # noqa: PLC0415 - as above
    from xmc.runtime.dispatch import Gateway  # noqa: PLC0415 - as above
    from xmc.runtime.process import USAGE, StartError, load  # noqa: PLC0415 - as above

    try:
        generation, ways = await load(settings, environ, plugins=plugins)
    except StartError as error:
        raise ProbeError(str(error), error.exit_code) from None
    try:
        unknown = sorted(set(wanted) - generation.endpoints.keys())
        if unknown:
            names = ", ".join(sorted(generation.endpoints)) or "none"
            raise ProbeError(f"{settings.name} has no endpoint {unknown[0]!r}; its endpoints: {names}", USAGE)
        records: dict[str, RequestRecord] = {}

        def note(record: "RequestRecord") -> None:
            records[record.path] = record

        # Whoever may start this holds the credentials already: clients' tokens are not asked for.
        opened = replace(generation, callers=Callers(()))
        gateway = Gateway(opened, (note,), lambda: ("", b""))
        prober = _Prober(gateway, records, timeout_s, asyncio.Semaphore(_AT_ONCE))
        probes = [
            asyncio.ensure_future(prober.probe(endpoint.name, entity.name, entity.target.provider, endpoint.task))
            for endpoint in generation.table.endpoints
            if not wanted or endpoint.name in wanted
            for entity in endpoint.entities
        ]
        try:
            for one in probes:
                yield await one
        finally:
            for one in probes:
                one.cancel()
            await asyncio.gather(*probes, return_exceptions=True)
    finally:
        await ways.close()


@dataclass(frozen=True, slots=True)
class _Prober:
    gateway: "Gateway"
    records: "dict[str, RequestRecord]"
    timeout_s: float
    free: asyncio.Semaphore

    async def probe(self, endpoint: str, entity: str, provider: str, task: Task) -> Probed:
        path = f"/serving-endpoints/{quote(endpoint, safe='')}/served-models/{quote(entity, safe='')}/invocations"
        request = _REQUESTS[task]
        loop = asyncio.get_running_loop()
        async with self.free:
            began = loop.time()
            status, body = await self._ask(path, request)
            if status == _BAD_REQUEST and b"max_tokens" in body:
                # Models that think refuse it by name; without a limit they answer.
                status, body = await self._ask(path, {k: v for k, v in request.items() if k not in _LIMIT})
            seconds = loop.time() - began
        value = _decoded(body)
        record = self.records.get(path)
        return Probed(
            endpoint=endpoint,
            entity=entity,
            provider=provider,
            task=str(task),
            ok=status == _OK,
            status=status,
            seconds=seconds,
            said=_said(value, task) if status == _OK else str(value.get("message") or "nothing came in time"),
            prompt_tokens=record.prompt_tokens if record else None,
            completion_tokens=record.completion_tokens if record else None,
            dimensions=_dimensions(value) if status == _OK and task is Task.EMBEDDINGS else None,
            upstream_status=record.upstream_status if record else None,
            upstream_request_id=record.upstream_request_id if record else None,
        )

    async def _ask(self, path: str, request: Mapping[str, Any]) -> "tuple[int, bytes]":
        from xmc.runtime.http import Inbound  # noqa: PLC0415 - as in `probe`

        data = msgspec.json.encode(request)

        async def read(_: int) -> bytes:
            return data

        try:
            async with asyncio.timeout(self.timeout_s):
                answer: Answer = await self.gateway(Inbound("POST", path, "", {}, read))
        except TimeoutError:
            return 0, b""
        if answer.on_end is not None:
            answer.on_end(True, len(answer.body))
        return answer.status, answer.body


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _said(value: Mapping[str, Any], task: Task) -> str:
    """Return how the answer begins; "" if it says nothing, as a model may that is still thinking."""
    if task is Task.EMBEDDINGS:
        return ""
    choices = value.get("choices") or [{}]
    text = choices[0].get("message", {}).get("content") if task is Task.CHAT else choices[0].get("text")
    return " ".join((text or "").split())


def _dimensions(value: Mapping[str, Any]) -> int:
    return len(value["data"][0]["embedding"])
