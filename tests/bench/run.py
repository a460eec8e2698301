"""One run: everything started, all slices taken in turns, everything stopped."""

import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.load import LoadSide
from tests.bench.meter import CpuMeter, InstructionMeter, Meter
from tests.bench.scenario import DIRECT, WARM, Effort, Sample, Scenario, measure
from tests.bench.subject import Place, Subject, start_bare, start_xmc

SUBJECT_CORE, LOAD_CORE = 0, 1


@dataclass(frozen=True)
class Plan:
    """What is run. `null` measures bare against itself; `counted` counts instructions instead of CPU time."""

    scenarios: tuple[Scenario, ...]
    effort: Effort
    rounds: int
    null: bool = False
    counted: bool = False


def run(plan: Plan) -> list[list[Sample]]:
    """Return the samples of each round. Every second round goes backwards, so that a drift hits both ends alike."""
    os.sched_setaffinity(0, {LOAD_CORE})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xmc-bench-")))
        meter: Meter = InstructionMeter(folder) if plan.counted else CpuMeter()
        side = stack.enter_context(LoadSide(folder, LOAD_CORE))
        subjects = _start(stack, Place(folder, SUBJECT_CORE, side.upstream), meter, null=plan.null)
        subjects.insert(0, Subject(DIRECT, side.upstream_port, SUBJECT_CORE))
        for scenario, subject in _pairs(plan.scenarios, subjects):
            measure(scenario, subject, side, WARM, meter)
        rounds: list[list[Sample]] = []
        for number in range(plan.rounds):
            order = subjects if number % 2 == 0 else subjects[::-1]
            rounds.append([measure(*pair, side, plan.effort, meter) for pair in _pairs(plan.scenarios, order)])
            _show(number + 1, rounds[-1], meter)
    return rounds


def _start(stack: ExitStack, place: Place, meter: Meter, *, null: bool) -> list[Subject]:
    """Start the servers; they run side by side, and only the one that is called uses its core."""
    process, bare = start_bare(place, meter)
    stack.enter_context(process)
    if null:
        process, twin = start_bare(place, meter, "bare again")
        stack.enter_context(process)
        return [bare, twin]
    process, gateways = start_xmc(place, meter)
    stack.enter_context(process)
    return [bare, *gateways]


def _pairs(scenarios: Sequence[Scenario], subjects: Sequence[Subject]) -> list[tuple[Scenario, Subject]]:
    """Return what to measure: what a subject serves; the mock alone only where a time is compared with its own."""
    wanted = [(each, one) for each in scenarios for one in subjects if one.serves(each.kind)]
    return [(each, one) for each, one in wanted if each.paced or one.variant != DIRECT]


def _show(number: int, samples: Sequence[Sample], meter: Meter) -> None:
    costs = (f"{each.scenario} {each.variant} {each.cost:.1f}" for each in samples if each.variant != DIRECT)
    sys.stderr.write(f"round {number}, {meter.unit}: {'; '.join(costs)}\n")
