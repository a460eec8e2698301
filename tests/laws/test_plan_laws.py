"""Laws of a plan, over arbitrary tables; and of the shares that move, against counting with the runtime's own pick."""

import random
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.inspect import type_info
from tests.records import values
from tests.tables import make_table, make_target

from xmc.compiler import Plan, plan_between, render_plan_human, render_plan_json, render_plan_markdown
from xmc.compiler.meaning import encoded, meaning
from xmc.compiler.movement import Flows, flows, shares
from xmc.compiler.plan import inverse
from xmc.runtime.pick import Picker
from xmc.schema import Endpoint, Entity, Serving, Table, Task, decode_table, encode_table

TABLES: st.SearchStrategy[Table] = values(type_info(Table))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Table, Table]:
    """Two tables: strangers to each other, or the same but for some parts, or but for how traffic is shared."""
    one, other = draw(TABLES), draw(TABLES)
    kept = draw(st.sets(st.sampled_from(Table.__struct_fields__)))
    changes: dict[str, Any] = {name: getattr(one, name) for name in kept}
    if draw(st.booleans()):
        changes["endpoints"] = tuple(draw(shared_anew(endpoint)) for endpoint in draw(st.permutations(one.endpoints)))
    return one, msgspec.structs.replace(other, **changes)


@st.composite
def shared_anew(draw: st.DrawFn, endpoint: Endpoint) -> Endpoint:
    entities = tuple(
        msgspec.structs.replace(entity, weight=draw(st.integers(0, 100)))
        for entity in endpoint.entities
        if draw(st.integers(0, 4))
    )
    serving = draw(st.sampled_from([endpoint.serving, Serving(salt="x")]))
    return msgspec.structs.replace(endpoint, entities=entities, serving=serving)


@given(TABLES)
def test_of_the_same_table_the_plan_is_empty(table: Table) -> None:
    assert plan_between(table, table) == Plan()
    assert not plan_between(table, table)


@given(pairs())
def test_the_plan_back_is_the_inverse(pair: tuple[Table, Table]) -> None:
    old, new = pair
    assert inverse(plan_between(old, new)) == plan_between(new, old)
    assert inverse(inverse(plan_between(old, new))) == plan_between(old, new)


@given(pairs())
def test_a_plan_is_empty_exactly_where_both_mean_the_same(pair: tuple[Table, Table]) -> None:
    old, new = pair
    found = plan_between(old, new)
    assert bool(found) == (encoded(meaning(old)) != encoded(meaning(new)))
    assert found or not found.traffic


@given(TABLES, st.randoms(use_true_random=False))
def test_the_order_of_names_means_nothing(table: Table, order: random.Random) -> None:
    def shuffled(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(order.sample(items, len(items)))

    endpoints = tuple(
        msgspec.structs.replace(endpoint, entities=shuffled(endpoint.entities)) for endpoint in table.endpoints
    )
    other = msgspec.structs.replace(table, endpoints=shuffled(endpoints), principals=shuffled(table.principals))
    assert plan_between(table, other) == Plan()


@given(pairs())
def test_any_plan_can_be_told(pair: tuple[Table, Table]) -> None:
    found = plan_between(*pair)
    for text in (render_plan_human(found), render_plan_markdown(found)):
        assert all(line.isprintable() for line in text.split("\n"))
        assert text.endswith("\n")
    document = msgspec.json.decode(render_plan_json(found))
    assert len(document["changes"]) == sum(document["counts"].values()) == len(found.changes)


@given(TABLES)
def test_a_table_and_its_file_mean_the_same(table: Table) -> None:
    table = msgspec.structs.replace(table, format=1)
    assert plan_between(table, decode_table(encode_table(table))) == Plan()


# --- shares that move: what must hold exactly ----------------------------------------------------------------------

WEIGHTS = st.dictionaries(st.sampled_from("abcde"), st.integers(0, 100), max_size=5)


def moved_from(found: Flows, name: str) -> Fraction:
    return sum((share for (source, _), share in found.items() if source == name), Fraction(0))


def moved_to(found: Flows, name: str) -> Fraction:
    return sum((share for (_, target), share in found.items() if target == name), Fraction(0))


@given(WEIGHTS, WEIGHTS, st.booleans())
def test_what_leaves_and_what_comes_is_the_difference_of_shares(
    old: dict[str, int], new: dict[str, int], reshuffled: bool
) -> None:
    before, after = shares(old), shares(new)
    assert sum(before.values()) == sum(after.values()) == 1
    found = flows(old, new, reshuffled=reshuffled)
    for name in before.keys() | after.keys():
        difference = after.get(name, Fraction(0)) - before.get(name, Fraction(0))
        assert moved_to(found, name) - moved_from(found, name) == difference
        assert moved_from(found, name) <= before.get(name, Fraction(0))
    assert all(0 < share <= 1 for share in found.values())


@given(WEIGHTS, WEIGHTS)
def test_what_stays_is_what_wins_both_races(old: dict[str, int], new: dict[str, int]) -> None:
    # Derived apart from the flows: `i` wins both if x_k > x_i max(w_k / w_i, v_k / v_i) of all others.
    found = flows(old, new)
    for name in {one for one, weight in old.items() if weight} & {one for one, weight in new.items() if weight}:
        rates = (
            max(Fraction(old.get(other, 0), old[name]), Fraction(new.get(other, 0), new[name]))
            for other in old.keys() | new.keys()
        )
        assert shares(old)[name] - moved_from(found, name) == 1 / sum(rates, Fraction(0))


@given(WEIGHTS, WEIGHTS)
def test_the_way_back_moves_the_same(old: dict[str, int], new: dict[str, int]) -> None:
    assert flows(new, old) == {(target, source): share for (source, target), share in flows(old, new).items()}


@given(WEIGHTS, st.integers(1, 9))
def test_the_same_shares_by_other_numbers_move_nothing(weights: dict[str, int], factor: int) -> None:
    assert flows(weights, {name: weight * factor for name, weight in weights.items()}) == {}


@given(WEIGHTS.filter(lambda weights: any(weights.values())), st.sampled_from("abcde"), st.integers(1, 100))
def test_raising_one_weight_moves_only_to_it(weights: dict[str, int], name: str, more: int) -> None:
    found = flows(weights, {**weights, name: weights.get(name, 0) + more})
    assert {target for _, target in found} <= {name}


# --- shares that move: against counting ----------------------------------------------------------------------------

SIGMAS = 6
"""By Bernstein's inequality a count of n picks is more than `SIGMAS` standard deviations and `SIGMAS² / 3` away from
what is expected with a probability below 4e-8, however small the share."""


def table(weights: Mapping[str, int], serving: Serving | None = None) -> Table:
    target = make_target("m", Task.CHAT)
    entities = tuple(Entity(name=name, weight=weight, target=target) for name, weight in weights.items())
    endpoint = Endpoint(name="chat", task=Task.CHAT, entities=entities, serving=serving or Serving())
    return make_table(endpoint)


def assert_counted(old: Table, new: Table, keys: list[tuple[str, str]]) -> None:
    """Pick by both tables for every pair of keys, and compare all shares and all flows with the plan."""
    pickers = []
    for (one,) in (old.endpoints, new.endpoints):
        weights = [(entity.name, entity.weight) for entity in one.entities]
        pickers.append(Picker(one.name, one.serving.salt, weights))
    first, second = pickers
    counted = Counter((first.pick(before), second.pick(after)) for before, after in keys)
    found = plan_between(old, new)
    expected: dict[tuple[str | None, str | None], float] = {}
    for traffic in found.traffic:
        expected = {(flow.source, flow.target): float(flow.share) for flow in traffic.flows}
        for name in traffic.old.keys() | traffic.new.keys():
            here = [
                (traffic.old.get(name, Fraction(0)), sum(n for (source, _), n in counted.items() if source == name)),
                (traffic.new.get(name, Fraction(0)), sum(n for (_, target), n in counted.items() if target == name)),
            ]
            for share, count in here:
                assert_near(float(share), count, len(keys))
    moved = {pair for pair in counted if pair[0] != pair[1]}
    for pair in moved | expected.keys():
        assert_near(expected.get(pair, 0.0), counted[pair], len(keys))


def assert_near(share: float, count: int, keys: int) -> None:
    if share in (0.0, 1.0):
        assert count == share * keys
    assert abs(count - share * keys) <= SIGMAS * (keys * share * (1 - share)) ** 0.5 + SIGMAS**2 / 3


def same(count: int, start: int = 0) -> list[tuple[str, str]]:
    return [(f"{number:032x}", f"{number:032x}") for number in range(start, start + count)]


SOME = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 100), min_size=2, max_size=3)


@settings(max_examples=2)
@given(SOME, SOME, st.integers(0, 2**60))
def test_shares_and_flows_are_those_of_a_hundred_thousand_picks(
    old: dict[str, int], new: dict[str, int], start: int
) -> None:
    assert_counted(table(old), table(new), same(100_000, start))


@settings(max_examples=20)
@given(WEIGHTS.filter(lambda one: any(one.values())), WEIGHTS.filter(lambda one: any(one.values())))
def test_shares_and_flows_are_those_of_three_thousand_picks(old: dict[str, int], new: dict[str, int]) -> None:
    assert_counted(table(old), table(new), same(3000))


EVEN = {"a": 50, "b": 50}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"a": 100, "b": 0}, {"a": 0, "b": 100}),
        ({"a": 100, "b": 0}, {"a": 99, "b": 1}),
        ({"a": 60, "b": 40}, {"a": 60, "renamed": 40}),
        ({"a": 100}, {"renamed": 100}),
        ({"a": 34, "b": 33, "c": 33}, {"a": 34, "b": 0, "c": 66}),
        (EVEN, EVEN),
    ],
)
def test_edges_are_as_counted(old: dict[str, int], new: dict[str, int]) -> None:
    assert_counted(table(old), table(new), same(20_000))


def test_another_salt_reshuffles_as_counted() -> None:
    salted = table({"a": 90, "b": 10}, Serving(salt="other"))
    assert_counted(table({"a": 90, "b": 10}), salted, same(20_000))
    (traffic,) = plan_between(table({"a": 90, "b": 10}), salted).traffic
    assert traffic.moved == Fraction(18, 100)


def test_another_sticky_key_reshuffles_as_counted() -> None:
    # Before by request id, after by what a caller sends: two keys of the same request.
    old, new = table(EVEN), table({"a": 20, "b": 80}, Serving(sticky="header:x-user"))
    assert_counted(old, new, [(f"request-{number}", f"caller-{number}") for number in range(20_000)])
    (traffic,) = plan_between(old, new).traffic
    assert traffic.sticky is None


def test_the_same_sticky_key_moves_callers_as_counted() -> None:
    sticky = Serving(sticky="principal")
    old, new = table(EVEN, sticky), table({"a": 20, "b": 80}, sticky)
    assert_counted(old, new, same(20_000))
    (traffic,) = plan_between(old, new).traffic
    assert (traffic.sticky, traffic.moved) == ("principal", Fraction(3, 10))


def test_no_traffic_before_is_nobody_before() -> None:
    (traffic,) = plan_between(table({"a": 0}), table({"a": 100})).traffic
    assert [(flow.source, flow.target, flow.share) for flow in traffic.flows] == [("", "a", Fraction(1))]
