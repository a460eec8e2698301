"""What is measured: the bare pass-through, and the real `xmc serve` with token auth, access log and metrics on."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Self

import yaml
from tests.bench.load import HERE, Call
from tests.bench.machine import free_port, process_tree, stop, wait_for_port
from tests.bench.meter import Meter

from xmc.schema import format_token_hash, hash_token, make_token

XMC = Path(sys.executable).with_name("xmc")
TASKS = {"chat": "llm/v1/chat", "embeddings": "llm/v1/embeddings"}
PROVIDERS = {
    "openai": ("chat", "embeddings"),
    "custom": ("chat", "embeddings"),
    "anthropic": ("chat",),
    "amazon-bedrock": ("chat",),
}
"""What is asked of an external model of each provider, in OpenAI's words; the last two translate."""

# Under valgrind a start takes half a minute.
_START_S = 120


@dataclass(frozen=True)
class Place:
    """Where subjects run: in which folder, on which core, in front of which upstream."""

    folder: Path
    core: int
    upstream: str


@dataclass(frozen=True)
class Subject:
    """A server under test. `variant` is what a report calls it; `pids` is empty for the mock itself (`direct`)."""

    variant: str
    port: int
    core: int
    pids: tuple[int, ...] = ()
    token: str | None = None
    provider: str | None = None

    def serves(self, kind: str) -> bool:
        """Tell whether this subject can be asked for `chat` or `embeddings`."""
        return self.provider is None or kind in PROVIDERS[self.provider]

    def call(self, kind: str, body: dict[str, object]) -> Call:
        """Return how to ask this subject for `chat` or `embeddings`."""
        operation = "chat/completions" if kind == "chat" else "embeddings"
        if self.provider is None:
            return Call(f"/v1/{operation}", {"model": "mock-model", **body})
        headers = {"Authorization": f"Bearer {self.token}"}
        return Call(f"/serving-endpoints/{operation}", {"model": f"{kind}-{self.provider}", **body}, headers)


class Process:
    """A server of ours, pinned to a core, with its output in a file. A context manager."""

    def __init__(self, words: list[str], log: Path, core: int, port: int) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(core), *words], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environ
            )
        try:
            wait_for_port(port, self._process, _START_S)
        except RuntimeError as error:
            stop(self._process)
            raise RuntimeError(f"{words}: {error}\n{log.read_text()[-2000:]}") from error
        self.pids = tuple(process_tree(self._process.pid))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        stop(self._process)


def start_bare(place: Place, meter: Meter, name: str = "bare") -> tuple[Process, Subject]:
    """Start the bare aiohttp pass-through."""
    port = free_port()
    words = [*meter.prefix, sys.executable, str(HERE / "bare_aiohttp.py"), str(port), place.upstream]
    process = Process(words, place.folder / f"{name}.log", place.core, port)
    return process, Subject(name, port, place.core, process.pids)


def start_xmc(place: Place, meter: Meter) -> tuple[Process, list[Subject]]:
    """Compile a spec with `xmc compile` and serve its table with `xmc serve`, everything at its default."""
    token = make_token(token_bytes(40))
    spec = place.folder / "bench.yaml"
    row = format_token_hash(hash_token(token, token_hex(16)))
    spec.write_text(yaml.safe_dump(_spec(place.upstream, row)))
    table = place.folder / "bench.xmc.json"
    subprocess.run([XMC, "compile", spec, "-o", table], check=True, capture_output=True, timeout=60)
    port = free_port()
    words = [
        *meter.prefix,
        str(XMC),
        "serve",
        str(table),
        "--port",
        str(port),
        "--access-log",
        str(place.folder / "access.log"),
    ]
    process = Process(words, place.folder / "xmc.log", place.core, port)
    return process, [Subject(f"xmc {name}", port, place.core, process.pids, token, name) for name in PROVIDERS]


def _spec(upstream: str, token_hash: str) -> dict[str, object]:
    endpoints = [
        {
            "name": f"{kind}-{provider}",
            "config": {
                "served_entities": [{"name": "mock", "external_model": _external_model(provider, task, upstream)}]
            },
        }
        for provider, kinds in PROVIDERS.items()
        for kind, task in TASKS.items()
        if kind in kinds
    ]
    return {"principals": [{"name": "bench", "token_hashes": [token_hash]}], "endpoints": endpoints}


def _external_model(provider: str, task: str, upstream: str) -> dict[str, object]:
    key = f"not-a-key-{token_hex(8)}"
    config: dict[str, dict[str, object]] = {
        "openai": {"openai_api_base": f"{upstream}/v1", "openai_api_key_plaintext": key},
        "custom": {"custom_provider_url": f"{upstream}/v1", "bearer_token_auth": {"token_plaintext": key}},
        "anthropic": {"anthropic_api_base": upstream, "anthropic_api_key_plaintext": key},
        "amazon-bedrock": {
            "bedrock_api_base": upstream,
            "bedrock_provider": "anthropic",
            "aws_region": "eu-west-1",
            "aws_access_key_id_plaintext": "not-a-key-id",
            "aws_secret_access_key_plaintext": key,
        },
    }
    config_key = {"custom": "custom_provider_config"}.get(provider, f"{provider.replace('-', '_')}_config")
    return {"name": "mock-model", "provider": provider, "task": task, config_key: config[provider]}
