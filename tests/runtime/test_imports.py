"""A serving process imports everything while it binds a table: no request pays for it, nor is surprised by it."""

import http.client
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
import pytest
from tests.gateways import PATHS, endpoint

from xmc.plugins import CONTRACT, Sample, build_plugins
from xmc.runtime import Settings, encode_settings
from xmc.runtime.conformance import Subject
from xmc.schema import Auth, SecretSlot, Table, Target, Task, encode_table

pytestmark = pytest.mark.process

# What says where it listens has bound its table. What is imported after that is named when the process ends.
PROGRAM = """
import sys
class Told:
    def __init__(self, out):
        self.out, self.before = out, None
    def write(self, text):
        if self.before is None and text.startswith("listening on"):
            self.before = set(sys.modules)
        return self.out.write(text)
    def __getattr__(self, name):
        return getattr(self.out, name)
sys.stdout = told = Told(sys.stdout)
from xmc.runtime.__main__ import main
code = main(sys.argv)
after = set(sys.modules)
print("IMPORTED", *sorted(after - (told.before or after)))
print("LOADED", *sorted(after))
sys.exit(code)
"""
TOKEN = {"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"}
PLUGINS = build_plugins()
SUBJECTS = [Subject(name, one, PLUGINS) for name in PLUGINS.origins for one in PLUGINS.specimens(name)]
CASES = [(subject, sample) for subject in SUBJECTS for sample in subject.specimen.samples]


class Upstream(BaseHTTPRequestHandler):
    """Answers calls below `/N/` as the sample N says, and all others with a token."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        number = self.path.split("/")[1]
        if not number.isdigit():
            return self.say("application/json", json.dumps(TOKEN).encode())
        subject, sample = CASES[int(number)]
        target = subject.target(sample)
        asked = b'"stream":true' in body or "stream" in self.path.rpartition("/")[2].lower()
        if asked and sample.stream is not None:
            return self.say(subject.framing(target).accept, sample.stream)
        calls = [call.body for call in subject.exchange(sample).calls]  # several are made at once, in any order
        return self.say("application/json", dict(zip(calls, sample.replies, strict=True)).get(body, sample.replies[0]))

    def say(self, media_type: str, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        pass


@contextmanager
def upstream() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def moved(target: Target, base: str, number: int) -> Target:
    """The target at the upstream, and so its authority."""
    parts = urlsplit(target.url)
    url = urlunsplit(("http", urlsplit(base).netloc, f"/{number}{parts.path}", parts.query, ""))
    auth = target.auth
    if auth.scheme == "google-service-account":
        auth = msgspec.structs.replace(auth, params={**auth.params, "token_uri": f"{base}/token"})
    elif auth.scheme == "entra-client-secret":
        auth = msgspec.structs.replace(auth, params={**auth.params, "authority": base})
    elif auth.scheme == "aws-default-chain":  # an extra's, and it looks around on this machine
        auth = Auth(scheme="none")
    return msgspec.structs.replace(target, url=url, auth=auth)


def apart(target: Target, plugin: int) -> Target:
    """The target with slots of its own: specimens of several providers call theirs the same."""
    slots = {role: f"{plugin}/{slot}" for role, slot in target.auth.slots.items()}
    return msgspec.structs.replace(target, auth=msgspec.structs.replace(target.auth, slots=slots))


def write(folder: Path, base: str) -> Settings:
    """Put a table with one endpoint for each sample into a folder, and the secrets beside it."""
    endpoints = [
        endpoint(f"e{number}", apart(moved(subject.target(sample), base, number), SUBJECTS.index(subject)))
        for number, (subject, sample) in enumerate(CASES)
    ]
    secrets = {f"{at}/{name}": value for at, one in enumerate(SUBJECTS) for name, value in one.secrets.items()}
    slots = {name: SecretSlot(ref="{{secrets/kit/key}}", store="plaintext", path="", field=name) for name in secrets}
    data = encode_table(Table(endpoints=tuple(endpoints), contract=CONTRACT, secrets=slots))
    (folder / "t.xmc.json").write_bytes(data)
    kept = {"digest": msgspec.json.decode(data)["digest"], "secrets": secrets}
    descriptor = os.open(folder / "t.xmc.secrets", os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(kept))
    table, secret = (str(folder / name) for name in ("t.xmc.json", "t.xmc.secrets"))
    return Settings(table=table, name="t", secrets=secret, port=0, access_log="-")


def ask(port: int, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    data = None if body is None else json.dumps(body)
    connection.request("GET" if body is None else "POST", path, data, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def ask_everything(port: int) -> None:
    for number, (subject, sample) in enumerate(CASES):
        request = {**sample.request, "model": f"e{number}"}
        streams = [False, True] if sample.stream is not None else [False]
        for stream in streams:
            asked = {**request, "stream": True} if stream else request
            status, said = ask(port, f"/serving-endpoints/{PATHS[sample.task]}", asked)
            assert (status, b"error" in said) == (200, False), (subject.specimen.title, sample.task, said)
        dialect(port, number, subject, sample)
    refused = {"model": "e0", "messages": 1}
    assert ask(port, f"/serving-endpoints/{PATHS[CASES[0][1].task]}", refused)[0] == 400
    for path, status in (("/health/ready", 200), ("/api/2.0/serving-endpoints", 200), ("/nowhere", 404)):
        assert ask(port, path)[0] == status


def dialect(port: int, number: int, subject: Subject, sample: Sample) -> None:
    """Ask a target of another dialect in it, too."""
    if sample.task is Task.CHAT and "messages" in subject.target(sample).dialects:
        body = {"model": f"e{number}", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        assert ask(port, "/ai-gateway/anthropic/v1/messages", body)[0] == 200


def test_no_request_imports_anything(tmp_path: Path) -> None:
    with upstream() as base:
        words = [sys.executable, "-c", PROGRAM, encode_settings(write(tmp_path, base))]
        started = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert started.stdout is not None
            line = started.stdout.readline()
            assert line.startswith("listening on http://127.0.0.1:"), line + started.communicate()[1]
            ask_everything(int(line.partition(" (")[0].rpartition(":")[2]))
        finally:
            started.terminate()
            out, err = started.communicate(timeout=20)
    assert (started.returncode, err) == (0, "")
    told = {name: set(rest) for name, *rest in (line.split() for line in out.splitlines() if line[:1] in "IL")}
    assert {"xmc.plugins.anthropic.stream", "xmc.plugins.google.assertion"} <= told["LOADED"]
    assert told["IMPORTED"] == set()
