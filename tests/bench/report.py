"""Samples to figures: medians, ratios beside bare in the same round, the bar, and Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.meter import CpuMeter
from tests.bench.scenario import BARE, DIRECT, SCENARIOS, Bar, Sample, Scenario

DOC = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- figures in {unit}: written by `python -m tests.bench --doc` -->", "<!-- end of figures -->"
CPU = CpuMeter.unit


@dataclass(frozen=True)
class Row:
    """One variant in one scenario: medians over the rounds. `ratio` is the median of the ratios of each round.

    `lowest` and `highest` bound the middle half of them. `beside` is the same as `ratio`, to the bar's own yardstick.
    """

    scenario: Scenario
    variant: str
    cost: float
    ratio: float
    lowest: float
    highest: float
    bar: Bar | None
    beside: float
    p50_ms: float
    ttft_added_ms: float | None
    failed: int
    noise: float

    @property
    def breaks_bar(self) -> bool:
        """Tell whether the ratio is above its bar, or answers are missing."""
        return self.bar is not None and (self.beside > self.bar.highest or self.failed > 0)


def rows(rounds: Sequence[Sequence[Sample]], unit: str) -> list[Row]:
    """Return one row per scenario and variant; each round holds one sample of each. The bars are for CPU time."""
    found: list[Row] = []
    for scenario in SCENARIOS:
        mine = [{sample.variant: sample for sample in each if sample.scenario == scenario.name} for each in rounds]
        found += [_row(scenario, variant, mine, unit) for variant in mine[0] if variant != DIRECT]
    return found


def _row(scenario: Scenario, variant: str, rounds: Sequence[dict[str, Sample]], unit: str) -> Row:
    samples = [each[variant] for each in rounds]
    ratios = sorted(each[variant].cost / each[BARE].cost for each in rounds)
    bar = next((bar for bar in scenario.bars if bar.variant == variant), None) if unit == CPU else None
    yardstick = bar.beside if bar else BARE
    cost = median(sample.cost for sample in samples)
    added = [each[variant].ttft_p50_us - each[DIRECT].ttft_p50_us for each in rounds if scenario.paced]
    return Row(
        scenario=scenario,
        variant=variant,
        cost=cost,
        ratio=median(ratios),
        lowest=ratios[len(ratios) // 4],
        highest=ratios[-1 - len(ratios) // 4],
        bar=bar,
        beside=median(each[variant].cost / each[yardstick].cost for each in rounds),
        p50_ms=median(sample.p50_us for sample in samples) / 1000,
        ttft_added_ms=median(added) / 1000 if added else None,
        failed=sum(sample.failed for sample in samples),
        noise=median(sample.noise for sample in samples),
    )


def markdown(found: Sequence[Row], heading: str, unit: str) -> str:
    """Return the figures as Markdown tables, one per scenario. `unit` is what cost is counted in."""
    lines = [heading]
    for scenario in SCENARIOS:
        mine = [row for row in found if row.scenario is scenario]
        if not mine:
            continue
        timing = "TTFT added" if scenario.paced else "p50"
        columns = ("ratio", "middle half", "bar", f"{scenario.unit}s/s per core", timing, "failed", "noise")
        lines += [
            "",
            f"**{scenario.title[0].upper()}{scenario.title[1:]}** (`{scenario.name}`)",
            "",
            f"| | {unit} per {scenario.unit} | {' | '.join(columns)} |",
            "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
            *(_line(row, unit) for row in mine),
        ]
    return "\n".join(lines) + "\n"


def _line(row: Row, unit: str) -> str:
    timed = unit == CPU
    timing = row.p50_ms if row.ttft_added_ms is None else row.ttft_added_ms
    bar = "" if row.bar is None else f"{row.bar} {'**broken**' if row.breaks_bar else 'kept'}"
    return (
        f"| {row.variant} | {row.cost:.1f} | {row.ratio:.2f} | {row.lowest:.2f}, {row.highest:.2f} | {bar} "
        f"| {f'{1e6 / row.cost:,.0f}' if timed else ''} | {f'{timing:.2f} ms' if timed else ''} "
        f"| {row.failed} | {row.noise:.0%} |"
    )


def with_figures(doc: str, text: str, unit: str) -> str:
    """Return the document with the part between the markers of this unit replaced."""
    begin = BEGIN.format(unit=unit)
    before, _, rest = doc.partition(begin)
    _, _, after = rest.partition(END)
    return f"{before}{begin}\n{text}{END}{after}"
