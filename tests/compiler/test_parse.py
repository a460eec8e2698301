import time

import pytest

from xmc.compiler.node import Mapping, follow, key_span, plain
from xmc.compiler.parse import MAX_BYTES, Source, parse


def parse_text(text: bytes) -> tuple[object, list[tuple[str, int, int]]]:
    parsed = parse(Source("f", text))
    found = [(one.code, one.span.line, one.span.column) for one in parsed.diagnostics]
    return (None if parsed.root is None else plain(parsed.root)), found


def test_a_file_of_65_mb_is_refused_before_it_is_parsed() -> None:
    began = time.monotonic()
    assert parse_text(b"#" * (65 * 1024 * 1024)) == (None, [("XMC108", 1, 1)])
    assert time.monotonic() - began < 1


def test_the_limit_is_64_mb() -> None:
    assert MAX_BYTES == 64 * 1024 * 1024


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        (b"a: \xff\n", "XMC110", 1, 4),
        ("a: å\nb: ".encode() + b"\xe5\n", "XMC110", 2, 4),
        ("a: ä".encode("utf-16"), "XMC110", 1, 1),
        (b"a: \x00\n", "XMC110", 1, 4),
        (b"[" * 1_000_000, "XMC107", 1, 65),
        (b"\xef\xbb\xbf", "XMC109", 1, 1),
    ],
)
def test_what_is_not_text_is_one_diagnostic(text: bytes, code: str, line: int, column: int) -> None:
    assert parse_text(text) == (None, [(code, line, column)])


def test_a_bomb_of_aliases_takes_no_time() -> None:
    levels = b"".join(b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 60))
    began = time.monotonic()
    assert [code for code, *_ in parse_text(b"a0: &a0 [lol]\n" + levels)[1]] == ["XMC106"]
    assert time.monotonic() - began < 1


def test_a_byte_order_mark_moves_nothing() -> None:
    parsed = parse(Source("f", b"\xef\xbb\xbfkey: value\n"))
    assert parsed.root is not None
    assert follow(parsed.root, ("key",)).span.column == 6


def test_columns_count_characters() -> None:
    parsed = parse(Source("f", "{å😀: x, b: y}\n".encode()))
    assert parsed.root is not None
    assert key_span(parsed.root, ("b",)).column == 9


def test_values_and_keys_have_their_own_spans() -> None:
    root = parse(Source("f", b"a:\n  b: [1,\n    x]\n")).root
    assert isinstance(root, Mapping)
    assert str(key_span(root, ("a", "b"))) == "f:2:3"
    value = follow(root, ("a", "b")).span
    assert (value.line, value.column, value.end_line, value.end_column) == (2, 6, 3, 7)


@pytest.mark.parametrize(
    ("yaml", "value"),
    [
        (b"!!str 1.10", "1.10"),
        (b"'no'", "no"),
        (b"0x1F", 31),
        (b"1_000", 1000),
        (b"-1.5e+3", -1500.0),
        (b"1e5", "1e5"),
        (b"1.5e3", "1.5e3"),
        (b".5", 0.5),
        (b"010", "010"),
        (b"2023-05-15", "2023-05-15"),
        (b".nan", ".nan"),
        (b"Yes", True),
        (b"", None),
        (b"9" * 50, "9" * 50),
        (b"1.0e+999", "1.0e+999"),
    ],
)
def test_scalars(yaml: bytes, value: object) -> None:
    read = parse_text(b"[" + (yaml or b"~") + b"]")[0]
    assert read == [value]
    assert isinstance(read, list)
    assert type(read[0]) is type(value)


def test_merged_keys_give_way_to_own_ones_and_earlier_sources() -> None:
    text = b"a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {x: 3, <<: [*b, *a]}\n"
    value, found = parse_text(text)
    assert not found
    assert isinstance(value, dict)
    assert value["c"] == {"x": 3, "y": 2, "z": 2}


@pytest.mark.parametrize("text", ["a: b\nc:\u00a0d\ne: f\n", "a:\u200bb\nc: d\n"])
def test_a_space_that_is_none_is_named_where_it_breaks_the_syntax(text: str) -> None:
    (diagnostic,) = parse(Source("f", text.encode())).diagnostics
    line = 1 + text.splitlines().index(next(one for one in text.splitlines() if not one.isascii()))
    assert diagnostic.code == "XMC101"
    assert diagnostic.hint is not None
    assert diagnostic.hint.startswith(f"line {line} holds U+")
