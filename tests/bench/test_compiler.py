import pytest
from tests.bench.compiler import BASELINE, HALF, SMALL, WHOLE, Cost, Round, bars, cost_of, markdown, spec
from tests.compiler.specs import compile_text

from xmc.plugins import build_plugins

KEPT: Round = {0: Cost(0.1, 20_000), SMALL: Cost(0.16, 30_000), HALF: Cost(2.0, 300_000), WHOLE: Cost(4.6, 600_000)}


def broken(*rounds: Round) -> list[str]:
    return [bar.what for listed in bars(rounds).values() for bar in listed if bar.is_broken]


def test_figures_at_their_bars_are_kept() -> None:
    assert broken(KEPT) == []
    text = markdown([KEPT])
    assert f"| `{BASELINE}` | 0.100 |  | 20 |  |  |" in text
    assert "| 100 endpoints | 0.160 | 1.60 | 30 | 300.0 | times the import 1.60 ≤ 1.6 kept |" in text
    assert "times 5,000 2.30 ≤ 2.3 kept; kB per endpoint 60.00 ≤ 60 kept |" in text


@pytest.mark.parametrize(
    ("size", "cost", "what"),
    [
        (SMALL, Cost(0.1601, 1), "times the import"),
        (WHOLE, Cost(4.61, 1), "times 5,000"),
        (WHOLE, Cost(4.0, 600_001), "kB per endpoint"),
    ],
)
def test_a_figure_above_its_bar_breaks_it(size: int, cost: Cost, what: str) -> None:
    costs = {**KEPT, size: cost}
    assert broken(costs) == [what]
    assert "**broken**" in markdown([costs])


def test_a_ratio_is_between_runs_of_one_round_and_a_figure_is_the_least_of_all() -> None:
    # The machine got twice as slow in the second round, for all.
    slow = {size: Cost(cost.cpu_s * 2, cost.peak_kb) for size, cost in KEPT.items()}
    assert broken(KEPT, slow) == []
    assert markdown([slow, KEPT]) == markdown([KEPT])


def test_the_spec_that_is_measured_has_nothing_wrong_in_it() -> None:
    compiled = compile_text(spec(3), build_plugins())
    assert compiled.diagnostics == ()
    assert compiled.table is not None
    assert [len(endpoint.entities) for endpoint in compiled.table.endpoints] == [2, 2, 2]


@pytest.mark.process
def test_a_process_costs_time_and_memory_and_must_succeed() -> None:
    cost = cost_of(["-c", "sum(range(10**6))"])
    assert 0 < cost.cpu_s < 60
    assert 1_000 < cost.peak_kb < 1_000_000
    with pytest.raises(RuntimeError, match="ended with 3"):
        cost_of(["-c", "raise SystemExit(3)"])
