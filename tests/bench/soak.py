"""Does a served table leak? Thousands of requests and streams, whole, refused and cancelled; then count what is left.

    python -m tests.bench.soak              exit 1 if memory, files or upstream connections grow (40 s)

Memory is the private memory of the real `xmc serve` after each of several equal blocks of traffic. The first blocks
warm it up (pools, caches, the allocator's arenas) and do not count. Everything is on 127.0.0.1.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.load import Call, LoadSide
from tests.bench.machine import UnfitMachineError, memory_bytes, open_files
from tests.bench.meter import CpuMeter
from tests.bench.subject import Place, Subject, start_xmc

CORE, LOAD_CORE = 0, 1
WARM_BLOCKS, BLOCKS = 2, 5
BYTES_PER_REQUEST = 100
"""More growth than this is a leak: the smallest object that can stay behind (a dict, a task, a header) is larger."""


@dataclass(frozen=True)
class Reading:
    """What the server held after a block: bytes of private memory, files, and connections to the upstream."""

    requests: int
    memory: int
    files: int
    upstream: int


@dataclass(frozen=True)
class Burst:
    """One kind of traffic in a block. `leave_after`: the client hangs up after so many chunks."""

    requests: int
    body: dict[str, object]
    kind: str = "chat"
    chunks: int = 0
    leave_after: int | None = None
    expect_failure: bool = False
    spoil: Callable[[Call], Call] = lambda call: call

    def options(self) -> list[str]:
        leave = [] if self.leave_after is None else ["-a", str(self.leave_after)]
        return ["-n", str(self.requests), "-c", "16", *(["-k", str(self.chunks)] if self.chunks else []), *leave]


def chat(tag: str, *, stream: bool = False) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": f"[[{tag}]]"}], "stream": stream}


def unknown_endpoint(call: Call) -> Call:
    return Call(call.path, {**call.body, "model": "nobody"}, call.headers)


def no_token(call: Call) -> Call:
    return Call(call.path, call.body)


BLOCK = (
    Burst(1500, chat("d=0 s=200")),
    Burst(200, {"input": "some text"}, kind="embeddings"),
    Burst(150, chat("d=0 n=20 i=0", stream=True), chunks=20),
    Burst(150, chat("d=0 n=50 i=5", stream=True), chunks=50, leave_after=1),
    Burst(150, chat("d=50 n=50 i=5", stream=True), chunks=50, leave_after=0),
    Burst(150, chat("d=0"), spoil=unknown_endpoint, expect_failure=True),
    Burst(150, chat("d=0"), spoil=no_token, expect_failure=True),
)


def soak(blocks: int = BLOCKS) -> list[Reading]:
    """Run the blocks against a fresh server and return what it held after each that counts."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xmc-soak-")))
        side = stack.enter_context(LoadSide(folder, LOAD_CORE))
        process, gateways = start_xmc(Place(folder, CORE, side.upstream), CpuMeter())
        stack.enter_context(process)
        readings = [run_block(side, gateways) for _ in range(WARM_BLOCKS + blocks)]
    return readings[WARM_BLOCKS:]


def run_block(side: LoadSide, gateways: list[Subject]) -> Reading:
    """Send each kind of traffic to each gateway; wait until cancelled calls are gone upstream too, at most 5 s.

    Raises:
        RuntimeError: an answer was not what its kind of traffic must get.
    """
    requests = 0
    for gateway in gateways:
        for burst in (each for each in BLOCK if gateway.serves(each.kind)):
            load = side.run(gateway.port, burst.spoil(gateway.call(burst.kind, burst.body)), burst.options())
            requests += load.ok + load.failed + load.left
            if load.failed != (burst.requests if burst.expect_failure else 0):
                message = f"{gateway.variant}: {load.failed} failed, {load.first_status}: {load.first_error}"
                raise RuntimeError(message)
    until, pids = time.monotonic() + 5, gateways[0].pids
    files, upstream = open_files(pids), side.stats().open - 1
    while time.monotonic() < until:
        time.sleep(0.2)
        before, (files, upstream) = (files, upstream), (open_files(pids), side.stats().open - 1)
        if before == (files, upstream):
            break
    return Reading(requests, memory_bytes(pids), files, upstream)


def growth(readings: list[Reading]) -> dict[str, float]:
    """Return what grew from the first third of the readings to the last: bytes per request, files, connections."""
    third = max(1, len(readings) // 3)
    first, last = readings[:third], readings[-third:]
    requests = sum(each.requests for each in readings[third:])

    def difference(what: Callable[[Reading], int]) -> int:
        return min(map(what, last)) - max(map(what, first))

    return {
        "bytes per request": difference(lambda each: each.memory) / requests,
        "files": difference(lambda each: each.files),
        "upstream connections": difference(lambda each: each.upstream),
    }


def main() -> int:
    """Soak, print, judge."""
    try:
        readings = soak()
    except UnfitMachineError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for each in readings:
        sys.stdout.write(
            f"{each.requests} requests, {each.memory / 1e6:.2f} MB, {each.files} files, {each.upstream} upstream\n"
        )
    grown = growth(readings)
    sys.stdout.write("grew by " + ", ".join(f"{amount:.0f} {name}" for name, amount in grown.items()) + "\n")
    leaks = grown["bytes per request"] > BYTES_PER_REQUEST or grown["files"] > 0 or grown["upstream connections"] > 0
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main())
