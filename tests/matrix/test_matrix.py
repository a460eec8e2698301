"""The capability records are true: one test for each cell of provider, task and parameter.

Whoever changes a cell without changing the provider, or the provider without its cell, fails here.
"""

import msgspec
import pytest
from tests.matrix.page import PAGE, PLUGINS_PAGE, page, plugins_page
from tests.matrix.subjects import SUBJECTS, sample

from xmc.plugins import Capability, build_plugins
from xmc.runtime.conformance.cells import complaint
from xmc.runtime.conformance.parameters import VALUES
from xmc.runtime.conformance.served import observed
from xmc.schema import Task

STATUSES = ("yes", "mapped", "dropped", "refused")
CELLS = [
    pytest.param(name, task, parameter, id=f"{name}-{task.name.lower()}-{parameter}")
    for name, subject in SUBJECTS.items()
    for task, column in subject.provider.capabilities.items()
    for parameter in column
]


def complain(provider: str, task: Task, parameter: str, told: Capability) -> str | None:
    subject = SUBJECTS[provider]
    return complaint(parameter, told, observed(subject, sample(subject, task))[parameter])


def record(provider: str, task: Task, parameter: str) -> Capability:
    return SUBJECTS[provider].provider.capabilities[task][parameter]


def test_every_provider_is_here() -> None:
    assert set(SUBJECTS) == set(build_plugins().providers) - {"palm"}  # which is only a name


@pytest.mark.parametrize("name", SUBJECTS)
def test_no_cell_is_missing_and_none_is_unknown(name: str) -> None:
    for task, column in SUBJECTS[name].provider.capabilities.items():
        assert set(column) == set(VALUES[task]), task
        assert {one.status for one in column.values()} <= set(STATUSES)


@pytest.mark.parametrize(("provider", "task", "parameter"), CELLS)
def test_the_cell_is_true(provider: str, task: Task, parameter: str) -> None:
    assert complain(provider, task, parameter, record(provider, task, parameter)) is None


@pytest.mark.parametrize(("provider", "task", "parameter"), CELLS)
def test_a_changed_cell_is_found_out(provider: str, task: Task, parameter: str) -> None:
    told = record(provider, task, parameter)
    flipped = [
        msgspec.structs.replace(told, status=status, field=field)
        for status in (*STATUSES, "unknown")
        for field in ("", told.field or "answer", "nowhere")
        if (status, field) != (told.status, told.field)
    ]
    assert flipped
    assert all(complain(provider, task, parameter, other) for other in flipped)


def test_the_page_follows_the_records() -> None:
    assert PAGE.read_text() == page(), "run `make docs`"


def test_the_page_on_plugins_follows_the_kit() -> None:
    assert PLUGINS_PAGE.read_text() == plugins_page(), "run `make docs`"
