"""Queries over real HTTP on both sides: what is refused, what reaches the upstream, what comes back."""

import asyncio
import gzip
import json
from typing import Any

import pytest
from tests.gateways import ASK, CANARY, CHAT, EMBEDDING, Running, endpoint, running, table, target
from tests.upstreams import Hang, Script, Scripted, Wait, answer, free_port, json_answer, scripted, stream_head

from xmc.schema import Principal, Relay, Serving, Task, Timeouts, hash_token, make_token

INVOKE = "/serving-endpoints/chat/invocations"
OPENAI = "/serving-endpoints/chat/completions"


async def post(gw: Running, path: str, body: Any, **options: Any) -> tuple[int, Any, dict[str, str]]:
    """Return status, decoded JSON and headers (lower case) of one POST; `body` is JSON data, or bytes as they are."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with gw.client() as client, client.post(path, data=data, **options) as reply:
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return reply.status, await reply.json(), headers


@pytest.mark.parametrize("relay", [Relay.EXACT, Relay.NORMALISE])
@pytest.mark.parametrize("path", [INVOKE, OPENAI, "/serving-endpoints/chat/served-models/e0/invocations"])
async def test_every_path_answers(relay: Relay, path: str) -> None:
    async with (
        scripted([json_answer(CHAT)]) as up,
        running(table(endpoint("chat", target(up.url, relay=relay)))) as gw,
    ):
        status, body, _ = await post(gw, path, {**ASK, "model": "chat"})
    assert (status, body) == (200, CHAT)
    assert up.requests[0].json() == {**ASK, "model": "m"}


async def test_a_canonical_answer_of_an_exact_target_keeps_its_bytes() -> None:
    spaced = json.dumps(CHAT, indent=3).encode()
    async with (
        scripted([answer(spaced)]) as up,
        running(table(endpoint("chat", target(up.url)))) as gw,
        gw.client() as client,
        client.post(INVOKE, json=ASK) as reply,
    ):
        assert await reply.read() == spaced
    assert (gw.records[0].prompt_tokens, gw.records[0].completion_tokens) == (3, 2)


async def test_embeddings_are_given_in_the_form_that_was_asked_for() -> None:
    async with (
        scripted([json_answer(EMBEDDING)]) as up,
        running(table(endpoint("e", target(up.url, Task.EMBEDDINGS)))) as gw,
    ):
        _, floats, _ = await post(gw, "/serving-endpoints/e/invocations", {"input": "x"})
        _, encoded, _ = await post(gw, "/serving-endpoints/e/invocations", {"input": "x", "encoding_format": "base64"})
    assert floats["data"][0]["embedding"] == [0.5, -1.0]
    assert encoded["data"][0]["embedding"] == "AAAAPwAAgL8="  # little-endian float32


async def test_request_ids_and_upstream_headers_come_back() -> None:
    passed = [
        ("x-request-id", "up-1"),
        ("x-ratelimit-remaining-tokens", "7"),
        ("retry-after-ms", "5"),
        ("x-else", "no"),
    ]
    async with (
        scripted([json_answer(CHAT, headers=passed)]) as up,
        running(table(endpoint("chat", target(up.url)))) as gw,
    ):
        _, _, headers = await post(gw, INVOKE, ASK, headers={"x-request-id": "mine-1"})
        _, _, other = await post(gw, INVOKE, ASK, headers={"x-request-id": "not sane " + "x" * 200})
    assert headers["x-request-id"] == "mine-1"
    assert len(other["x-request-id"]) == 32
    assert headers["x-upstream-request-id"] == "up-1"
    assert headers["x-ratelimit-remaining-tokens"] == "7"
    assert headers["retry-after-ms"] == "5"
    assert headers["served-model-name"] == "e0"
    assert "x-else" not in headers
    assert [record.request_id for record in gw.records] == ["mine-1", other["x-request-id"]]
    assert gw.records[0].upstream_request_id == "up-1"


async def test_the_gateways_own_fields_are_recorded_and_not_forwarded() -> None:
    async with scripted([json_answer(CHAT)]) as up, running(table(endpoint("chat", target(up.url)))) as gw:
        body = {**ASK, "client_request_id": "c-1", "usage_context": {"team": "a"}, "extra_params": {"top_p": "0.5"}}
        assert (await post(gw, INVOKE, body))[0] == 200
    assert up.requests[0].json() == {**ASK, "model": "m", "top_p": 0.5}
    assert gw.records[0].client_request_id == "c-1"


REFUSED = [
    (INVOKE, b"{", 400, "INVALID_PARAMETER_VALUE"),
    (INVOKE, b"", 400, "INVALID_PARAMETER_VALUE"),
    (INVOKE, b'{"messages": NaN}', 400, "INVALID_PARAMETER_VALUE"),
    (INVOKE, b"[" * 200_000, 400, "INVALID_PARAMETER_VALUE"),
    (INVOKE, [], 400, "INVALID_PARAMETER_VALUE"),
    (INVOKE, {}, 400, "INVALID_PARAMETER_VALUE"),
    (INVOKE, {"input": "x"}, 400, "INVALID_PARAMETER_VALUE"),
    (INVOKE, {"dataframe_records": []}, 400, "INVALID_PARAMETER_VALUE"),
    (INVOKE, b" " * 2000, 400, "BAD_REQUEST"),
    (OPENAI, {**ASK}, 400, "INVALID_PARAMETER_VALUE"),
    (OPENAI, {**ASK, "model": "nope"}, 404, "RESOURCE_DOES_NOT_EXIST"),
    (OPENAI, b'{"model": "chat"' + b" " * 2000 + b"}", 400, "BAD_REQUEST"),
    ("/serving-endpoints/embeddings", {"input": "x", "model": "chat"}, 400, "INVALID_PARAMETER_VALUE"),
    ("/serving-endpoints/nope/invocations", ASK, 404, "RESOURCE_DOES_NOT_EXIST"),
    ("/serving-endpoints/chat/served-models/nope/invocations", ASK, 404, "RESOURCE_DOES_NOT_EXIST"),
    ("/serving-endpoints/chat", ASK, 404, "NOT_FOUND"),
    ("/health/live", ASK, 400, "BAD_REQUEST"),
]


@pytest.mark.parametrize(("path", "body", "status", "code"), REFUSED)
async def test_bad_input_has_its_status_and_code(path: str, body: Any, status: int, code: str) -> None:
    small = Serving(max_body_bytes=1024)
    # The deep body must reach the parser; all others meet a small limit.
    serving = Serving() if isinstance(body, bytes) and body.startswith(b"[[") else small
    async with (
        scripted([json_answer(CHAT)]) as up,
        running(table(endpoint("chat", target(up.url), serving=serving))) as gw,
    ):
        got, answered, headers = await post(gw, path, body)
    assert (got, answered["error_code"]) == (status, code)
    assert headers["content-type"] == "application/json"
    assert ("error" in answered) is (path in {OPENAI, "/serving-endpoints/embeddings"})
    assert up.requests == []
    assert (gw.records[0].status, gw.records[0].outcome) == (status, "client_error")


async def test_a_body_beyond_the_limit_is_refused_also_without_a_length() -> None:
    async def pieces() -> Any:
        for _ in range(40):
            yield b" " * 1000

    serving = Serving(max_body_bytes=10_000)
    async with (
        running(table(endpoint("chat", target("http://127.0.0.1:9"), serving=serving))) as gw,
        gw.client() as client,
        client.post(INVOKE, data=pieces()) as reply,
    ):
        assert (reply.status, (await reply.json())["error_code"]) == (400, "BAD_REQUEST")


async def test_a_larger_limit_of_another_endpoint_does_not_count() -> None:
    small, large = Serving(max_body_bytes=200), Serving(max_body_bytes=100_000)
    async with scripted([json_answer(CHAT)]) as up:
        served = table(
            endpoint("small", target(up.url), serving=small), endpoint("large", target(up.url), serving=large)
        )
        async with running(served) as gw:
            body = {**ASK, "user": "x" * 500}
            assert (await post(gw, OPENAI, {**body, "model": "large"}))[0] == 200
            status, answered, _ = await post(gw, OPENAI, {**body, "model": "small"})
    assert (status, answered["error"]["code"]) == (400, "request_too_large")


async def test_a_gzipped_request_body_is_read_and_bounded() -> None:
    header = {"content-encoding": "gzip"}
    serving = Serving(max_body_bytes=100_000)
    async with (
        scripted([json_answer(CHAT)]) as up,
        running(table(endpoint("chat", target(up.url), serving=serving))) as gw,
    ):
        assert (await post(gw, INVOKE, gzip.compress(json.dumps(ASK).encode()), headers=header))[0] == 200
        bomb = gzip.compress(b" " * 50_000_000)
        assert (await post(gw, INVOKE, bomb, headers=header))[0] == 400
        status, body, _ = await post(gw, INVOKE, b"not gzip", headers=header)
    assert status == 400
    assert "not in its declared content-encoding" in body["message"]


@pytest.mark.parametrize("path", [INVOKE, OPENAI])
@pytest.mark.parametrize(
    ("status", "ours"),
    [(400, 400), (401, 403), (404, 404), (429, 429), (422, 400), (500, 500), (503, 503), (529, 503), (302, None)],
)
async def test_upstream_errors_follow_the_table(path: str, status: int, ours: int | None) -> None:
    said = {"error": {"message": f"bad key {CANARY}" if status == 401 else "said so", "type": "t", "code": "c"}}
    headers = [("retry-after", "3"), ("location", "/")]
    async with (
        scripted([json_answer(said, status, headers)]) as up,
        running(table(endpoint("chat", target(up.url)))) as gw,
    ):
        got, body, answered = await post(gw, path, {**ASK, "model": "chat"})
    expected = ours or (502 if path == OPENAI else 500)
    assert got == expected
    assert CANARY not in json.dumps(body)
    if status not in {401, 302}:
        assert body["message"] == "said so"
    if status != 401:
        assert answered["retry-after"] == "3"
    assert answered["served-model-name"] == "e0"
    assert gw.records[0].upstream_status == status
    assert gw.records[0].outcome == "upstream_error"


async def test_no_upstream_and_silent_upstream() -> None:
    quick = Serving(timeouts=Timeouts(first_byte_ms=100))
    async with (
        scripted([Hang()]) as up,
        running(
            table(
                endpoint("gone", target(f"http://127.0.0.1:{free_port()}")),
                endpoint("silent", target(up.url), serving=quick),
            )
        ) as gw,
    ):
        status, body, _ = await post(gw, "/serving-endpoints/gone/invocations", ASK)
        assert (status, body["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        status, body, _ = await post(gw, "/serving-endpoints/silent/invocations", ASK)
        assert (status, body["error_code"]) == (504, "DEADLINE_EXCEEDED")
    assert [record.outcome for record in gw.records] == ["upstream_error", "timeout"]


async def _leave(gw: Running, body: dict[str, Any], up: Scripted) -> None:
    async with gw.client() as client:
        task = asyncio.ensure_future(client.post(INVOKE, json=body))
        await up.arrived()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_before_the_answer_takes_the_upstream_call_with_it(stream: bool) -> None:
    async with scripted([Hang()]) as up, running(table(endpoint("chat", target(up.url)))) as gw:
        await _leave(gw, {**ASK, "stream": stream}, up)
        await up.left(within_s=1)
        await gw.recorded()
        assert gw.server.gateway.in_flight == 0
    assert (gw.records[0].outcome, gw.records[0].status) == ("cancelled", 499)


async def test_a_client_that_leaves_in_the_middle_of_a_stream_takes_the_upstream_call_with_it() -> None:
    first = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    first += b'[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}\n\n'
    script: Script = [stream_head(), b"%x\r\n%b\r\n" % (len(first), first), Hang()]
    async with scripted(script) as up, running(table(endpoint("chat", target(up.url)))) as gw:
        async with gw.client() as client, client.post(INVOKE, json={**ASK, "stream": True}) as reply:
            assert await reply.content.readany() == first
            reply.close()
        await up.left(within_s=1)
        await gw.recorded()
    assert (gw.records[0].outcome, gw.records[0].status, gw.records[0].streamed) == ("cancelled", 200, True)


async def test_permissions_are_kept_on_every_path() -> None:
    token = make_token(bytes(range(40)))
    alice = Principal(name="alice", tokens=(hash_token(token, "s" * 16),), endpoints=("chat",))
    bearer = {"authorization": f"Bearer {token}"}
    async with scripted([json_answer(CHAT)]) as up:
        served = table(endpoint("chat", target(up.url)), endpoint("other", target(up.url)), principals=(alice,))
        async with running(served) as gw:
            assert (await post(gw, INVOKE, ASK, headers=bearer))[0] == 200
            assert (await post(gw, OPENAI, {**ASK, "model": "chat"}, headers=bearer))[0] == 200
            assert (await post(gw, INVOKE, ASK))[0] == 401
            assert (await post(gw, "/serving-endpoints/other/invocations", ASK, headers=bearer))[0] == 403
            pinned = "/serving-endpoints/other/served-models/e0/invocations"
            assert (await post(gw, pinned, ASK, headers=bearer))[0] == 403
            status, body, _ = await post(gw, OPENAI, {**ASK, "model": "other"}, headers=bearer)
            assert (status, body["error"]["code"]) == (403, "permission_denied")
            async with gw.client() as client:
                for path, expected in [
                    ("/api/2.0/serving-endpoints", 401),
                    ("/serving-endpoints/models", 401),
                    ("/metrics", 401),
                    ("/health/live", 200),
                    ("/health/ready", 200),
                    ("/.well-known/databricks-config", 200),
                    ("/nope", 404),
                ]:
                    async with client.get(path) as reply:
                        assert (path, reply.status) == (path, expected)
                async with client.get("/metrics", headers=bearer) as reply:
                    assert reply.status == 403
    assert len(up.requests) == 2
    assert {record.principal for record in gw.records} == {"alice", None}


async def test_traffic_is_split_by_request_id_and_sticky_keys_stay() -> None:
    def two(name: str, sticky: str | None) -> Any:
        return endpoint(name, target(up.url, model="a"), target(up.url, model="b"), serving=Serving(sticky=sticky))

    async with scripted([json_answer(CHAT)]) as up:
        served = table(
            two("free", None), two("user", "body:user"), two("head", "header:x-session"), two("who", "principal")
        )
        async with running(served) as gw:
            for name in ("free", "user", "head", "who"):
                for number in range(16):
                    body = {**ASK, "user": "someone"}
                    headers = {"x-session": "s", "x-request-id": f"id-{number}"}
                    assert (await post(gw, f"/serving-endpoints/{name}/invocations", body, headers=headers))[0] == 200
    used = {name: {r.entity for r in gw.records if r.endpoint == name} for name in ("free", "user", "head", "who")}
    assert used["free"] == {"e0", "e1"}
    assert all(len(used[name]) == 1 for name in ("user", "head", "who"))


async def test_requests_are_served_side_by_side() -> None:
    gate = asyncio.Event()
    async with (
        scripted([Wait(gate), json_answer(CHAT)], [json_answer(CHAT)]) as up,
        running(table(endpoint("chat", target(up.url)))) as gw,
    ):
        slow = asyncio.ensure_future(post(gw, INVOKE, ASK))
        await up.arrived()
        assert (await post(gw, INVOKE, ASK))[0] == 200
        assert gw.server.gateway.in_flight == 1
        gate.set()
        assert (await slow)[0] == 200


async def test_a_fault_of_our_own_is_500_without_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    async with running(table(endpoint("chat", target("http://127.0.0.1:9")))) as gw:
        entity = gw.server.gateway.generation.endpoints["chat"].entities["e0"]
        object.__setattr__(entity, "adapter", None)
        status, body, _ = await post(gw, INVOKE, {**ASK, "user": "private words"})
        assert (status, body["error_code"]) == (500, "INTERNAL_ERROR")
    logged = capsys.readouterr().err
    assert "AttributeError" in logged
    assert gw.records[0].request_id in logged
    assert "private words" not in logged + json.dumps(body)
