"""`docs/plan.md` says what the commands say."""

from tests.plan_page import FILE, PAGE, RUN, fill

from xmc.compiler.plan_words import Risk

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_output_is_what_the_commands_print() -> None:
    assert len(FILE.findall(TEXT)) == 2
    assert len(RUN.findall(TEXT)) == 3
    assert fill(TEXT) == TEXT, "run `make docs`"


def test_every_risk_is_documented() -> None:
    for risk in Risk:
        assert f"| `{risk}` | " in TEXT
