"""The capability records are true: one test for each cell of provider, task and parameter.

Whoever changes a cell without changing the provider, or the provider without its cell, fails here.
"""

from dataclasses import replace

import pytest
from tests.matrix.cell import complaint
from tests.matrix.observe import observed
from tests.matrix.page import PAGE, page
from tests.matrix.rows import ROWS
from tests.matrix.values import VALUES
from tests.providers import CASES

from xmc.plugins import Capability
from xmc.schema import Task

STATUSES = ("yes", "mapped", "dropped", "refused")
CELLS = [
    pytest.param(name, task, parameter, id=f"{name}-{task.name.lower()}-{parameter}")
    for name, row in ROWS.items()
    for task, column in row.case.provider.capabilities.items()
    for parameter in column
]


def complain(provider: str, task: Task, parameter: str, told: Capability) -> str | None:
    seen = observed(provider, task)[parameter]
    return complaint(parameter, told, seen.without, seen.given, came_to=seen.verdict)


def record(provider: str, task: Task, parameter: str) -> Capability:
    return ROWS[provider].case.provider.capabilities[task][parameter]


def test_every_provider_has_a_row() -> None:
    assert {row.case.provider.name for row in ROWS.values()} == {case.provider.name for case in CASES.values()}


@pytest.mark.parametrize("name", ROWS)
def test_no_cell_is_missing_and_none_is_unknown(name: str) -> None:
    for task, column in ROWS[name].case.provider.capabilities.items():
        assert set(column) == set(VALUES[task]), task
        assert {one.status for one in column.values()} <= set(STATUSES)


@pytest.mark.parametrize(("provider", "task", "parameter"), CELLS)
def test_the_cell_is_true(provider: str, task: Task, parameter: str) -> None:
    assert complain(provider, task, parameter, record(provider, task, parameter)) is None


@pytest.mark.parametrize(("provider", "task", "parameter"), CELLS)
def test_a_changed_cell_is_found_out(provider: str, task: Task, parameter: str) -> None:
    told = record(provider, task, parameter)
    flipped = [
        replace(told, status=status, field=field)
        for status in (*STATUSES, "unknown")
        for field in ("", told.field or "answer", "nowhere")
        if (status, field) != (told.status, told.field)
    ]
    assert flipped
    assert all(complain(provider, task, parameter, other) for other in flipped)


def test_the_page_follows_the_records() -> None:
    assert PAGE.read_text() == page(), "run `make docs`"
