"""A gateway in this process, on a port of its own, for tests that talk to it over real HTTP.

async with scripted([json_answer(CHAT)]) as upstream, running(table(upstream.url)) as gateway:
    async with gateway.client() as client: …
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from xmc.plugins import CONTRACT, Plugins, auth, build_plugins, custom, openai, sse
from xmc.runtime.process import Server, start
from xmc.runtime.record import RequestRecord
from xmc.runtime.settings import Settings
from xmc.schema import Auth, Endpoint, Entity, Principal, Relay, SecretSlot, Serving, Table, Target, Task, encode_table

CANARY = "canary-" + "k" * 24
"""The upstream key of every test: obviously no key, and found wherever it leaks."""

PATHS = {Task.CHAT: "chat/completions", Task.COMPLETIONS: "completions", Task.EMBEDDINGS: "embeddings"}

CHAT: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
EMBEDDING: dict[str, Any] = {
    "object": "list",
    "model": "m",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}


def target(url: str, task: Task = Task.CHAT, *, relay: Relay = Relay.EXACT, model: str = "m") -> Target:
    """Return a target of provider `openai` with a bearer token."""
    return Target(
        provider="openai",
        task=task,
        model=model,
        url=f"{url}/v1/{PATHS[task]}",
        auth=Auth(scheme="bearer", slots={"token": "scope/key"}),
        relay=relay,
    )


def endpoint(name: str, *targets: Target, serving: Serving | None = None) -> Endpoint:
    """Return an endpoint with entities `e0`, `e1`, … of equal shares."""
    return Endpoint(
        name=name,
        task=targets[0].task,
        entities=tuple(Entity(name=f"e{n}", weight=100 // len(targets), target=t) for n, t in enumerate(targets)),
        serving=serving or Serving(),
        document={"name": name, "config": {"served_entities": []}},
    )


def table(
    *endpoints: Endpoint, principals: tuple[Principal, ...] = (), slots: tuple[str, ...] = ("scope/key",)
) -> Table:
    """Return a table whose secrets were typed in."""
    secrets = {name: SecretSlot(ref="{{secrets/scope/key}}", store="plaintext", path="", field=name) for name in slots}
    return Table(endpoints=endpoints, contract=CONTRACT, principals=principals, secrets=secrets)


def traffic_plugins() -> Plugins:
    """Return the plugins that traffic needs, freshly registered; no secret store among them."""
    return build_plugins({"auth": auth, "custom": custom, "openai": openai, "sse": sse})


@dataclass
class Running:
    """A gateway under test. `records` are the finished requests, in order."""

    server: Server
    url: str
    records: list[RequestRecord] = field(default_factory=list)
    _noted: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, record: RequestRecord) -> None:
        self.records.append(record)
        self._noted.set()

    async def recorded(self, count: int = 1, *, within_s: float = 5.0) -> None:
        """Wait until that many requests are over."""
        async with asyncio.timeout(within_s):
            while len(self.records) < count:
                self._noted.clear()
                await self._noted.wait()

    def client(self, **options: Any) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(self.url, **options)


@asynccontextmanager
async def running(
    served: Table,
    *,
    plugins: Plugins | None = None,
    environ: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[Running]:
    """Run the gateway's own start and stop in this process, on port 0, with the table handed over by descriptor.

    `secrets` are the values of the table's slots; without them there is one, `scope/key`.
    """
    given = Settings(
        table=_descriptor(encode_table(served)),
        name="test",
        secrets=_descriptor(msgspec.json.encode(secrets or {"scope/key": CANARY})),
        port=0,
        **{"grace_s": 2.0, **settings},
    )
    server = await start(given, environ or {}, plugins=plugins or traffic_plugins())
    gateway = Running(server, f"http://127.0.0.1:{server.port}")
    server.gateway.observers = (*server.gateway.observers, gateway.note)
    try:
        yield gateway
    finally:
        await server.close()


def _descriptor(data: bytes) -> str:
    number = os.memfd_create("xmc-test")
    os.write(number, data)
    return f"fd:{number}"
