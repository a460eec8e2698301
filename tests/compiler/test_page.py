"""`docs/compiler.md` shows what the commands print and what is counted."""

import re

import pytest
from tests.compiler.page import PAGE, figures, fill
from tests.console_page import BLOCK, steady

TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.process
def test_the_page_shows_what_the_commands_print_and_what_is_counted() -> None:
    assert len(BLOCK.findall(TEXT)) >= 6
    assert steady(fill(TEXT)) == steady(TEXT), "run `make docs`"


def test_the_first_spec_has_seven_mistakes_and_each_is_said_once() -> None:
    first = BLOCK.findall(TEXT)[0]
    assert len(re.findall(r"^endpoints\.yaml:\d+:\d+: error\[", first, re.MULTILINE)) == 7
    assert first.endswith("exit code 1\n")


def test_the_costs_on_the_page_keep_their_bars() -> None:
    costs = figures(TEXT, "cost")
    assert costs.startswith("Measured ")
    assert len(re.findall(r" ≤ [\d.]+ kept", costs)) == 3
    assert "broken" not in costs
