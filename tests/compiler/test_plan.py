"""A plan sees every field, says what people must know, and passes nothing over."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest
from msgspec.inspect import type_info
from tests.records import sample, variants
from tests.tables import make_endpoint, make_table, make_target

from xmc.compiler import Plan, plan_between, render_plan_human, render_plan_json, render_plan_markdown
from xmc.compiler.meaning import DERIVED, WITHOUT_MEANING, meaning
from xmc.compiler.plan_rows import _LISTED, _fits, words
from xmc.compiler.plan_words import Risk
from xmc.schema import (
    Auth,
    Endpoint,
    Entity,
    Principal,
    SecretSlot,
    Serving,
    Store,
    Table,
    Target,
    Task,
    Timeouts,
    TokenHash,
)

INFO = type_info(Table)
SAMPLE: Table = sample(INFO)
VARIANTS = list(variants(INFO, SAMPLE))


def said(old: Table, new: Table) -> list[tuple[str, str]]:
    """Risk and text of every change, without what only mirrors it in the document that clients read."""
    told = [words(change) for change in plan_between(old, new).changes]
    return [(str(risk), text) for risk, text in told if risk is not Risk.SHOWN]


def the_endpoint(**changes: Any) -> Endpoint:
    return msgspec.structs.replace(make_endpoint("chat", "main", "spare"), **changes)


def with_target(**changes: Any) -> Table:
    target = msgspec.structs.replace(make_target("main", Task.CHAT), **changes)
    spare = make_endpoint("chat", "main", "spare").entities[1]
    return make_table(the_endpoint(entities=(Entity(name="main", weight=50, target=target), spare)))


TABLE = make_table(the_endpoint())

# --- every field ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted({path for path, _ in VARIANTS}))
def test_a_change_of_any_field_of_any_record_is_reported(path: str) -> None:
    for changed in (table for place, table in VARIANTS if place == path):
        found = plan_between(SAMPLE, changed)
        if path in WITHOUT_MEANING:
            assert found == Plan()
            continue
        assert found.changes
        for render in (render_plan_human, render_plan_json, render_plan_markdown):
            assert len(render(found).splitlines()) > 2


def test_the_variants_reach_every_field() -> None:
    def fields(info: Any, path: str = "") -> set[str]:
        if isinstance(info, msgspec.inspect.StructType):
            return {one for field in info.fields for one in fields(field.type, f"{path}.{field.name}".lstrip("."))}
        inner = getattr(info, "item_type", None) or getattr(info, "value_type", None)
        return fields(inner, path) | {path} if inner else {path}

    assert fields(INFO) <= {path for path, _ in VARIANTS}


def test_what_is_derived_stands_beside_the_fields_and_hides_none() -> None:
    fields = {(): Table.__struct_fields__, ("endpoints", "*"): Endpoint.__struct_fields__}
    for name, place in DERIVED.items():
        assert name not in fields[place]


def test_every_row_of_words_is_for_something_that_is_there() -> None:
    # Names are free where a row has `*`; whole items come and go too.
    more = msgspec.structs.replace(SAMPLE, principals=(), endpoints=(), stores={}, secrets={})
    elsewhere = with_target(url="https://b.example/", options={"n": 1}, auth=Auth(scheme="s", params={"a": "1"}))
    pairs = [(SAMPLE, table) for _, table in VARIANTS] + [(more, SAMPLE), (TABLE, elsewhere)]
    pairs.append((make_table(principals=(PRINCIPAL,)), make_table(principals=(ONE_ENDPOINT,))))
    paths = {change.path for old, new in pairs for change in plan_between(old, new).changes}
    unused = [pattern for pattern, _ in _LISTED if not any(_fits(tuple(pattern.split("/")), path) for path in paths)]
    assert not unused


class LaterEntity(Entity, frozen=True, kw_only=True):
    way: dict[str, Any] | None = None


class LaterTable(Table, frozen=True, kw_only=True):
    policy: dict[str, Any] | None = None
    later: tuple[str, ...] = ()


def test_a_field_that_plan_does_not_know_is_told_by_its_name() -> None:
    def table(*, way: Any = None, **fields: Any) -> Table:
        entity = LaterEntity(name="main", weight=100, target=make_target("m", Task.CHAT), way=way)
        return LaterTable(endpoints=(the_endpoint(entities=(entity,)),), contract=0, **fields)

    assert said(table(), table(way={"proxy": "http://proxy.example:3128"})) == [
        ("data", "data goes anew to proxy.example:3128"),
        ("other", 'main: field way changed from null to {"proxy":"http://proxy.example:3128"}'),
        ("data", "the host proxy.example:3128 is called anew"),
    ]
    assert said(table(policy={"a": 1}), table(policy={"a": 2})) == [("other", "field policy.a changed from 1 to 2")]
    assert said(table(later=("a",)), table(later=("a", "b"))) == [
        ("other", 'field later changed from ["a"] to ["a","b"]')
    ]


# --- what is said --------------------------------------------------------------------------------------------------

TOKEN = TokenHash(id="t1", salt="00", sha256="11")
PRINCIPAL = Principal(name="ann", tokens=(TOKEN,))
ONE_ENDPOINT = Principal(name="ann", tokens=(TOKEN,), endpoints=("chat",))


def test_an_endpoint_and_an_entity_that_are_gone_are_losses() -> None:
    two = make_table(the_endpoint(), make_endpoint("other"))
    assert said(two, TABLE) == [("loss", "the endpoint is gone: its clients get 404")]
    only = make_table(the_endpoint(entities=the_endpoint().entities[:1]))
    assert said(TABLE, only) == [("loss", "spare: the entity is gone (50 %), and with it its own path")]


def test_data_that_goes_elsewhere_is_said_for_endpoint_and_table() -> None:
    told = said(TABLE, with_target(url="https://llm.example:8443/v1", region="eu-west-1"))
    assert ("data", "data goes anew to llm.example:8443 (region eu-west-1)") in told
    assert ("data", 'main: region "unknown" -> "eu-west-1"') in told
    assert ("data", "the host llm.example:8443 is called anew") in told
    assert ("answers", 'main: URL "http://127.0.0.1:9/v1/main" -> "https://llm.example:8443/v1"') in told


def test_a_token_service_is_a_destination_too() -> None:
    auth = Auth(scheme="none", params={"token_uri": "https://sign-in.example/token"})
    assert ("data", "data goes anew to sign-in.example") in said(TABLE, with_target(auth=auth))


def test_a_limit_that_falls_is_a_loss_and_one_that_rises_is_none() -> None:
    lower = Serving(max_body_bytes=1000, timeouts=Timeouts(total_ms=5000))
    told = said(TABLE, make_table(the_endpoint(serving=lower)))
    assert [risk for risk, _ in told] == ["loss", "loss"]
    assert ("loss", "time-out total 600000 -> 5000 ms") in told
    assert {risk for risk, _ in said(make_table(the_endpoint(serving=lower)), TABLE)} == {"answers"}


def test_who_may_call() -> None:
    everyone, nobody_else = make_table(), make_table(principals=(PRINCIPAL,))
    assert said(everyone, nobody_else) == [
        ("loss", "there are principals now: calls without a token are refused"),
        ("access", "ann is new: may call every endpoint"),
    ]
    assert said(nobody_else, everyone)[0] == (
        "access",
        "there are no principals any more: whoever reaches the gateway may call everything",
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (("*",), ("chat",), ("loss", "ann may call chat only; it was every endpoint")),
        (("chat",), ("*", "chat"), ("access", "ann may call every endpoint; it was chat")),
        (("chat",), ("chat", "embed"), ("access", "ann may call embed")),
        (("chat", "embed"), ("embed",), ("loss", "ann may not call chat any more")),
    ],
)
def test_permissions(old: tuple[str, ...], new: tuple[str, ...], expected: tuple[str, str]) -> None:
    tables = [make_table(principals=(msgspec.structs.replace(PRINCIPAL, endpoints=names),)) for names in (old, new)]
    assert said(*tables) == [expected]


@pytest.mark.parametrize("same", [("*", "chat"), ("chat", "*"), ("*",)])
def test_names_beside_the_star_mean_nothing(same: tuple[str, ...]) -> None:
    assert (
        plan_between(
            make_table(principals=(PRINCIPAL,)),
            make_table(principals=(msgspec.structs.replace(PRINCIPAL, endpoints=same),)),
        )
        == Plan()
    )


def test_tokens_are_named_and_their_hashes_are_nowhere() -> None:
    digest, salt = "ab" * 32, "cd" * 16
    rotated = msgspec.structs.replace(PRINCIPAL, tokens=(TokenHash(id="t2", salt=salt, sha256=digest),))
    changed = plan_between(make_table(principals=(PRINCIPAL,)), make_table(principals=(rotated,)))
    assert [words(one) for one in changed.changes] == [
        ("loss", "ann: the token t1 is not taken any more"),
        ("access", "ann: the token t2 is new"),
    ]
    for render in (render_plan_human, render_plan_json, render_plan_markdown):
        assert digest not in render(changed)
        assert salt not in render(changed)


def test_secrets_and_stores() -> None:
    def table(store: str, **stores: Store) -> Table:
        slot = SecretSlot(ref="{{secrets/a/b}}", store=store, path="a", field="b")
        return Table(endpoints=(), contract=0, secrets={"a/b": slot}, stores=stores)

    vault, env = Store(kind="vault", config={"address": "https://v.example"}), Store(kind="env")
    assert said(table("v", v=vault), table("e", e=env)) == [
        ("secrets", 'a/b: moved from store "v" -> "e"'),
        ("secrets", 'store "e" {"config":{},"kind":"env"} is new'),
        ("secrets", 'store "v" {"config":{"address":"https://v.example"},"kind":"vault"} is gone'),
    ]
    assert said(make_table(), table("v"))[-1] == ("secrets", "{{secrets/a/b}} is read anew from the store v (a b)")


# --- what means nothing, and what only looks like it ---------------------------------------------------------------


def test_order_means_nothing() -> None:
    entities = the_endpoint().entities
    slots = {
        "b/b": SecretSlot(ref="b", store="v", path="", field=""),
        "a/a": SecretSlot(ref="a", store="v", path="", field=""),
    }
    one = Table(endpoints=(the_endpoint(), make_endpoint("b")), contract=0, principals=(PRINCIPAL,), secrets=slots)
    turned = the_endpoint(entities=entities[::-1])
    other = Table(
        endpoints=(make_endpoint("b"), turned),
        contract=0,
        principals=(PRINCIPAL,),
        secrets=dict(reversed(slots.items())),
    )
    assert plan_between(one, other) == Plan()


def test_options_may_be_ordered_and_true_is_not_one() -> None:
    assert said(with_target(options={"a": ["x", "y"]}), with_target(options={"a": ["y", "x"]}))
    assert said(with_target(options={"a": True}), with_target(options={"a": 1})) == [
        ("answers", "main: option a true -> 1")
    ]


def test_headers_and_items_of_one_name_are_all_kept() -> None:
    twice = (("x-a", "1"), ("x-a", "2"))
    assert said(with_target(headers=twice), with_target(headers=twice[:1])) == [
        ("answers", 'main: header "x-a#2" "2" is gone')
    ]
    tricky = make_table(*(make_endpoint(name) for name in ("a", "a", "a#2")))
    assert len(meaning(tricky)["endpoints"]) == 3


def test_a_renamed_entity_takes_part_in_the_pick_under_its_new_name() -> None:
    one, other = the_endpoint().entities
    renamed = msgspec.structs.replace(other, name="extra")
    changed = plan_between(TABLE, make_table(the_endpoint(entities=(one, renamed))))
    (traffic,) = changed.traffic
    # More moves than `spare` had: `extra` draws lots of its own, and `main` wins and loses some anew.
    assert traffic.moved > traffic.old["spare"]


def test_a_salt_reshuffles_and_a_single_entity_cannot_be() -> None:
    salted = Serving(salt="x")
    (traffic,) = plan_between(TABLE, make_table(the_endpoint(serving=salted))).traffic
    assert (traffic.reshuffled, traffic.moved) == (True, Fraction(1, 2))
    alone = make_table(make_endpoint("chat"))
    assert plan_between(alone, make_table(msgspec.structs.replace(make_endpoint("chat"), serving=salted))).traffic == ()


def test_text_from_a_table_cannot_steer_a_terminal_or_a_page() -> None:
    nasty = "`</x> @team [a](b)\n# h\x1b[31m \u202e ``"
    changed = plan_between(TABLE, with_target(model=nasty))
    for render in (render_plan_human, render_plan_markdown):
        text = render(changed)
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\n# h" not in text
    line = next(line for line in render_plan_markdown(changed).splitlines() if "model" in line)
    assert line.startswith("- answers: ``` main: model")
    assert line.endswith(" ```")


def test_a_comment_is_never_longer_than_hosts_take() -> None:
    many = make_table(*(make_endpoint(f"endpoint-{number}") for number in range(1000)))
    text = render_plan_markdown(plan_between(make_table(), many))
    assert len(text) < 65_536
    assert "more lines; the JSON form holds all" in text.splitlines()[-1]


def test_target_is_covered_by_name() -> None:
    rows = {pattern.split("/")[5] for pattern, _ in _LISTED if pattern.startswith("endpoints/*/entities/*/target/")}
    assert set(Target.__struct_fields__) <= rows, "give the new field of a target words of its own"
