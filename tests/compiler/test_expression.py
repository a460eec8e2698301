"""The sandbox: any text gives a value or an `ExpressionError`, of bounded size, and nothing of Python."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmc.compiler.expression import LONGEST_TEXT, ExpressionError, names, parts, work_out
from xmc.compiler.sandbox import LONGEST_RESULT, as_text

VALUES: dict[str, Any] = {
    "region": "eu-west-1",
    "share": 60,
    "ratio": 0.5,
    "on": True,
    "listed": ["a", "b"],
    "hosts": {"main": "h1", "items": "i", "nested": {"deep": 1}},
    "long": "a" * 60_000,
}
ATOMS = st.sampled_from(
    [*VALUES, "absent", "hosts.main", "hosts['items']", "listed[0]", "'x'", "1", "2.5", "true", "none", "self", "range"]
)
OPERATORS = st.sampled_from(
    ["+", "-", "*", "**", "//", "/", "%", "~", "and", "or", "==", "<", "in", "is", "not", "|", "."]
)
WORDS = st.sampled_from([
    *("lower", "upper", "replace('a', 'bb')", "join(',')", "default('d')", "int", "length", "first", "attr('x')"),
    *("defined", "format", "__class__", "[1:2]", "(1)", "if on else", "{", "}", "{{", "{%", "#", "'", "\\", "(", ")"),
    *("1e400", "9" * 30, "0x" + "f" * 20, r"'\ud800'", r"'\d'", r"'\x4'", "[listed[7]]", "-}}", "[", "]"),
    *("\r", "\x00", "\u2028", "é"),
])  # fmt: skip


def outcome(scalar: str) -> tuple[list[Any], ExpressionError | None]:
    try:
        return [work_out(one, VALUES, tuple(VALUES)) for one in parts(scalar) if one.is_expression], None
    except ExpressionError as error:
        return [], error


def value(text: str) -> Any:
    (part,) = parts(f"{{{{ {text} }}}}")
    return work_out(part, VALUES, tuple(VALUES))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("region", "eu-west-1"),
        ("100 - share", 40),
        ("share // 7 % 5 * -2", -6),
        ("region ~ '-' ~ share ~ on", "eu-west-1-60true"),
        ("hosts.main ~ hosts['nested'].deep", "h11"),
        ("hosts.items", "i"),
        ("listed[-1]", "b"),
        ("listed | join('+')", "a+b"),
        ("region | replace('-', '_') | upper | trim", "EU_WEST_1"),
        ("hosts.absent | default('d')", "d"),
        ("hosts.absent if hosts.absent is defined else 'd'", "d"),
        ("region is defined and hosts.absent is undefined", True),
        ("hosts.absent is defined", False),
        ("'x' if share > 50 and not on else 'y'", "y"),
        ("region in ['eu-west-1', 'eu']", True),
        ("'7' | int + 1", 8),
        ("hosts", VALUES["hosts"]),
        ("listed | length", 2),
        ("[share, region]", [60, "eu-west-1"]),
    ],
)
def test_what_can_be_used(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("absent", "there is no variable 'absent'"),
        ("hosts.absent", "'hosts' has no part 'absent'"),
        ("hosts['absent']", "'hosts' has no part 'absent'"),
        ("region.absent", "'region' has no part 'absent'"),
        ("region.upper()", "a call cannot be used"),
        ("range(9)", "a call cannot be used"),
        ("hosts.__class__", "has no part '__class__'"),
        ("hosts['__class__']", "has no part '__class__'"),
        ("''.__class__", "a part that does not exist"),
        ("absent | default('d')", "there is no variable 'absent'"),
        ("hosts.absent.deeper | default('d')", "a part that does not exist"),
        ("hosts.absent | default(hosts.absent)", "'hosts' has no part 'absent'"),
        ("'x' if on", "`if` needs an `else`"),
        ("[listed[7]]", "'listed' has no part 7"),
        ("[[listed[-9]]]", "a part that does not exist"),
        ("hosts[region]", "a part that does not exist"),
        ("listed ~ 'x'", "a list cannot stand in the middle of a text"),
        ("1e400", "the number is too large"),
        ("9007199254740993", "the number is too large"),
        ("1e300 | int", "the number is too large"),
        ("'9007199254740993' | int", "the number is too large"),
        (r"'\ud800'", "half a character"),
        (r"'\d'", "is no escape"),
        ("-'a'", "`-` takes numbers"),
        ("-on", "`-` takes numbers"),
        ("7 // 0", "a division by zero"),
        ("1 < 'a'", "do not go together"),
        ("hosts | first", "`first` and `last` take"),
        ("listed | join(',', 1, 2)", "do not go together"),
        ("region | default(default_value='x')", "takes plain arguments only"),
        ("region | join(*listed)", "takes plain arguments only"),
        ("(1, 2)", "a tuple cannot be used"),
        ("not " * 40 + "on", "nested too deeply"),
        ("-" * 40 + "share", "nested too deeply"),
        ("(" * 40 + "on" + ")" * 40, "nested too deeply"),
        ("[" * 40 + "on" + "]" * 40, "nested too deeply"),
        ("hosts" + ".a" * 40, "nested too deeply"),
        ("cycler", "there is no variable 'cycler'"),
        ("2 ** 9999", "a power cannot be used"),
        ("'a' * 9", "`*` takes numbers"),
        ("'a' + 'b'", "`+` takes numbers"),
        ("1 / 2", "a division that leaves fractions cannot be used"),
        ("9007199254740992 * 2", "the number is too large"),
        ("'abc' | int", "`int` takes a whole number"),
        ("ratio | int", "`int` takes a whole number"),
        ("region | map('upper')", "there is no filter 'map'"),
        ("share is odd", "there is no test 'odd'"),
        ("long ~ long", "a text has at most"),
        ("long | replace('a', 'aa')", "a text has at most"),
        ("listed[7]", "'listed' has no part 7"),
        ("share | upper", "this filter takes a text"),
        ("{'a': 1}", "a mapping cannot be used"),
        ("region[0:2]", "a slice cannot be used"),
        ("share <", "something is missing at the end"),
        ("a b", "`b` does not fit here"),
    ],
)
def test_what_cannot(text: str, complaint: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(complaint)):
        value(text)


@given(st.lists(ATOMS | OPERATORS | WORDS, max_size=12).map(" ".join) | st.text(max_size=80))
def test_any_text_gives_a_value_or_an_error_with_its_place(text: str) -> None:
    scalar = f"before {{{{ {text} }}}} after"
    results, error = outcome(scalar)
    if error is not None:
        assert 0 <= error.start <= error.end <= len(scalar)
        assert str(error)
    for result in results:
        assert isinstance(result, str | int | float | list | dict | tuple | bool | None)
        assert len(str(result)) <= 4 * LONGEST_RESULT


@given(st.lists(ATOMS | OPERATORS | WORDS, max_size=12).map(" ".join))
def test_no_error_shows_a_value(text: str) -> None:
    values = {"region": "c4n4ry", "listed": ["c4n4ry"], "hosts": {"main": "c4n4ry"}, "share": 60}
    error = None
    try:
        for part in parts(f"{{{{ {text} }}}}"):
            work_out(part, values, VALUES)
    except ExpressionError as caught:
        error = caught
    if error is not None:
        assert "c4n4ry" not in f"{error.message} {error.bare} {error.hint} {error.name}"


@given(st.text(alphabet=" {}ab%#'\"-+\r\n", max_size=60))
def test_the_pieces_are_the_text(text: str) -> None:
    try:
        found = parts(text)
    except ExpressionError:
        return
    assert "".join(f"{{{{{one.text}}}}}" if one.is_expression else one.text for one in found) == text
    for one in found:
        assert text[one.start : one.start + len(one.text)] == one.text


def test_too_long_a_text_is_not_read() -> None:
    with pytest.raises(ExpressionError, match=f"at most {LONGEST_TEXT}"):
        parts("x" * LONGEST_TEXT + "{{ a }}")
    with pytest.raises(ExpressionError, match="too long"):
        value("1" + " + 1" * 500)


@pytest.mark.parametrize("text", ["{% for x in y %}{% endfor %}", "{# comment #}", "{{ a }}{% set b = 1 %}", "{{ a"])
def test_statements_comments_and_open_ends_are_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parts(text)


def test_names_are_those_of_variables() -> None:
    (part,) = parts("{{ a.b ~ c['d'] ~ (e | default(f)) ~ 'g' }}")
    assert names(part) == ("a", "c", "e", "f")


@pytest.mark.parametrize(
    ("scalar", "seen", "times"),
    [
        ("x {{ a.b ~ b }}", "a", 1),
        ("{{ hosts.b }}", "b", 1),
        ("{{ hosts . b }}", "b", 1),
        ("{{ region ~ hosts['b'] }}", "b", 1),
        ("{{ hosts.main ~ hosts.nested['hosts'] }}", "hosts", 3),
        ("{{ hosts.main ~ hosts.nested.main }}", "main", 2),
        ("{{ listed[0] ~ listed[7] }}", "7", 1),
        ("{{ region }} {{ region ~ regoin }}", "regoin", 1),
        ("räks 😀 {{ 'é' ~ nope }}", "nope", 1),
        ("{{ region\n ~\n nope }}", "nope", 1),
        ("{{ region || upper }}", "|", 2),
        ("{{ region | upcase }}", "upcase", 1),
        ("{{ region ~ range(3) }}", "(", 1),
        ("{{ region ! }}", "!", 1),
        ("{{ 'never closed }}", "'", 1),
        ("{{ region ~ (share }}", "}", 1),
        ("{{ 1 + 99999999999999999999 }}", "99999999999999999999", 1),
        (r"{{ 'a' ~ 'b\d' }}", r"\d", 1),
        ("{{ region", "{{", 1),
        ("{{ region {% x %} }}", "{", 3),
        ("a {# b #} {{ region }}", "{# b #}", 1),
        ("{{ region -}} x", "-", 1),
        ("{{-region }} x", "-", 1),
    ],
)
def test_a_complaint_points_at_what_is_wrong(scalar: str, seen: str, times: int) -> None:
    error = outcome(scalar)[1]
    assert error is not None
    assert scalar[error.start : error.end] == seen
    assert scalar[: error.end].count(seen) == times


def test_text_is_written_as_in_yaml() -> None:
    assert [as_text(one) for one in (True, False, 1, 1.5, "a")] == ["true", "false", "1", "1.5", "a"]
    others: tuple[Any, ...] = (None, [], {})
    for other in others:
        with pytest.raises(ValueError, match="cannot stand in the middle"):
            as_text(other)
