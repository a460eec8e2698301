"""An upstream for the kit, and a gateway in front of it: real HTTP on loopback, in this process, for one check each."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import msgspec
from aiohttp import web

from xmc.plugins import CONTRACT, Plugins, Sample
from xmc.runtime.conformance.check import CONTEXT, Subject
from xmc.runtime.process import start
from xmc.runtime.settings import Settings
from xmc.schema import Auth, Endpoint, Entity, Exchange, SecretSlot, Table, Target, encode_table

_PACE_S = 0.02


@dataclass(frozen=True)
class Sent:
    """A call as the upstream got it. Header names in lower case; a body that is no JSON as text."""

    url: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class Upstream:
    """Writes down every call, and answers as a sample does.

    `stream`: answer with the sample's stream. `refusal`: answer with this status and body instead; `{headers}` in it
    becomes the call's own headers. `hang`: stop in the middle of the stream until the other side leaves; then `left`.
    """

    sample: Sample
    media_type: str
    replies: Mapping[bytes, bytes] = field(default_factory=dict)
    stream: bool = False
    refusal: tuple[int, bytes, str] | None = None
    hang: bool = False
    url: str = ""
    calls: list[Sent] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self, exchange: Exchange) -> None:
        """Be ready for these calls: each gets its own reply, whatever the order in which they come."""
        bodies = [call.body for call in exchange.calls]
        self.replies = dict(zip(bodies, self.sample.replies, strict=False))
        self.stream = exchange.decoder is not None

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one call."""
        body = await request.read()
        self.calls.append(Sent(request.raw_path, {k.lower(): v for k, v in request.headers.items()}, _read(body)))
        if self.refusal is not None:
            status, said, media_type = self.refusal
            echoed = json.dumps("; ".join(f"{k}: {v}" for k, v in request.headers.items()))[1:-1].encode()
            return web.Response(status=status, body=said.replace(b"{headers}", echoed), content_type=media_type)
        if self.stream and self.sample.stream is not None:
            return await self._stream(request, self.sample.stream)
        known = self.replies.get(body, self.sample.replies[(len(self.calls) - 1) % len(self.sample.replies)])
        return web.Response(body=known, content_type="application/json")

    async def _stream(self, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"Content-Type": self.media_type})
        await reply.prepare(request)
        if self.hang:
            await reply.write(data[: len(data) // 2])
            while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110 - no event
                await asyncio.sleep(_PACE_S)
            self.left.set()
            return reply
        await reply.write(data)
        await reply.write_eof()
        return reply


@dataclass(frozen=True)
class Served:
    """A gateway in front of an upstream; the endpoint is called `e`."""

    url: str
    upstream: Upstream

    def client(self) -> aiohttp.ClientSession:
        """Return a client of the gateway."""
        return aiohttp.ClientSession(self.url)


@asynccontextmanager
async def served(
    subject: Subject, sample: Sample, *, own_auth: bool = False, log: str | None = None
) -> AsyncIterator[Served]:
    """Serve a sample's target, sent to an upstream of the kit, by the plugins of the subject.

    Without `own_auth` calls carry no credential, so that no token has to be had. `log` is the file of the access log.
    """
    target = subject.target(sample)
    upstream = Upstream(sample, subject.framing(target).accept)
    runner = web.ServerRunner(web.Server(upstream.answer), handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    upstream.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        moved = moved_to(target, upstream.url)
        if not own_auth:
            moved = msgspec.structs.replace(moved, auth=Auth(scheme="none"))
        slots = subject.secrets if own_auth else {}
        async with _gateway(_table(moved, slots), slots, subject.plugins, log) as url:
            yield Served(url, upstream)
    finally:
        await runner.cleanup()


def moved_to(target: Target, base: str) -> Target:
    """Return the target with another scheme, host and port in its URL."""
    there, parts = urlsplit(base), urlsplit(target.url)
    return msgspec.structs.replace(target, url=urlunsplit((there.scheme, there.netloc, *parts[2:])))


def prepared(subject: Subject, served_by: Served, request: Mapping[str, Any]) -> bool:
    """Ready the upstream for a request, as the target's adapter translates it; False if that refuses it."""
    sample = served_by.upstream.sample
    target = moved_to(subject.target(sample), served_by.upstream.url)
    exchange = subject.provider.adapter(target).prepare({**request}, CONTEXT)
    if not isinstance(exchange, Exchange):
        return False
    served_by.upstream.expect(exchange)
    return True


def _table(target: Target, slots: Mapping[str, str]) -> Table:
    endpoint = Endpoint(name="e", task=target.task, entities=(Entity(name="entity", weight=100, target=target),))
    named = {name: SecretSlot(ref="{{secrets/kit/key}}", store="plaintext", path="", field=name) for name in slots}
    return Table(endpoints=(endpoint,), contract=CONTRACT, secrets=named)


@asynccontextmanager
async def _gateway(table: Table, secrets: Mapping[str, str], plugins: Plugins, log: str | None) -> AsyncIterator[str]:
    settings = Settings(
        table=_descriptor(encode_table(table)),
        name="kit",
        # What a process does not need it does not read, and so does not close.
        secrets=_descriptor(msgspec.json.encode(dict(secrets))) if secrets else None,
        port=0,
        grace_s=2.0,
        access_log=log,
    )
    server = await start(settings, {}, plugins=plugins)
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.close()


def _descriptor(data: bytes) -> str:
    """Hand bytes over without a file that has a name."""
    number = os.memfd_create("xmc-kit")
    os.write(number, data)
    return f"fd:{number}"


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
