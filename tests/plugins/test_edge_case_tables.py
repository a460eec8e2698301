"""Every numbered edge case is proven by a test that exists, and every numbered test is in a table."""

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from tests.plugins.edge_cases import FAMILY, MESSAGES, Row

ROOT = Path(__file__).resolve().parents[2]
MESSAGES_FOLDERS = {"amazon_bedrock", "anthropic", "aws", "google", "google_cloud_vertex_ai"}


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize(
    ("number", "row"),
    [
        pytest.param(number, row, id=f"{table}-{number}")
        for table, rows in (("family", FAMILY), ("messages", MESSAGES))
        for number, row in rows.items()
    ],
)
def test_a_case_is_shown_by_tests_that_exist(number: int, row: Row) -> None:
    assert row.met
    assert row.comes_to
    assert row.shown, number
    for shown in row.shown:
        path, _, name = shown.partition("::")
        assert name in functions(path), shown


@pytest.mark.parametrize(("table", "last"), [(FAMILY, 42), (MESSAGES, 44)])
def test_no_number_is_left_out(table: Mapping[int, Row], last: int) -> None:
    assert list(table) == list(range(1, last + 1))


def test_numbered_tests_are_of_cases_that_there_are() -> None:
    for path in (ROOT / "tests" / "plugins").rglob("test_*.py"):
        table = MESSAGES if path.parent.name in MESSAGES_FOLDERS else FAMILY
        for name in functions(str(path.relative_to(ROOT))):
            numbers = re.match(r"test_((?:\d{1,2}_)+)", name)
            for number in numbers[1].strip("_").split("_")[:1] if numbers else ():
                assert int(number) in table, f"{path.name}::{name}"
