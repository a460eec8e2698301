"""What one request parameter really comes to: sent through a served gateway, seen where the upstream stands.

The verdict is drawn from two requests, one with the parameter and one without it, and from nothing else; the
provider's capability record is not looked at. So a record that says something else is wrong, whatever it says.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp

from xmc.plugins import Capability
from xmc.runtime.conformance.upstream import Sent, Upstream

ANSWER, URL, HEADER = "answer", "url", "header:"
"""Where a mapped parameter may end up, if not in a field of the upstream's body."""

_VOLATILE = frozenset({
    "connection", "content-length", "date", "host", "traceparent", "tracestate", "user-agent", "x-request-id",
})  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """What became of one request. `answer` is without ids and times."""

    status: int
    dropped: tuple[str, ...]
    param: str | None
    calls: tuple[Sent, ...]
    answer: Any


@dataclass(frozen=True)
class Observed:
    """What a parameter came to, the two requests that show it, and the target's model."""

    verdict: str
    without: Seen
    given: Seen
    model: str


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


def verdict(name: str, value: Any, without: Seen, given: Seen, model: str) -> str:
    """Return `yes`, `mapped`, `dropped` or `refused`, or a word for what must not be."""
    if without.status != HTTPStatus.OK or not without.calls:
        return f"no baseline ({without.status}: {without.answer})"
    if given.status == HTTPStatus.BAD_REQUEST and not given.calls:
        return "refused" if _names(given.param, name) else f"refused by another name ({given.param}: {given.answer})"
    if given.status != HTTPStatus.OK:
        return f"failed ({given.status}: {given.answer})"
    same = [_essence(call) for call in given.calls] == [_essence(call) for call in without.calls]
    if any(_names(one, name) for one in given.dropped):
        return "dropped" if same else "dropped, and yet the call is another one"
    if name == "model":
        asked = str(given.calls)
        return "mapped" if same and is_in(model, asked) and value not in asked else "the client's model went through"
    if not same:
        kept = all(isinstance(call.body, dict) and call.body.get(parameter_of(name)) == value for call in given.calls)
        return "yes" if kept else "mapped"
    return "mapped" if given.answer != without.answer else "silently without effect"


def parameter_of(name: str) -> str:
    """Return the request parameter that a cell is about.

    >>> parameter_of("messages.image_url"), parameter_of("tools")
    ('messages', 'tools')
    """
    return name.partition(".")[0]


def complaint(parameter: str, told: Capability, seen: "Observed") -> str | None:
    """Return what is wrong with a cell of a capability record, by what was seen; None if it is true."""
    without, given, came_to = seen.without, seen.given, seen.verdict
    if told.status != came_to:
        return f"the record says {told.status}, and it is {came_to}"
    if told.status != "mapped":
        return f"only what is mapped has a field, not {told.field}" if told.field else None
    if not told.field:
        return "a mapped parameter says where it ends up"
    shown = holds_model(told.field, given, seen.model) if parameter == "model" else is_at(told.field, without, given)
    return None if shown else f"nothing of it is at {told.field}"


def is_at(where: str, without: Seen, given: Seen) -> bool:
    """Tell whether the parameter had its effect at `where`: a dotted path of the body, or one of the others."""
    if where == ANSWER:
        return bool(given.answer != without.answer)
    return [_at(call, where) for call in given.calls] != [_at(call, where) for call in without.calls]


def holds_model(where: str, given: Seen, model: str) -> bool:
    """Tell whether the target's model stands where the record says."""
    return all(is_in(model, str(_at(call, where))) for call in given.calls)


def is_in(model: str, text: str) -> bool:
    """Tell whether a model's name stands in a text, as it is or escaped for a path."""
    return model in text or quote(model, safe="-_.~") in text


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
    name = parameter_of(name)
    return told is not None and (told == name or told.startswith((f"{name}.", f"{name}[")))


def _essence(call: Sent) -> tuple[str, Any, dict[str, str]]:
    """Return what a parameter may change in a call: not its length, its connection, or what differs each time."""
    kept = {name: value for name, value in call.headers.items() if name not in _VOLATILE}
    return call.url, call.body, kept


def _bare(value: Any) -> Any:
    """Return an answer without what differs from request to request."""
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if k not in {"id", "created", "request_id"}}
    return [_bare(one) for one in value] if isinstance(value, list) else value
