"""What `xmc check` costs: CPU time beside an import of what it is built on, how that grows, and memory.

    python -m tests.bench.compiler              measure and print (a minute)
    python -m tests.bench.compiler --check      exit 1 if a bar is broken
    python -m tests.bench.compiler --rounds 9   on a machine that others use

Every run is a process of its own, and they take turns: an import, a small spec, an import …, the large ones. A figure
is the least of all runs, since what else the machine does can only add. A ratio is between runs of the same round, and
the median of all rounds, since machines get faster and slower. CPU time is user and system time of the process, from
its first instruction to its last, as the kernel counts it. A first run, which is not counted, lets Python keep its
bytecode, as every installation does. The specs have endpoints of two served entities each, with a secret reference for
every one, and nothing wrong in them.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

BASELINE = "import yaml, jsonschema, pluggy, click"
CHECK = "from xmc.cli import main; main()"
SMALL, HALF, WHOLE = 100, 5_000, 10_000
OFTEN = 4
"""How many runs a small case gets for one of a large one."""

SMALL_BAR, GROWTH_BAR, MEMORY_BAR_KB = 1.6, 2.3, 60.0

_ENDPOINT = """\
  - name: chat-{number}
    requires: []
    config:
      served_entities:
        - name: first
          external_model:
            name: gpt-4o
            provider: openai
            task: llm/v1/chat
            openai_config:
              openai_api_key: "{{{{secrets/openai/key-{number}}}}}"
        - name: second
          external_model:
            name: a-model
            provider: custom
            task: llm/v1/chat
            custom_provider_config:
              custom_provider_url: https://models.example/v1
              bearer_token_auth:
                token: "{{{{secrets/own/key-{number}}}}}"
      traffic_config:
        routes:
          - served_entity_name: first
            traffic_percentage: 60
          - served_entity_name: second
            traffic_percentage: 40
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process cost: CPU seconds, and the most memory that it held at once, in thousands of bytes."""

    cpu_s: float
    peak_kb: int


Round = dict[int, Cost]
"""The cost of each case, by its number of endpoints; 0 is the import."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure and the most that it may be."""

    what: str
    value: float
    highest: float

    @property
    def is_broken(self) -> bool:
        return self.value > self.highest

    def __str__(self) -> str:
        return f"{self.what} {self.value:.2f} ≤ {self.highest:g} {'**broken**' if self.is_broken else 'kept'}"


def spec(endpoints: int) -> str:
    """Return a spec of so many endpoints."""
    return "endpoints:\n" + "".join(_ENDPOINT.format(number=number) for number in range(endpoints))


def cost_of(words: Sequence[str]) -> Cost:
    """Run a Python to its end and say what it cost.

    Raises:
        RuntimeError: it failed.
    """
    # Others' bytecode is there already, and ours must not be compiled anew by every run.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    pid = os.posix_spawn(sys.executable, [sys.executable, *words], environ, file_actions=quiet)
    _, status, used = os.wait4(pid, 0)
    if status:
        raise RuntimeError(f"`{' '.join(words)}` ended with {os.waitstatus_to_exitcode(status)}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 // 1000)


def measure(rounds: int) -> list[Round]:
    """Return what each case cost at least in each round."""
    measured: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="xmc-bench-") as folder:
        cases = {0: ["-c", BASELINE]}
        for size in (SMALL, HALF, WHOLE):
            file = Path(folder, f"{size}.yaml")
            file.write_text(spec(size), encoding="utf-8")
            cases[size] = ["-c", CHECK, "check", "--offline", str(file)]
        for size in (0, SMALL):
            cost_of(cases[size])
        for number in range(rounds):
            runs = [(size, cost_of(cases[size])) for size in (*(0, SMALL) * OFTEN, HALF, WHOLE)]
            measured.append({size: least([cost for own, cost in runs if own == size]) for size in cases})
            sys.stderr.write(f"round {number + 1} of {rounds}\n")
    return measured


def least(costs: Sequence[Cost]) -> Cost:
    """Return the least time and the least memory of several runs."""
    return Cost(min(one.cpu_s for one in costs), min(one.peak_kb for one in costs))


def bars(rounds: Sequence[Round]) -> dict[int, list[Bar]]:
    """Return the bars of each case."""
    small = median(one[SMALL].cpu_s / one[0].cpu_s for one in rounds)
    growth = median(one[WHOLE].cpu_s / one[HALF].cpu_s for one in rounds)
    memory = min(one[WHOLE].peak_kb for one in rounds) / WHOLE
    return {
        SMALL: [Bar("times the import", small, SMALL_BAR)],
        WHOLE: [
            Bar(f"times {HALF:,}", growth, GROWTH_BAR),
            Bar("kB per endpoint", memory, MEMORY_BAR_KB),
        ],
    }


def markdown(rounds: Sequence[Round]) -> str:
    """Return the figures as a Markdown table."""
    found = bars(rounds)
    lines = ["| | CPU s | ms per endpoint | peak MB | kB per endpoint | bars |", "|---|---:|---:|---:|---:|---|"]
    for size in rounds[0]:
        cost = least([one[size] for one in rounds])
        title = f"{size:,} endpoints" if size else f"`{BASELINE}`"
        each, memory = (f"{cost.cpu_s / size * 1000:.2f}", f"{cost.peak_kb / size:.1f}") if size else ("", "")
        held = "; ".join(map(str, found.get(size, [])))
        lines.append(f"| {title} | {cost.cpu_s:.3f} | {each} | {cost.peak_kb / 1000:.0f} | {memory} | {held} |")
    return "\n".join(lines) + "\n"


def main(words: Sequence[str]) -> int:
    """Measure, print, and say whether the bars hold."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.compiler", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often the large specs are checked (5)")
    parser.add_argument("--check", action="store_true", help="exit 1 if a bar is broken")
    arguments = parser.parse_args(words)
    rounds = measure(arguments.rounds)
    command = " ".join(["python -m tests.bench.compiler", *words])
    sys.stdout.write(
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC with `{command}`: {arguments.rounds} rounds. "
        f"{os.cpu_count()} cores, {platform.machine()}, Linux, Python {platform.python_version()}.\n\n"
        f"{markdown(rounds)}"
    )
    broken = [bar for listed in bars(rounds).values() for bar in listed if bar.is_broken]
    for bar in broken:
        sys.stderr.write(f"bar broken: {bar}\n")
    return 1 if arguments.check and broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
