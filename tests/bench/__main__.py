"""What a request costs through `xmc serve`, beside a bare aiohttp pass-through in the same run.

    python -m tests.bench                  measure and print (two minutes)
    python -m tests.bench --quick          rougher, in half a minute
    python -m tests.bench --check          exit 1 if a bar is broken
    python -m tests.bench --null           bare against bare: what the method itself gets wrong
    python -m tests.bench --instructions   count instead of time, for a busy machine (needs valgrind, four minutes)

The subjects share one core, the mock upstream and the load generator another. Slices are taken in turns (bare, xmc,
bare, xmc …), and a ratio is always between slices of the same round. CPU time of the whole process tree per unit is
what counts: other work on the machine moves it least. Everything is on 127.0.0.1. See docs/performance.md.
"""

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from tests.bench import report
from tests.bench.machine import UnfitMachineError
from tests.bench.meter import CpuMeter, InstructionMeter
from tests.bench.run import LOAD_CORE, Plan, run
from tests.bench.scenario import COUNTED, SCENARIOS, TIMED


def read_arguments(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, help="how often each slice is taken (30; --quick: 8; --instructions: 1)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--only", choices=[each.name for each in SCENARIOS], action="append")
    parser.add_argument("--check", action="store_true", help="exit 1 if a bar is broken")
    parser.add_argument("--null", action="store_true", help="measure bare against itself")
    parser.add_argument("--instructions", action="store_true", help="count user-mode instructions under valgrind")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample")
    parser.add_argument("--doc", action="store_true", help="write the figures into docs/performance.md")
    return parser.parse_args(words)


def plan_from(arguments: argparse.Namespace) -> Plan:
    """Return what the command line asks for."""
    effort, rounds = (COUNTED, 1) if arguments.instructions else (TIMED, 8 if arguments.quick else 30)
    return Plan(
        scenarios=tuple(each for each in SCENARIOS if not arguments.only or each.name in arguments.only),
        effort=effort,
        rounds=arguments.rounds or rounds,
        null=arguments.null,
        counted=arguments.instructions,
    )


def check_machine(plan: Plan) -> None:
    """See whether the plan can be run here.

    Raises:
        UnfitMachineError: it cannot.
    """
    if (os.cpu_count() or 1) <= LOAD_CORE:
        raise UnfitMachineError("this needs two cores: one for the server, one for the load")
    if plan.counted and not InstructionMeter.is_available():
        raise UnfitMachineError("counting instructions needs valgrind: install it")


def heading(plan: Plan, words: Sequence[str]) -> str:
    """Say when, with what command and on what kind of machine. Never its name."""
    command = " ".join(["python -m tests.bench", *(word for word in words if word != "--doc")])
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC with `{command}`: {plan.rounds} rounds, {plan.effort}. "
        f"{os.cpu_count()} cores, {platform.machine()}, Linux, Python {platform.python_version()}."
    )


def main(words: Sequence[str]) -> int:
    """Measure, print, and say whether the bars hold."""
    arguments = read_arguments(words)
    plan = plan_from(arguments)
    try:
        check_machine(plan)
        rounds = run(plan)
    except UnfitMachineError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    unit = InstructionMeter.unit if plan.counted else CpuMeter.unit
    found = report.rows(rounds, unit)
    text = report.markdown(found, heading(plan, words), unit)
    sys.stdout.write(text)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(rounds)) + b"\n")
    if arguments.doc:
        report.DOC.write_text(report.with_figures(report.DOC.read_text(), text, unit))
    broken = [row for row in found if row.breaks_bar]
    for row in broken:
        sys.stderr.write(f"bar broken: {row.variant}, {row.scenario.name}: {row.beside:.2f}, allowed {row.bar}\n")
    return 1 if arguments.check and broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
