"""A request that needs several upstream calls: some at once, replies in order, the first failure ends the others."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from tests.gateways import CHAT, Running, endpoint, running, table, target
from tests.upstreams import Hang, Script, Wait, json_answer, scripted

from xmc.schema import Context, Exchange, JsonObject, Response, WireReply, WireRequest


class Numbered:
    """An adapter that makes `count` calls and answers with what their replies say, in order."""

    def __init__(self, url: str, count: int) -> None:
        self._calls = tuple(WireRequest("POST", f"{url}/{n}", (), b"%d" % n) for n in range(count))

    def prepare(self, request: JsonObject, context: Context) -> Exchange:
        del request, context

        def decode(replies: Sequence[WireReply]) -> Response:
            return Response({**CHAT, "said": [msgspec.json.decode(reply.body)["n"] for reply in replies]})

        return Exchange(self._calls, decode)


def use(gw: Running, adapter: Numbered) -> None:
    object.__setattr__(gw.server.gateway.generation.endpoints["chat"].entities["e0"], "adapter", adapter)


async def ask(gw: Running, *, stream: bool = False) -> tuple[int, bytes]:
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": stream}
    async with gw.client() as client, client.post("/serving-endpoints/chat/invocations", json=body) as reply:
        return reply.status, await reply.read()


async def test_replies_keep_the_order_of_the_calls_and_at_most_eight_run_at_once() -> None:
    gates = [asyncio.Event() for _ in range(20)]
    # Which call gets which script depends on arrival, so the answer says the number that the call carried.
    scripts: list[Script] = [[Wait(gate), json_answer({"n": n})] for n, gate in enumerate(gates)]
    async with scripted(*scripts) as up, running(table(endpoint("chat", target(up.url)))) as gw:
        use(gw, Numbered(up.url, 20))
        asked = asyncio.ensure_future(ask(gw))
        await up.arrived(8)
        for _ in range(200):
            await asyncio.sleep(0)
        assert len(up.requests) == 8
        for gate in reversed(gates):
            gate.set()
        status, body = await asked
    arrived = [int(seen.body) for seen in up.requests]
    assert sorted(arrived) == list(range(20))
    assert status == 200
    # The script number of call n is its place in the order of arrival.
    assert msgspec.json.decode(body)["said"] == [arrived.index(n) for n in range(20)]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_answer_of_several_calls_is_whole_or_replayed(stream: bool) -> None:
    async with scripted([json_answer({"n": 1})]) as up, running(table(endpoint("chat", target(up.url)))) as gw:
        use(gw, Numbered(up.url, 3))
        status, body = await ask(gw, stream=stream)
    assert status == 200
    assert body.endswith(b"data: [DONE]\n\n") is stream
    assert b"hello" in body


async def test_the_first_failure_ends_the_other_calls() -> None:
    async with scripted([Hang()], [b"no http\r\n\r\n"]) as up, running(table(endpoint("chat", target(up.url)))) as gw:
        use(gw, Numbered(up.url, 2))
        status, _ = await ask(gw)
        await up.left(within_s=1)
    assert status == 500


async def test_the_first_error_status_ends_the_other_calls_and_is_decoded_alone() -> None:
    limited = json_answer({"n": "limited"}, 429)
    async with scripted([Hang()], [limited]) as up, running(table(endpoint("chat", target(up.url)))) as gw:
        use(gw, Numbered(up.url, 2))
        _, body = await ask(gw)
        await up.left(within_s=1)
    assert msgspec.json.decode(body)["said"] == ["limited"]
