"""What one request parameter really comes to: sent through a served gateway, seen where the upstream stands.

The verdict is drawn from two requests, one with the parameter and one without it, and from nothing else; the
provider's capability record is not looked at. So a record that says something else is wrong, whatever it says.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import web
from tests.providers import MODEL

from xmc.plugins import Capability

ANSWER, URL, HEADER = "answer", "url", "header:"
"""Where a mapped parameter may end up, if not in a field of the upstream's body."""


@dataclass(frozen=True)
class Sent:
    """A call as the upstream got it."""

    url: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class Upstream:
    """Writes down every call, and answers with a good answer: streams to those that `streams` says of."""

    whole: bytes
    stream: bytes
    content_type: str
    streams: Any
    url: str = ""
    calls: list[Sent] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        sent = Sent(request.raw_path, {k.lower(): v for k, v in request.headers.items()}, await request.json())
        self.calls.append(sent)
        if self.streams(sent):
            return web.Response(body=self.stream, content_type=self.content_type)
        return web.Response(body=self.whole, content_type="application/json")


@asynccontextmanager
async def listening(upstream: Upstream) -> AsyncIterator[Upstream]:
    """Serve it on a port of its own."""
    runner = web.ServerRunner(web.Server(upstream.answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    upstream.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield upstream
    finally:
        await runner.cleanup()


@dataclass(frozen=True)
class Seen:
    """What became of one request. `answer` is without ids and times."""

    status: int
    dropped: tuple[str, ...]
    param: str | None
    calls: tuple[Sent, ...]
    answer: Any


async def ask(client: aiohttp.ClientSession, upstream: Upstream, path: str, request: Mapping[str, Any]) -> Seen:
    """Send a request through the gateway."""
    upstream.calls.clear()
    async with asyncio.timeout(20), client.post(f"/serving-endpoints/{path}", json=dict(request)) as reply:
        data = await reply.read()
        dropped = tuple(filter(None, reply.headers.get("x-xmc-dropped", "").split(", ")))
        told = [line for line in data.decode().splitlines() if line]
        if reply.content_type == "text/event-stream":
            answer: Any = [line if line.endswith("[DONE]") else _bare(json.loads(line[6:])) for line in told]
        else:
            answer = _bare(json.loads(data))
    param = answer["error"].get("param") if reply.status == HTTPStatus.BAD_REQUEST and "error" in answer else None
    return Seen(reply.status, dropped, param, tuple(upstream.calls), answer)


def verdict(name: str, value: Any, without: Seen, given: Seen) -> str:
    """Return `yes`, `mapped`, `dropped` or `refused`, or a word for what must not be."""
    if without.status != 200 or not without.calls:
        return f"no baseline ({without.status}: {without.answer})"
    if given.status == 400 and not given.calls:
        return "refused" if _names(given.param, name) else f"refused by another name ({given.param}: {given.answer})"
    if given.status != 200:
        return f"failed ({given.status}: {given.answer})"
    same = [_essence(call) for call in given.calls] == [_essence(call) for call in without.calls]
    if any(_names(one, name) for one in given.dropped):
        return "dropped" if same else "dropped, and yet the call is another one"
    if name == "model":
        asked = str(given.calls)
        return "mapped" if same and MODEL in asked and value not in asked else "the client's model went through"
    if not same:
        kept = all(isinstance(call.body, dict) and call.body.get(name) == value for call in given.calls)
        return "yes" if kept else "mapped"
    return "mapped" if given.answer != without.answer else "silently without effect"


def complaint(parameter: str, told: Capability, without: Seen, given: Seen, *, came_to: str) -> str | None:
    """Return what is wrong with a cell of a capability record, by what was seen; None if it is true."""
    if told.status != came_to:
        return f"the record says {told.status}, and it is {came_to}"
    if told.status != "mapped":
        return f"only what is mapped has a field, not {told.field}" if told.field else None
    if not told.field:
        return "a mapped parameter says where it ends up"
    shown = holds_model(told.field, given) if parameter == "model" else is_at(told.field, without, given)
    return None if shown else f"nothing of it is at {told.field}"


def is_at(where: str, without: Seen, given: Seen) -> bool:
    """Tell whether the parameter had its effect at `where`: a dotted path of the body, or one of the others."""
    if where == ANSWER:
        return bool(given.answer != without.answer)
    return [_at(call, where) for call in given.calls] != [_at(call, where) for call in without.calls]


def holds_model(where: str, given: Seen) -> bool:
    """Tell whether the target's model stands where the record says."""
    return all(MODEL in str(_at(call, where)) for call in given.calls)


def _at(call: Sent, where: str) -> Any:
    if where == URL:
        return call.url
    if where.startswith(HEADER):
        return call.headers.get(where.removeprefix(HEADER))
    found = call.body
    for part in where.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _names(told: str | None, name: str) -> bool:
    return told is not None and (told == name or told.startswith((f"{name}.", f"{name}[")))


def _essence(call: Sent) -> tuple[str, Any, dict[str, str]]:
    """Return what a parameter may change in a call: not its credential, length, date or trace."""
    kept = {k: v for k, v in call.headers.items() if k.startswith(("anthropic", "accept", "x-amzn-bedrock"))}
    return call.url, call.body, kept


def _bare(value: Any) -> Any:
    """Return an answer without what differs from request to request."""
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if k not in {"id", "created", "request_id"}}
    return [_bare(one) for one in value] if isinstance(value, list) else value
