"""Typing mistakes in good specs: found, on their line, with the way back, once."""

import pytest
from tests.compiler.scores import PER_KIND, SEED, SUGGESTED, Score, score, total
from tests.compiler.typos import KINDS, Edit, edits, good_specs

from xmc.plugins import Plugins, build_plugins


@pytest.fixture(scope="module")
def made() -> list[Edit]:
    return edits(SEED, PER_KIND)


@pytest.fixture(scope="module")
def scores(made: list[Edit]) -> dict[str, Score]:
    return score(made, build_plugins())


def test_there_are_enough_of_every_kind_and_of_every_spec(made: list[Edit], scores: dict[str, Score]) -> None:
    assert list(scores) == list(KINDS)
    assert total(scores).told >= 1000
    # The empty spec is one token, which by chance may not be among those that were chosen.
    assert set(good_specs()) - {edit.spec for edit in made} <= {"good_empty_list"}


def test_they_are_the_same_for_the_same_seed(made: list[Edit]) -> None:
    assert edits(SEED, PER_KIND) == made
    assert edits(SEED + 1, PER_KIND) != made


def test_none_that_changes_the_meaning_is_accepted_in_silence(scores: dict[str, Score]) -> None:
    assert [(edit.kind, edit.spec, edit.lines, edit.original) for edit in total(scores).silent] == []


def test_the_edited_line_is_named(scores: dict[str, Score]) -> None:
    every = total(scores)
    assert every.on_the_line >= 0.99 * every.told


def test_the_original_is_suggested(scores: dict[str, Score]) -> None:
    listed = total(scores, SUGGESTED)
    assert listed.suggested >= 0.98 * listed.told


def test_one_mistake_is_one_diagnostic(scores: dict[str, Score]) -> None:
    every = total(scores)
    assert every.one_diagnostic >= 0.98 * every.told


def test_the_measure_can_fail(plugins: Plugins) -> None:
    name, text = next((name, text) for name, text in good_specs().items() if "gpt-4o" in text)
    harmless = Edit("key", name, text + "\n", (1,), "endpoints")
    unseen = Edit("key", name, text.replace("gpt-4o", "gpt-4oo"), (1,), "gpt-4o")
    elsewhere = Edit("key", name, text.replace("provider:", "provdier:", 1), (99,), "task")
    found = score([harmless, unseen, elsewhere], plugins)["key"]
    assert found == Score(3, 1, 0, 0, 1, (unseen,))
