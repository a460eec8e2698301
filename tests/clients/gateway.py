"""A gateway as a user runs it: `xmc compile`, then `xmc serve` in a process of its own, in front of a simulator."""

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.simulator import Simulator, simulator
from tests.upstreams import free_port

XMC = str(Path(sys.executable).with_name("xmc"))
READY_S = 30.0


@dataclass(frozen=True)
class Gateway:
    """A running gateway. `tokens` are client tokens by principal; `log` is its access log, JSON lines."""

    url: str
    tokens: Mapping[str, str]
    upstream: Simulator
    log: Path

    @property
    def openai_url(self) -> str:
        return f"{self.url}/serving-endpoints"

    def bearer(self, principal: str = "alice") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[principal]}"}


def make_principal(name: str, *options: str) -> tuple[str, dict[str, Any]]:
    """Return a token and its spec entry, as `xmc token create` makes them."""
    command = [XMC, "token", "create", name, "--format", "json", *options]
    made = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=30).stdout)
    return made["token"], made["principal"]


def openai_entity(name: str, model: str, task: str, base: str) -> dict[str, Any]:
    return {
        "name": name,
        "external_model": {
            "name": model,
            "provider": "openai",
            "task": task,
            "openai_config": {"openai_api_key": "{{secrets/sim/key}}", "openai_api_base": base},
        },
    }


def custom_entity(name: str, model: str, task: str, url: str) -> dict[str, Any]:
    return {
        "name": name,
        "external_model": {
            "name": model,
            "provider": "custom",
            "task": task,
            "custom_provider_config": {
                "custom_provider_url": url,
                "bearer_token_auth": {"token": "{{secrets/sim/key}}"},
            },
        },
    }


def endpoint(name: str, *entities: dict[str, Any], shares: tuple[int, ...] = ()) -> dict[str, Any]:
    config: dict[str, Any] = {"served_entities": list(entities)}
    if shares:
        names = [entity["name"] for entity in entities]
        config["traffic_config"] = {
            "routes": [
                {"served_model_name": name, "traffic_percentage": share}
                for name, share in zip(names, shares, strict=True)
            ]
        }
    return {"name": name, "config": config}


@contextmanager
def serving(
    spec: dict[str, Any], folder: Path, environ: Mapping[str, str], access_log: Path | None = None
) -> Iterator[tuple[str, Path]]:
    """Compile the spec in `folder` and serve its table; gives (URL, access log). Ends the process it started.

    What the process prints is in `serve.out`.
    """
    source = folder / "endpoints.yaml"
    source.write_text(json.dumps(spec, indent=1))  # JSON is YAML
    environment = {**os.environ, **environ}
    compiled = subprocess.run(
        [XMC, "compile", str(source)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert compiled.returncode == 0, compiled.stderr
    log, shown = access_log or folder / "access.log", folder / "serve.out"
    command = [XMC, "serve", str(folder / "endpoints.xmc.json"), "--port", "0"]
    with shown.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--access-log", str(log), "--log-format", "json"],
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield _address(process, shown), log
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
            raise


@contextmanager
def gateway(folder: Path) -> Iterator[Gateway]:
    """The gateway that the client tests share, in front of a simulator with a random key."""
    key = secrets.token_hex(24)
    alice, alice_entry = make_principal("alice")
    bob, bob_entry = make_principal("bob", "--endpoint", "chat")
    prom, prom_entry = make_principal("prom", "--endpoint", "chat", "--metrics")
    with simulator(key) as upstream:
        base = f"{upstream.url}/v1"
        chat, text, embed = "llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"
        spec = {
            "secrets": {"stores": {"here": {"kind": "env"}}, "default": "here"},
            "principals": [alice_entry, bob_entry, prom_entry],
            "endpoints": [
                endpoint("chat", openai_entity("sim", "sim-chat", chat, base)),
                endpoint("text", openai_entity("sim", "sim-text", text, base)),
                endpoint("embed", openai_entity("sim", "sim-embed", embed, base)),
                endpoint("private", openai_entity("sim", "sim-chat", chat, base)),
                endpoint("custom", custom_entity("sim", "sim-chat", chat, f"{base}/chat/completions")),
                endpoint("down", openai_entity("sim", "sim-chat", chat, f"http://127.0.0.1:{free_port()}/v1")),
                endpoint(
                    "two",
                    openai_entity("left", "sim-left", chat, base),
                    openai_entity("right", "sim-right", chat, base),
                    shares=(100, 0),
                ),
            ],
        }
        with serving(spec, folder, {"SIM_KEY": key}) as (url, log):
            yield Gateway(url, {"alice": alice, "bob": bob, "prom": prom}, upstream, log)


def _address(process: subprocess.Popen[bytes], shown: Path) -> str:
    """Return the URL that the gateway says it listens on; it says so when it accepts."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        text = shown.read_text()
        found = re.search(r"listening on (http://\S+)", text)
        if found:
            return found[1]
        assert process.poll() is None, f"xmc serve ended with {process.returncode}: {text}"
        time.sleep(0.05)  # another process is starting; its output file can only be looked at
    raise AssertionError(f"xmc serve did not begin to listen: {shown.read_text()}")
