"""docs/performance.md says what was measured: its commands exist, and its tables are whole and keep the bars."""

import re

import pytest
from tests.bench.__main__ import plan_from, read_arguments
from tests.bench.meter import InstructionMeter
from tests.bench.report import BEGIN, CPU, DOC, END
from tests.bench.scenario import BARE, SCENARIOS, Scenario
from tests.bench.subject import PROVIDERS

PAGE = DOC.read_text()
COMMAND = re.compile(r"python -m tests\.bench(?!\.)((?: [-\w]+)*)")
ROW = re.compile(r"\| (?P<variant>[\w -]+) \| (?P<cost>[\d.]+) \| (?P<ratio>[\d.]+) \|")


def figures(unit: str) -> str:
    return PAGE.partition(BEGIN.format(unit=unit))[2].partition(END)[0]


@pytest.mark.parametrize("words", sorted(set(COMMAND.findall(PAGE))))
def test_every_command_of_the_page_is_understood(words: str) -> None:
    # FILE stands for a name; an unknown option would end the program.
    assert plan_from(read_arguments(words.split())).scenarios


@pytest.mark.parametrize("unit", [CPU, InstructionMeter.unit])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_the_tables_are_whole_and_keep_the_bars(unit: str, scenario: Scenario) -> None:
    table = figures(unit).partition(f"(`{scenario.name}`)")[2].partition("\n**")[0]
    ratios = {row["variant"]: float(row["ratio"]) for row in ROW.finditer(table)}
    assert set(ratios) == {BARE, *(f"xmc {name}" for name, kinds in PROVIDERS.items() if scenario.kind in kinds)}
    if unit == CPU:
        assert all(ratios[bar.variant] <= bar.highest * ratios[bar.beside] for bar in scenario.bars)
