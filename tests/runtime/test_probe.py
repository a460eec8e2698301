"""A probe says of every target what a client would get."""

import os
from typing import Any

import msgspec
import pytest
from tests.gateways import CANARY, CHAT, EMBEDDING, endpoint, table, target, traffic_plugins
from tests.upstreams import Hang, json_answer, scripted

from xmc.runtime import Probed, ProbeError, Settings, probe
from xmc.schema import Principal, Table, Task, TokenHash, encode_table

SOMEBODY = Principal(name="somebody", tokens=(TokenHash(id="12345678", salt="s", sha256="0" * 64),))


def descriptor(data: bytes) -> str:
    number = os.memfd_create("xmc-test")
    os.write(number, data)
    return f"fd:{number}"


async def probed(served: Table, *wanted: str, **options: Any) -> list[Probed]:
    settings = Settings(
        table=descriptor(encode_table(served)),
        name="test",
        secrets=descriptor(msgspec.json.encode({"scope/key": CANARY})),
    )
    return [one async for one in probe(settings, {}, wanted, plugins=traffic_plugins(), **options)]


async def test_each_entity_is_asked_once_with_its_credential_although_callers_need_tokens() -> None:
    async with scripted([json_answer(CHAT)]) as up, scripted([json_answer(EMBEDDING)]) as vectors:
        served = table(
            endpoint("chat", target(up.url), target(up.url)),
            endpoint("vectors", target(vectors.url, Task.EMBEDDINGS)),
            principals=(SOMEBODY,),
        )
        first, second, third = await probed(served)
    assert [seen.headers["authorization"] for seen in up.requests] == [f"Bearer {CANARY}"] * 2
    assert [(one.endpoint, one.entity, one.ok, one.status) for one in (first, second, third)] == [
        ("chat", "e0", True, 200),
        ("chat", "e1", True, 200),
        ("vectors", "e0", True, 200),
    ]
    assert (first.said, first.prompt_tokens, first.completion_tokens, first.dimensions) == ("hello", 3, 2, None)
    assert (third.said, third.dimensions) == ("", 2)


async def test_failures_are_told_as_clients_would_read_them() -> None:
    denied = json_answer({"error": {"message": f"bad key {CANARY}"}}, 401, [("x-request-id", "r1")])
    async with scripted([denied]) as refusing, scripted([Hang()]) as hanging:
        served = table(
            endpoint("a", target(refusing.url)),
            endpoint("b", target(hanging.url)),
            endpoint("c", target("http://127.0.0.1:9")),
        )
        refused, silent, gone = await probed(served, timeout_s=0.3)
    assert (refused.ok, refused.status, refused.upstream_status) == (False, 403, 401)
    assert refused.upstream_request_id == "r1"
    assert (silent.ok, silent.status, silent.said) == (False, 0, "nothing came in time")
    assert (gone.ok, gone.status) == (False, 503)
    assert CANARY not in str((refused, silent, gone))


async def test_a_model_that_refuses_a_limit_is_asked_without_one() -> None:
    refused = json_answer({"error": {"message": "max_tokens is not supported with this model"}}, 400)
    async with scripted([refused], [json_answer(CHAT)]) as up:
        (one,) = await probed(table(endpoint("chat", target(up.url))))
    assert one.ok
    assert ["max_tokens" in seen.json() for seen in up.requests] == [True, False]


async def test_only_what_is_wanted_is_probed() -> None:
    async with scripted([json_answer(CHAT)]) as up:
        served = table(endpoint("a", target(up.url)), endpoint("b", target(up.url)))
        assert [one.endpoint for one in await probed(served, "b")] == ["b"]
        with pytest.raises(ProbeError, match="no endpoint 'x'; its endpoints: a, b") as raised:
            await probed(served, "x")
    assert raised.value.exit_code == 2
    assert len(up.requests) == 1
