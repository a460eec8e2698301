"""The load side: the two C programs compiled, the mock upstream running, and one run of the load generator."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.request import urlopen

import msgspec
from tests.bench.machine import UnfitMachineError, stop

HERE = Path(__file__).parent
NO_COMPILER = (
    "this needs a C compiler for its upstream and its load generator: install gcc (or clang) so that `cc` is found"
)


class Spread(msgspec.Struct, frozen=True):
    """Samples in microseconds."""

    n: int
    p50: float
    p99: float


class Load(msgspec.Struct, frozen=True):
    """What the load generator counted. `left`: requests on which it hung up on purpose."""

    ok: int
    failed: int
    left: int
    seconds: float
    chunks: int
    body_bytes: int
    first_status: int
    first_error: str
    latency: Spread
    ttft: Spread
    transit: Spread


class Stats(msgspec.Struct, frozen=True):
    """What the mock counted since it started; `open` are its connections now, the one that asks included."""

    requests: int
    streams: int
    chunks: int
    open: int


@dataclass(frozen=True)
class Call:
    """How a subject is called: `body` is JSON, `headers` go on every request."""

    path: str
    body: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict)


def compile_programs(into: Path) -> None:
    """Compile `mock` and `loadgen`.

    Raises:
        UnfitMachineError: neither cc, gcc nor clang is on the PATH.
    """
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise UnfitMachineError(NO_COMPILER)
    for name in ("mock", "loadgen"):
        source = HERE / f"{name}.c"
        subprocess.run([compiler, "-O2", "-std=gnu11", "-o", into / name, source], check=True, timeout=60)


class LoadSide:
    """The mock upstream and the load generator, both on one core. A context manager."""

    def __init__(self, folder: Path, core: int) -> None:
        self._folder = folder
        self._pin = ["taskset", "-c", str(core)]
        self._bodies = 0
        compile_programs(folder)
        self._mock = subprocess.Popen([*self._pin, folder / "mock"], stdout=subprocess.PIPE)
        assert self._mock.stdout is not None
        self.upstream_port = int(self._mock.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        stop(self._mock)
        assert self._mock.stdout is not None
        self._mock.stdout.close()

    @property
    def upstream(self) -> str:
        """Base URL of the mock."""
        return f"http://127.0.0.1:{self.upstream_port}"

    def stats(self) -> Stats:
        """Ask the mock what it has seen."""
        with urlopen(f"{self.upstream}/stats", timeout=5) as reply:  # noqa: S310 - http, to our own mock
            return msgspec.json.decode(reply.read(), type=Stats)

    def run(self, port: int, call: Call, options: Sequence[str], timeout_s: float = 60) -> Load:
        """Send one kind of request again and again, as `options` (of `loadgen.c`) say."""
        self._bodies += 1
        body = self._folder / f"body-{self._bodies}.json"
        body.write_text(json.dumps(call.body, separators=(",", ":")))
        headers = [word for name, value in call.headers.items() for word in ("-H", f"{name}: {value}")]
        where = ["-p", str(port), "-u", call.path, "-b", str(body)]
        words = [*self._pin, str(self._folder / "loadgen"), *where, *headers, *options]
        done = subprocess.run(words, check=True, capture_output=True, timeout=timeout_s)
        body.unlink()
        return msgspec.json.decode(done.stdout, type=Load)
