from tests.bench.meter import InstructionMeter
from tests.bench.report import BEGIN, CPU, END, markdown, rows, with_figures
from tests.bench.scenario import SCENARIOS, Sample
from tests.bench.soak import Reading, growth


def sample(variant: str, cost: float, scenario: str = "chat", failed: int = 0, ttft_p50_us: float = 0) -> Sample:
    return Sample(
        scenario=scenario,
        variant=variant,
        cost=cost,
        units=1000,
        failed=failed,
        noise=0,
        per_s=1,
        p50_us=500,
        p99_us=900,
        ttft_p50_us=ttft_p50_us,
    )


def test_ratio_is_the_median_of_each_rounds_own_ratio() -> None:
    # The machine got twice as slow in the second round, for both: the ratios do not mind.
    rounds = [[sample("bare", 100), sample("xmc openai", 150)], [sample("bare", 200), sample("xmc openai", 300)]]
    bare, gateway = rows(rounds, CPU)
    assert (bare.ratio, gateway.ratio, gateway.lowest, gateway.highest) == (1.0, 1.5, 1.5, 1.5)
    assert not gateway.breaks_bar


def test_a_ratio_above_the_bar_breaks_it() -> None:
    _, gateway = rows([[sample("bare", 100), sample("xmc openai", 161)]], CPU)
    assert gateway.breaks_bar
    assert "**broken**" in markdown([gateway], "", CPU)


def test_a_bar_may_stand_beside_another_variant() -> None:
    costs = {"bare": 100.0, "xmc anthropic": 150.0, "xmc amazon-bedrock": 299.0}
    found = rows([[sample(name, cost) for name, cost in costs.items()]], CPU)
    assert (found[-1].ratio, found[-1].breaks_bar) == (2.99, False)
    costs["xmc amazon-bedrock"] = 301.0
    found = rows([[sample(name, cost) for name, cost in costs.items()]], CPU)
    assert found[-1].breaks_bar
    assert "≤ 2.0 of xmc anthropic **broken**" in markdown(found, "", CPU)


def test_the_bars_are_for_time_not_for_instructions() -> None:
    _, gateway = rows([[sample("bare", 100), sample("xmc openai", 161)]], InstructionMeter.unit)
    assert not gateway.breaks_bar


def test_missing_answers_break_the_bar_however_cheap_they_were() -> None:
    _, gateway = rows([[sample("bare", 100), sample("xmc openai", 10, failed=1)]], CPU)
    assert gateway.breaks_bar


def test_added_ttft_is_beside_the_upstream_itself() -> None:
    direct, bare = sample("direct", 0, "stream", ttft_p50_us=20_000), sample("bare", 90, "stream", ttft_p50_us=21_500)
    (row,) = rows([[direct, bare]], CPU)
    assert row.ttft_added_ms == 1.5


def test_only_the_part_between_its_own_markers_is_replaced() -> None:
    other = f"{BEGIN.format(unit='k instructions')}\nkept\n{END}\n"
    doc = f"before\n{BEGIN.format(unit='µs')}\nold\n{END}\nafter\n{other}"
    assert with_figures(doc, "new\n", "µs") == doc.replace("old", "new")


def test_every_scenario_asks_for_what_the_mock_understands() -> None:
    assert {scenario.unit for scenario in SCENARIOS} == {"request", "chunk"}
    assert all(scenario.streams == (scenario.unit == "chunk") for scenario in SCENARIOS)


def test_growth_is_seen_and_noise_is_not() -> None:
    steady = [Reading(1000, 50_000_000 + wobble, 20, 5) for wobble in (0, 90_000, 10_000, 40_000, 80_000, 20_000)]
    leaking = [Reading(1000, 50_000_000 + 500_000 * number, 20 + number, 5) for number in range(6)]
    assert growth(steady)["bytes per request"] <= 0
    assert growth(leaking)["bytes per request"] > 100
    assert growth(leaking)["files"] > 0
