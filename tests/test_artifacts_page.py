"""`docs/artifacts.md` shows what the commands print."""

import pytest
from tests.artifacts_page import PAGE, fill
from tests.console_page import BLOCK, steady

TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.process
def test_the_page_shows_what_the_commands_print() -> None:
    assert len(BLOCK.findall(TEXT)) >= 4
    assert steady(fill(TEXT)) == steady(TEXT), "run `make docs`"


def test_what_is_compared_are_words_and_not_numbers_alone() -> None:
    kept = steady("".join(BLOCK.findall(TEXT)))
    for words in ("a rollback", "serial 7", "exit code 1", "1 value", '"format":1', "compiled 1 endpoint"):
        assert words in kept
