"""The kinds of traffic that are measured, and one measurement."""

from dataclasses import dataclass

import msgspec
from tests.bench.load import Load, LoadSide
from tests.bench.machine import core_busy_s, cpu_s
from tests.bench.meter import Meter
from tests.bench.subject import Subject


@dataclass(frozen=True)
class Effort:
    """How much is measured: seconds (or requests) per closed-loop slice, streams and chunks per paced slice."""

    streams: int
    chunks: int
    seconds: float = 0
    requests: int = 0
    interval_ms: int = 10

    def __str__(self) -> str:
        amount = f"{self.requests} requests" if self.requests else f"{self.seconds} s"
        return f"closed-loop slices of {amount}, {self.streams} streams of {self.chunks} chunks"


WARM = Effort(seconds=0.5, streams=10, chunks=20)
TIMED = Effort(seconds=0.3, streams=10, chunks=40)
"""Short slices in many rounds: virtual machines get faster and slower within seconds."""
COUNTED = Effort(requests=200, streams=10, chunks=40, interval_ms=150)
"""For a subject that runs at a fiftieth of its speed: a chunk must be through before the next one comes."""


BARE = "bare"
DIRECT = "direct"


@dataclass(frozen=True)
class Bar:
    """What `variant` may cost: at most `highest` times what `beside` costs in the same round."""

    variant: str
    highest: float
    beside: str = BARE

    def __str__(self) -> str:
        return f"≤ {self.highest}" if self.beside == BARE else f"≤ {self.highest} of {self.beside}"


@dataclass(frozen=True)
class Scenario:
    """One kind of traffic. `unit` is what CPU time is divided by; `bars` are what variants may cost."""

    name: str
    title: str
    unit: str
    connections: int
    tag: str = ""
    streams: bool = False
    paced: bool = False
    bars: tuple[Bar, ...] = ()

    @property
    def kind(self) -> str:
        """What a subject is asked for: `chat` or `embeddings`."""
        return "embeddings" if self.name == "embeddings" else "chat"

    def body(self, effort: Effort) -> dict[str, object]:
        """Return the request's JSON, without `model`."""
        if self.kind == "embeddings":
            return {"input": "The food was delicious and the waiter was friendly.", "encoding_format": "float"}
        text = f"Say something short. [[{self.tag} i={effort.interval_ms if self.paced else 0} n={effort.chunks}]]"
        messages = [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": text}]
        body: dict[str, object] = {"messages": messages, "temperature": 0.7, "max_tokens": 128}
        return {**body, "stream": True} if self.streams else body

    def options(self, effort: Effort) -> list[str]:
        """Return the load generator's options."""
        number = effort.streams if self.paced else effort.requests
        amount = ["-n", str(number)] if number else ["-t", str(effort.seconds)]
        return ["-c", str(self.connections), *amount, *(["-k", str(effort.chunks)] if self.streams else [])]


_BEDROCK = Bar("xmc amazon-bedrock", 2.0, beside="xmc anthropic")

SCENARIOS = (
    Scenario(
        "chat",
        "small chat, 32 at once",
        "request",
        32,
        "d=0 s=200",
        bars=(Bar("xmc openai", 1.6), Bar("xmc custom", 1.6), Bar("xmc anthropic", 2.2), _BEDROCK),
    ),
    Scenario("embeddings", "embedding of 1536 floats, 8 at once", "request", 8, bars=(Bar("xmc openai", 1.6),)),
    Scenario(
        "stream",
        "paced stream, 10 at once, a chunk every 10 ms",
        "chunk",
        10,
        "d=20",
        streams=True,
        paced=True,
        bars=(Bar("xmc openai", 1.5), Bar("xmc anthropic", 2.0), _BEDROCK),
    ),
    Scenario("burst", "stream in one piece, 10 at once", "chunk", 10, "d=0", streams=True),
)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One slice: what one unit cost the subject, as its meter counts.

    `noise` is the share of its core that others took meanwhile.
    """

    scenario: str
    variant: str
    cost: float
    units: int
    failed: int
    noise: float
    per_s: float
    p50_us: float
    p99_us: float
    ttft_p50_us: float


def measure(scenario: Scenario, subject: Subject, side: LoadSide, effort: Effort, meter: Meter) -> Sample:
    """Run one slice against one subject.

    Raises:
        RuntimeError: nothing came back whole.
    """
    before = meter.read(subject.pids)
    busy, cpu = core_busy_s(subject.core), cpu_s(subject.pids)
    load = side.run(subject.port, subject.call(scenario.kind, scenario.body(effort)), scenario.options(effort))
    others = core_busy_s(subject.core) - busy - (cpu_s(subject.pids) - cpu)
    cost = meter.read(subject.pids) - before
    units = load.chunks if scenario.unit == "chunk" else load.ok
    if not load.ok:
        message = f"{subject.variant}, {scenario.name}: no answer was whole; {_problem(load)}"
        raise RuntimeError(message)
    return Sample(
        scenario=scenario.name,
        variant=subject.variant,
        cost=cost / units,
        units=units,
        failed=load.failed,
        noise=max(0.0, others / load.seconds),
        per_s=units / load.seconds,
        p50_us=load.latency.p50,
        p99_us=load.latency.p99,
        ttft_p50_us=load.ttft.p50,
    )


def _problem(load: Load) -> str:
    return f"{load.failed} failed, the first with status {load.first_status}: {load.first_error}"
