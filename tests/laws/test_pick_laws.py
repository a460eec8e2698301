"""Laws of the pick: what may move when weights change, and that shares are what they say."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmc.runtime.pick import Picker

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
WEIGHTS = st.dictionaries(NAMES, st.integers(0, 100), min_size=1, max_size=8)
KEYS = [f"request-{number}" for number in range(200)]


def picks(weights: dict[str, int], *, salt: str = "") -> list[str | None]:
    picker = Picker("endpoint", salt, weights.items())
    return [picker.pick(key) for key in KEYS]


@given(WEIGHTS, st.data(), st.integers(1, 100))
def test_raising_one_weight_moves_requests_only_to_it(weights: dict[str, int], data: st.DataObject, more: int) -> None:
    raised = data.draw(st.sampled_from(sorted(weights)))
    after = picks({**weights, raised: weights[raised] + more})
    for before, now in zip(picks(weights), after, strict=True):
        assert now in {before, raised}


@given(WEIGHTS, st.data())
def test_removing_an_entity_moves_only_its_own_requests(weights: dict[str, int], data: st.DataObject) -> None:
    removed = data.draw(st.sampled_from(sorted(weights)))
    after = picks({name: weight for name, weight in weights.items() if name != removed})
    for before, now in zip(picks(weights), after, strict=True):
        assert before in {now, removed}


@given(WEIGHTS)
def test_weight_zero_is_never_picked_and_order_does_not_matter(weights: dict[str, int]) -> None:
    chosen = picks(weights)
    assert all(name is None or weights[name] > 0 for name in chosen)
    assert (None in chosen) == all(weight == 0 for weight in weights.values())
    assert chosen == picks(dict(reversed(weights.items())))


@given(NAMES, st.integers(1, 100), st.text(max_size=20))
def test_a_single_entity_is_known_without_hashing(name: str, weight: int, key: str) -> None:
    picker = Picker("endpoint", "", [(name, weight), ("idle", 0)])
    assert picker.only == name
    assert picker.pick(key) == name


# Critical values of chi-square at p = 0.001 by degrees of freedom.
CRITICAL = {1: 10.83, 2: 13.82, 4: 18.47}


@pytest.mark.parametrize("weights", [(50, 50), (90, 10), (60, 30, 10), (20, 20, 20, 20, 20), (99, 1)])
@pytest.mark.parametrize("salt", ["", "a", "b"])
def test_shares_follow_the_weights(weights: tuple[int, ...], salt: str) -> None:
    count = 20_000
    picker = Picker("endpoint", salt, [(f"e{n}", weight) for n, weight in enumerate(weights)])
    seen = dict.fromkeys((f"e{n}" for n in range(len(weights))), 0)
    for number in range(count):
        name = picker.pick(f"{number:032x}")
        assert name is not None
        seen[name] += 1
    expected = {f"e{n}": count * weight / sum(weights) for n, weight in enumerate(weights)}
    chi_square = sum((seen[name] - expected[name]) ** 2 / expected[name] for name in seen)
    assert chi_square < CRITICAL[len(weights) - 1]


def test_salt_and_endpoint_reshuffle() -> None:
    weights = {"a": 50, "b": 50}
    assert picks(weights) != picks(weights, salt="other")
    other = Picker("another", "", weights.items())
    assert picks(weights) != [other.pick(key) for key in KEYS]


def test_another_process_with_another_hash_seed_picks_the_same() -> None:
    program = (
        "from xmc.runtime.pick import Picker\n"
        "picker = Picker('endpoint', '', {'a': 50, 'b': 30, 'c': 20}.items())\n"
        "print(','.join(str(picker.pick(f'request-{n}')) for n in range(200)))"
    )
    for seed in ("0", "12345"):
        ran = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        assert ran.stdout.strip().split(",") == picks({"a": 50, "b": 30, "c": 20})
