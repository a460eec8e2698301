"""The line under a diagnostic: whatever is in it, the underline stands under the place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmc.compiler.excerpt import columns, excerpt
from xmc.schema import Span


def underlined(line: str, start: int, end: int, width: int = 160) -> str:
    """Return what the underline of a line stands under, as a terminal shows it."""
    shown = excerpt(Span("f", 1, start + 1, 1, end + 1), [line.encode()], width)
    assert shown is not None
    assert columns(shown.line) <= width
    column, text = 0, ""
    for char in shown.line:
        if shown.before <= column < shown.before + shown.under:
            text += char
        column += columns(char)
    return text


@pytest.mark.parametrize(
    ("line", "token", "said"),
    [
        ("- {colour: red}", "colour", "colour"),
        ('- {description: "日本語 \U0001f600 e\u0301", colour: red}', "colour", "colour"),
        ('- {name: "日本語", a: b}', '"日本語"', '"日本語"'),
        ("- {token_plaintext: abcdefgh, colour: red}", "colour", "colour"),
        ("- {token_plaintext: abcdefgh, colour: red}", "abcdefgh", "***"),
        ('- {"token_plaintext":"ab, \\"c: d","colour":"red"}', '"colour"', '"colour"'),
        ("name:\tred", "red", "red"),
        ("- {" + "x: y, " * 400 + "colour: red}", "colour", "colour"),
        ("- {" + "x: y, " * 400 + "token_plaintext: abcdefgh, colour: red}", "red", "red"),
    ],
)
def test_the_underline_stands_under_the_place(line: str, token: str, said: str) -> None:
    start = line.index(token)
    for width in (40, 80, 160):
        assert underlined(line, start, start + len(token), width) == said


@given(st.text("aé日\U0001f600 \t,:{}'", max_size=300), st.integers(0, 300), st.integers(1, 40), st.integers(20, 160))
def test_any_line_fits_the_width_and_has_an_underline(line: str, start: int, length: int, width: int) -> None:
    shown = excerpt(Span("f", 1, start + 1, 1, start + length + 1), [line.encode()], width)
    assert shown is not None
    assert columns(shown.line) <= width
    assert shown.under >= 1


def test_what_is_too_far_to_the_right_is_not_shown() -> None:
    line = "- {token_plaintext: " + "s" * 5000 + ", colour: red}"
    assert excerpt(Span("f", 1, 5030, 1, 5036), [line.encode()]) is None
