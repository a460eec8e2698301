"""What `xmc check` costs: CPU time beside an import of what it is built on, how that grows, and memory.

    python -m tests.bench.compiler              measure and print (a minute)
    python -m tests.bench.compiler --check      exit 1 if a bar is broken
    python -m tests.bench.compiler --rounds 9   on a machine that others use

Each figure is the best of several processes of its own, taken in turns, small ones more often: what else the machine
does can only add. CPU time is user and system time of the process, from its first instruction to its last, as the
kernel counts it. A first run, which is not counted, lets Python keep its bytecode, as every installation does. The
specs have endpoints of two served entities each, with a secret reference for every one, and nothing wrong in them.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

BASELINE = "import yaml, jsonschema, pluggy, click"
CHECK = "from xmc.cli import main; main()"
SMALL, HALF, WHOLE = 100, 5_000, 10_000
OFTEN = 4
"""How many runs a small case gets for one of a large one."""

SMALL_BAR, GROWTH_BAR, MEMORY_BAR_KB = 1.6, 2.3, 60.0

_ENDPOINT = """\
  - name: chat-{number}
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
            name: claude-sonnet-4-6
            provider: anthropic
            task: llm/v1/chat
            anthropic_config:
              anthropic_api_key: "{{{{secrets/anthropic/key-{number}}}}}"
      traffic_config:
        routes:
          - {{served_entity_name: first, traffic_percentage: 60}}
          - {{served_entity_name: second, traffic_percentage: 40}}
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process cost: CPU seconds, and the most memory that it held at once, in thousands of bytes."""

    cpu_s: float
    peak_kb: int


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


def measure(rounds: int) -> dict[int, Cost]:
    """Return the least of what each case cost, by its number of endpoints; 0 is the baseline."""
    samples: dict[int, list[Cost]] = {}
    with tempfile.TemporaryDirectory(prefix="xmc-bench-") as folder:
        cases = {0: ["-c", BASELINE]}
        for size in (SMALL, HALF, WHOLE):
            file = Path(folder, f"{size}.yaml")
            file.write_text(spec(size), encoding="utf-8")
            cases[size] = ["-c", CHECK, "check", "--offline", str(file)]
        for size in (0, SMALL):
            cost_of(cases[size])
        for number in range(rounds):
            for size in (*(0, SMALL) * OFTEN, HALF, WHOLE):
                samples.setdefault(size, []).append(cost_of(cases[size]))
            sys.stderr.write(f"round {number + 1} of {rounds}\n")
    return {
        size: Cost(min(one.cpu_s for one in found), min(one.peak_kb for one in found))
        for size, found in samples.items()
    }


def bars(costs: Mapping[int, Cost]) -> dict[int, list[Bar]]:
    """Return the bars of each case."""
    return {
        SMALL: [Bar("times the import", costs[SMALL].cpu_s / costs[0].cpu_s, SMALL_BAR)],
        WHOLE: [
            Bar(f"times {HALF:,}", costs[WHOLE].cpu_s / costs[HALF].cpu_s, GROWTH_BAR),
            Bar("kB per endpoint", costs[WHOLE].peak_kb / WHOLE, MEMORY_BAR_KB),
        ],
    }


def markdown(costs: Mapping[int, Cost]) -> str:
    """Return the figures as a Markdown table."""
    found = bars(costs)
    lines = ["| | CPU s | ms per endpoint | peak MB | kB per endpoint | bars |", "|---|---:|---:|---:|---:|---|"]
    for size, cost in costs.items():
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
    costs = measure(arguments.rounds)
    command = " ".join(["python -m tests.bench.compiler", *words])
    sys.stdout.write(
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC with `{command}`: the best of {arguments.rounds} runs, of "
        f"{arguments.rounds * OFTEN} for the import and {SMALL} endpoints. {os.cpu_count()} cores, "
        f"{platform.machine()}, Linux, Python {platform.python_version()}.\n\n{markdown(costs)}"
    )
    broken = [bar for listed in bars(costs).values() for bar in listed if bar.is_broken]
    for bar in broken:
        sys.stderr.write(f"bar broken: {bar}\n")
    return 1 if arguments.check and broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
