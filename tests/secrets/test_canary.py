"""End to end: a key from a real OpenBao and one typed into the spec, an upstream that tries to give them away.

The compile, the table, the lock, the process's output, its access log, its metrics and every answer to a client are
searched for both keys, however they may be written.
"""

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.secrets.canary import found
from tests.secrets.openbao import OpenBao
from tests.upstreams import Cut, Script, answer, json_answer, piece, scripted, sse, stream_head

XMC = Path(sys.executable).with_name("xmc")
ASK = {"messages": [{"role": "user", "content": "hi"}]}
CHUNK = {
    "id": "c",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "x"}, "finish_reason": None}],
}
_OK = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
}


def error(key: str, **more: Any) -> dict[str, Any]:
    """Return an error body that names the key in every place."""
    return {"error": {"message": f"bad key {key}", "type": key, "code": key, "param": key, **more}, "request_id": key}


def indiscretions(key: str) -> dict[str, Script]:
    """Return answers that give the key away, by name."""
    leaky = [("x-request-id", key), ("www-authenticate", f'Bearer realm="{key}"'), ("retry-after", key)]
    error_chunk = sse({"error": {"message": f"your key {key} was revoked", "code": key, "type": key}})
    return {
        **{
            f"status {status}": [json_answer(error(key, innererror={"authorization": f"Bearer {key}"}), status, leaky)]
            for status in (400, 401, 403, 404, 422, 429, 500, 503, 529)
        },
        "plain text": [answer(f"Internal error with {key}".encode(), 500, leaky)],
        "HTML": [answer(f"<p>proxy error, Authorization: Bearer {key}</p>".encode(), 502, leaky)],
        "garbage": [answer(f"}}{{{key}".encode(), 200, leaky)],
        "not what was asked for": [json_answer({"key": key}, 200, leaky)],
        "redirect": [answer(b"", 307, [("location", f"http://127.0.0.1:9/{key}"), *leaky])],
        "good answer, bad headers": [json_answer(_OK, 200, leaky)],
        "cut": [b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n" + key.encode(), Cut()],
        "no HTTP": [f"{key}\r\n\r\n".encode(), Cut()],
        "stream that errs at once": [stream_head(headers=leaky) + piece(error_chunk) + b"0\r\n\r\n"],
        "stream that errs later": [stream_head(headers=leaky) + piece(sse(CHUNK) + error_chunk) + b"0\r\n\r\n"],
        "stream of garbage": [stream_head(headers=leaky) + piece(f"data: {key}\n\n".encode()) + b"0\r\n\r\n"],
        "stream with comments": [
            stream_head(headers=leaky) + piece(f": {key}\nevent: {key}\n".encode() + sse(CHUNK)),
            Cut(),
        ],
    }


def spec(upstream: str) -> dict[str, Any]:
    def endpoint(name: str, config: dict[str, Any]) -> dict[str, Any]:
        model = {"name": "m", "provider": "openai", "task": "llm/v1/chat"}
        served = {"name": "e", "external_model": {**model, "openai_config": {**config, "openai_api_base": upstream}}}
        return {"name": name, "config": {"served_entities": [served]}}

    return {
        "endpoints": [
            endpoint("referenced", {"openai_api_key": "{{secrets/canary/key}}"}),
            endpoint("typed", {"openai_api_key_plaintext": "TYPED"}),
        ]
    }


@dataclass
class Hunt:
    """Everything that was said anywhere, and the keys that must not be in it."""

    keys: dict[str, str]
    leaks: list[str] = field(default_factory=list)

    def search(self, where: str, *texts: bytes | str) -> None:
        for name, key in self.keys.items():
            ways = sorted({way for text in texts for way in found(key, text)})
            self.leaks += [f"{where}: {name}, {', '.join(ways)}"] if ways else []


@contextmanager
def served(folder: Path, environ: dict[str, str]) -> Iterator[tuple[str, Path]]:
    out = folder / "serve.out"
    command = [str(XMC), "serve", "e.xmc.json", "--port", "0", "--access-log", "access.log", "--log-format", "json"]
    with out.open("wb") as stream:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=stream, stderr=stream)
    try:
        deadline = time.monotonic() + 30
        while not (listening := re.search(r"listening on (\S+)", out.read_text())):
            assert process.poll() is None, out.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield listening[1], out
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def hunt(bao: OpenBao) -> Hunt:
    # Fit for a header, and different under every way of writing.
    keys = {name: f'canary-{secrets.token_hex(12)}/+"{secrets.token_hex(4)}' for name in ("stored", "typed-in")}
    bao.put("canary", key=keys["stored"])
    return Hunt({**keys, "Vault token": bao.token("secret/subkeys/canary", "secret/data/canary")})


def compiled(folder: Path, text: str, environ: dict[str, str], hunt: Hunt) -> None:
    (folder / "e.yaml").write_text(text)
    ran = subprocess.run(
        [XMC, "compile", "e.yaml"], cwd=folder, env=environ, capture_output=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    hunt.search("compile", ran.stdout, ran.stderr)
    hunt.search("table and lock", (folder / "e.xmc.json").read_bytes(), (folder / "e.xmc.lock.json").read_bytes())


async def asked(client: aiohttp.ClientSession, path: str, body: dict[str, Any] | None) -> bytes:
    """Return status line, headers and body of an answer, as far as it comes."""
    whole = b""
    method = "GET" if body is None else "POST"
    try:
        async with client.request(method, path, json=body, allow_redirects=False) as response:
            whole = f"{response.status} {response.reason}\n{response.raw_headers!r}\n".encode()
            whole += json.dumps(list(response.headers.items())).encode()
            async for piece_ in response.content.iter_any():
                whole += piece_
    except aiohttp.ClientPayloadError:
        pass  # a cut stream is cut for the client too
    return whole


async def test_no_key_leaves_the_gateway(bao: OpenBao, hunt: Hunt, tmp_path: Path) -> None:
    environ = {**os.environ, "VAULT_ADDR": bao.address, "VAULT_TOKEN": hunt.keys["Vault token"]}
    stored, typed = hunt.keys["stored"], hunt.keys["typed-in"]
    cases = [(name, "referenced", script) for name, script in indiscretions(stored).items()]
    cases += [(name, "typed", script) for name, script in indiscretions(typed).items()]
    async with scripted(*(script for _, _, script in cases)) as upstream:
        text = json.dumps(spec(upstream.url), indent=1).replace('"TYPED"', json.dumps(typed))
        compiled(tmp_path, text, environ, hunt)
        with served(tmp_path, environ) as (url, out):
            async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(20)) as client:
                for number, (name, endpoint, _) in enumerate(cases):
                    body = {**ASK, "stream": "stream" in name}
                    openai = number % 2  # both shapes of an error body
                    path = "chat/completions" if openai else f"{endpoint}/invocations"
                    hunt.search(
                        name,
                        await asked(
                            client, f"/serving-endpoints/{path}", {**body, "model": endpoint} if openai else body
                        ),
                    )
                for path in ("", "/referenced", "/typed"):
                    hunt.search("management", await asked(client, f"/api/2.0/serving-endpoints{path}", None))
                hunt.search("metrics", await asked(client, "/metrics", None))
        hunt.search("output", out.read_bytes())
        log = (tmp_path / "access.log").read_bytes()
        hunt.search("access log", log)
    assert len(upstream.requests) == len(cases)
    carried = {seen.headers["authorization"] for seen in upstream.requests}
    assert carried == {f"Bearer {stored}", f"Bearer {typed}"}
    assert log.count(b"\n") >= len(cases)
    assert not hunt.leaks, "\n".join(hunt.leaks)


def test_a_serve_that_fails_shows_no_key(bao: OpenBao, hunt: Hunt, tmp_path: Path) -> None:
    environ = {**os.environ, "VAULT_ADDR": bao.address, "VAULT_TOKEN": hunt.keys["Vault token"]}
    typed = json.dumps(hunt.keys["typed-in"])
    compiled(tmp_path, json.dumps(spec("http://127.0.0.1:9")).replace('"TYPED"', typed), environ, hunt)
    bao.call("DELETE", "secret/data/canary")
    gone = _serve(tmp_path, environ)
    assert (gone.returncode, b"is deleted" in gone.stderr) == (1, True)
    (tmp_path / "e.xmc.secrets").chmod(0o644)
    opened = _serve(tmp_path, environ)
    assert (opened.returncode, b"open to other users" in opened.stderr) == (1, True)
    (tmp_path / "e.xmc.secrets").unlink()
    missing = _serve(tmp_path, environ)
    assert (missing.returncode, b"e.xmc.secrets" in missing.stderr) == (1, True)
    for ran in (gone, opened, missing):
        hunt.search("failed serve", ran.stdout, ran.stderr)
        assert b"Traceback" not in ran.stderr
    assert not hunt.leaks, "\n".join(hunt.leaks)


def _serve(folder: Path, environ: dict[str, str]) -> "subprocess.CompletedProcess[bytes]":
    command = [str(XMC), "serve", "e.xmc.json", "--port", "0"]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, timeout=60, check=False)
