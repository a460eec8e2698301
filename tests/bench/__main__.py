"""What a request costs through `xmc serve`, beside a bare aiohttp pass-through in the same run.

    python -m tests.bench                measure and print (three minutes)
    python -m tests.bench --quick        rougher, in half a minute
    python -m tests.bench --check        exit 1 if a bar is broken
    python -m tests.bench --null         bare against bare: what the method itself gets wrong

The subjects share one core, the mock upstream and the load generator another. Slices are taken in turns (bare, xmc,
bare, xmc …), and a ratio is always between slices of the same round. CPU time of the whole process tree per unit is
what counts: other work on the machine moves it least. Everything is on 127.0.0.1. See docs/performance.md.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from tests.bench import report, scenario, subject
from tests.bench.load import CompilerMissingError, LoadSide

SUBJECT_CORE, LOAD_CORE = 0, 1


def read_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, help="how often each slice is taken (default 7, with --quick 3)")
    parser.add_argument("--quick", action="store_true", help="shorter slices")
    parser.add_argument("--only", choices=[each.name for each in scenario.SCENARIOS], action="append")
    parser.add_argument("--check", action="store_true", help="exit 1 if a bar is broken")
    parser.add_argument("--null", action="store_true", help="measure bare against itself")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample")
    parser.add_argument("--doc", action="store_true", help="write the figures into docs/performance.md")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, and say whether the bars hold."""
    arguments = read_arguments(words)
    if (os.cpu_count() or 1) <= LOAD_CORE:
        sys.stderr.write("this needs two cores: one for the server, one for the load\n")
        return 2
    try:
        rounds = run(arguments)
    except CompilerMissingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    found = report.rows(rounds)
    text = report.markdown(found, heading(arguments, len(rounds)))
    sys.stdout.write(text)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(rounds)) + b"\n")
    if arguments.doc:
        report.DOC.write_text(report.with_figures(report.DOC.read_text(), text))
    broken = [row for row in found if row.breaks_bar]
    for row in broken:
        sys.stderr.write(f"bar broken: {row.variant}, {row.scenario.name}: {row.ratio:.2f} of {row.bar} allowed\n")
    return 1 if arguments.check and broken else 0


def run(arguments: argparse.Namespace) -> list[list[scenario.Sample]]:
    """Start everything, take all slices in turns, stop everything."""
    effort = scenario.QUICK if arguments.quick else scenario.FULL
    rounds: list[list[scenario.Sample]] = []
    os.sched_setaffinity(0, {LOAD_CORE})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xmc-bench-")))
        side = stack.enter_context(LoadSide(folder, LOAD_CORE))
        subjects = start_subjects(stack, side, folder, null=arguments.null)
        chosen = [each for each in scenario.SCENARIOS if not arguments.only or each.name in arguments.only]
        warm = scenario.Effort(seconds=0.5, streams=10, chunks=20)
        for each, one in pairs(chosen, subjects):
            scenario.measure(each, one, side, warm, SUBJECT_CORE)
        for number in range(arguments.rounds or (3 if arguments.quick else 7)):
            order = subjects if number % 2 == 0 else subjects[::-1]  # a drift of the machine hits both ends alike
            samples = [scenario.measure(each, one, side, effort, SUBJECT_CORE) for each, one in pairs(chosen, order)]
            rounds.append(samples)
            show_progress(number + 1, samples)
    return rounds


def start_subjects(stack: ExitStack, side: LoadSide, folder: Path, *, null: bool) -> list[subject.Subject]:
    """Start the servers; they run side by side and only the one that is called uses its core."""
    process, bare = subject.start_bare(side.upstream, folder, SUBJECT_CORE)
    stack.enter_context(process)
    direct = subject.Subject(report.DIRECT, side.upstream_port)
    if null:
        process, twin = subject.start_bare(side.upstream, folder, SUBJECT_CORE, "bare again")
        stack.enter_context(process)
        return [direct, bare, twin]
    process, gateways = subject.start_xmc(side.upstream, folder, SUBJECT_CORE)
    stack.enter_context(process)
    return [direct, bare, *gateways]


def pairs(
    chosen: Sequence[scenario.Scenario], subjects: Sequence[subject.Subject]
) -> list[tuple[scenario.Scenario, subject.Subject]]:
    """Return what to measure; the mock alone only where a time is compared with its own."""
    return [(each, one) for each in chosen for one in subjects if each.paced or one.variant != report.DIRECT]


def show_progress(number: int, samples: Sequence[scenario.Sample]) -> None:
    """Print one line per round on stderr."""
    costs = (f"{each.scenario} {each.variant} {each.cpu_us:.1f}" for each in samples if each.variant != report.DIRECT)
    sys.stderr.write(f"round {number}, CPU µs: {'; '.join(costs)}\n")


def heading(arguments: argparse.Namespace, rounds: int) -> str:
    """Say when, with what command and on what kind of machine. Never its name."""
    effort = scenario.QUICK if arguments.quick else scenario.FULL
    command = " ".join(["python -m tests.bench", *sys.argv[1:]])
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC with `{command}`: {rounds} rounds, closed-loop slices of "
        f"{effort.seconds} s, {effort.streams} streams of {effort.chunks} chunks. {os.cpu_count()} cores, "
        f"{platform.machine()}, Linux, Python {platform.python_version()}."
    )


if __name__ == "__main__":
    sys.exit(main())
