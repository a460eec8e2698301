"""What a served entity of Cohere's is linked to."""

from typing import Any

import pytest

from xmc.plugins import EntitySpec, Link, Slot
from xmc.plugins.cohere import COHERE
from xmc.schema import Severity, Task

KEY = {"cohere_api_key": Slot("s/k")}


def link(task: Task = Task.CHAT, model: str = "command-a-03-2025", **config: Any) -> Link:
    return COHERE.link(EntitySpec("e", "n", model, task, {**KEY, **config}))


@pytest.mark.parametrize(
    ("task", "path"), [(Task.CHAT, "v2/chat"), (Task.COMPLETIONS, "v2/chat"), (Task.EMBEDDINGS, "v2/embed")]
)
@pytest.mark.parametrize("base", ["https://host", "https://host/", "https://host/v1", "https://host/v2/"])
def test_38_versions_in_the_base_mean_nothing(task: Task, path: str, base: str) -> None:
    model = "embed-v4.0" if task is Task.EMBEDDINGS else "command-a-03-2025"
    target = link(task, model, cohere_api_base=base).target
    assert target is not None
    assert target.url == f"https://host/{path}"


@pytest.mark.parametrize(
    "base",
    ["https://api.cohere.ai/v1/generate", "https://api.cohere.ai/v1/chat", "https://h/compatibility/v1", "no url"],
)
def test_bases_that_lead_to_what_is_gone(base: str) -> None:
    found = link(cohere_api_base=base)
    assert found.target is None
    assert [(one.code, one.path[-1]) for one in found.findings] == [("XMC402", "cohere_api_base")]
    if "api.cohere.ai" in base:
        assert "https://api.cohere.ai;" in str(found.findings[0].hint)


@pytest.mark.parametrize(("task", "model"), [(Task.CHAT, "embed-v4.0"), (Task.EMBEDDINGS, "command-a-03-2025")])
def test_a_model_of_another_task_is_an_error(task: Task, model: str) -> None:
    found = link(task, model)
    assert found.target is None
    assert [(one.code, one.path) for one in found.findings] == [("XMC404", ("task",))]


def test_what_has_no_effect_or_is_at_its_end_is_a_warning() -> None:
    found = link(model="command", cohere_input_type="clustering")
    assert found.target is not None
    assert [(one.code, one.severity) for one in found.findings] == [
        ("XMC420", Severity.WARNING), ("XMC206", Severity.WARNING),
    ]  # fmt: skip
