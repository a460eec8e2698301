"""Refused requests on a real gateway: each has its JSON, its request id and its line in the access log."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from tests.gateways import CHAT, endpoint, running, table, target
from tests.upstreams import json_answer, scripted

from xmc.runtime.record import RequestRecord

POST = "POST /serving-endpoints/chat/invocations"
BODY = '{"messages": [{"role": "user", "content": "hi"}]}'


async def _answered(port: int, head: str, body: str = "") -> tuple[str, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    length = f"content-length: {len(body)}\r\n" if body else ""
    writer.write(f"{head}\r\n{length}connection: close\r\n\r\n{body}".encode())
    async with asyncio.timeout(5):
        said = await reader.read()
    writer.close()
    top, _, rest = said.partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    return first.split()[1], dict(line.lower().split(": ", 1) for line in lines), rest


@pytest.mark.parametrize(
    ("head", "status", "route", "path"),
    [
        ("GET /health/live HTTP/1.1\r\nhost: a", 200, "health.live", "/health/live"),
        ("GET /health/ready HTTP/1.1\r\nhost: a", 200, "health.ready", "/health/ready"),
        ("GET /metrics HTTP/1.1\r\nhost: a", 200, "metrics", "/metrics"),
        ("GET /.well-known/databricks-config HTTP/1.1\r\nhost: a", 200, "well_known", "/.well-known/databricks-config"),
        ("GET /api/2.0/serving-endpoints/ HTTP/1.1\r\nhost: a", 200, "list", "/api/2.0/serving-endpoints/"),
        ("GET /nowhere HTTP/1.1\r\nhost: a", 404, "unknown", "/nowhere"),
        ("GET //serving-endpoints//models HTTP/1.1\r\nhost: a", 404, "unknown", "//serving-endpoints//models"),
        ("OPTIONS * HTTP/1.1\r\nhost: a", 404, "unknown", "*"),
        (
            "DELETE /api/2.0/serving-endpoints/chat HTTP/1.1\r\nhost: a",
            400,
            "unknown",
            "/api/2.0/serving-endpoints/chat",
        ),
        (f"{POST} HTTP/1.1\r\nhost: a\r\nhost: b", 400, "unknown", "-"),
        (f"{POST} HTTP/1.1\r\nhost: a\r\nbad header", 400, "unknown", "-"),
        (f"{POST} HTTP/1.1\r\nhost: a\r\nx: " + "y" * 20_000, 400, "unknown", "-"),
        ("POST http://[a/ HTTP/1.1\r\nhost: a", 400, "unknown", "-"),
        ("POST /serving-endpoints/chät/invocations HTTP/1.1\r\nhost: a", 400, "unknown", "-"),
    ],
)
async def test_every_answer_has_an_id_and_a_line(tmp_path: Path, head: str, status: int, route: str, path: str) -> None:
    log = tmp_path / "log"
    async with running(table(endpoint("chat", target("http://127.0.0.1:9"))), access_log=str(log)) as gateway:
        code, headers, body = await _answered(gateway.server.port, head)
        if "/metrics" not in head:
            metrics = gateway.server.gateway.render_metrics()[1].decode()
            assert re.search(rf'xmc_requests_total\{{.*route="{re.escape(route)}",status="{status}"', metrics)
    assert code == str(status)
    assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"])
    if status >= 400:
        assert json.loads(body)["error_code"] in {"BAD_REQUEST", "NOT_FOUND"}
    (line,) = map(json.loads, log.read_text().splitlines())
    assert (line["request_id"], line["status"]) == (headers["x-request-id"], status)
    assert (line["route"], line["path"]) == (route, path)
    assert gateway.server.gateway.in_flight == 0


async def test_names_that_nobody_knows_grow_neither_metrics_nor_caches() -> None:
    async with (
        running(table(endpoint("chat", target("http://127.0.0.1:9")))) as gateway,
        gateway.client() as client,
    ):
        sizes: list[int] = []
        text = b""
        for number in range(60):
            for path in (f"unknown-{number}", f"chat/served-models/unknown-{number}"):
                async with client.post(f"/serving-endpoints/{path}/invocations", data=BODY) as reply:
                    assert reply.status == 404
            async with client.post(
                "/serving-endpoints/chat/completions", json={"model": f"unknown-{number}", "messages": []}
            ) as reply:
                assert reply.status == 404
            async with client.get(f"/nowhere-{number}") as reply:
                assert reply.status == 404
            text = gateway.server.gateway.render_metrics()[1]
            sizes.append(len([line for line in text.splitlines() if line.startswith(b"xmc_requests_total")]))
    assert b"unknown-" not in text
    assert sizes[0] == sizes[-1]


async def test_an_observer_that_fails_harms_no_request(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: RequestRecord) -> None:
        raise RuntimeError("private words")

    async with (
        scripted([json_answer(CHAT)]) as upstream,
        running(table(endpoint("chat", target(upstream.url)))) as gateway,
        gateway.client() as client,
    ):
        gateway.server.gateway.observers = (fail, *gateway.server.gateway.observers)
        for _ in range(2):
            async with client.post("/serving-endpoints/chat/invocations", data=BODY) as reply:
                assert (reply.status, await reply.json()) == (200, CHAT)
        await gateway.recorded(2)
        assert gateway.server.gateway.in_flight == 0
    assert "RuntimeError in an observer of request" in capsys.readouterr().err
