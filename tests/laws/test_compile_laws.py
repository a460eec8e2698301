"""What is true of every spec and of every table."""

import json
import random
from typing import Any

import msgspec
import pytest
import rfc8785
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.compiler.specs import SPEC, compile_text

from xmc.plugins import build_plugins
from xmc.schema import TableError, canonical_json, decode_table, encode_table, freeze_table

PLUGINS = build_plugins()

names = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=1, max_size=63)
texts = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="{}\ufeff"), max_size=20)
keys = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=10)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@st.composite
def entities(draw: st.DrawFn, name: str) -> dict[str, Any]:
    scope, key = draw(names), draw(names)
    config = draw(
        st.sampled_from(
            [
                ("openai", "openai_config", {"openai_api_key": f"{{{{secrets/{scope}/{key}}}}}"}),
                (
                    "custom",
                    "custom_provider_config",
                    {
                        "custom_provider_url": "https://llm.example/v1",
                        "bearer_token_auth": {"token": f"{{{{secrets/{scope}/{key}}}}}"},
                    },
                ),
            ]
        )
    )
    provider, config_key, value = config
    model = {"name": draw(names), "provider": provider, "task": "llm/v1/chat", config_key: value}
    return {"name": name, "external_model": model}


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    endpoints = []
    for name in draw(st.lists(names.filter(lambda one: not one.startswith("databricks-")), unique=True, max_size=3)):
        entity_names = draw(st.lists(names, unique=True, min_size=1, max_size=3))
        first = draw(st.integers(0, 100))
        shares = [first, 100 - first, 0] if len(entity_names) > 1 else [100]
        routes = [
            {"served_model_name": entity, "traffic_percentage": share}
            for entity, share in zip(entity_names, shares, strict=False)
        ]
        config = {
            "served_entities": [draw(entities(entity)) for entity in entity_names],
            "traffic_config": {"routes": routes},
        }
        tags = [{"key": "k", "value": draw(texts)}]
        endpoints.append({"name": name, "config": config, "tags": tags})
    return {"endpoints": endpoints}


def dump(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def table_bytes(text: str) -> bytes:
    compiled = compile_text(text, PLUGINS)
    assert compiled.table is not None, compiled.diagnostics
    return encode_table(compiled.table)


def shuffled(value: Any, order: random.Random) -> Any:
    if isinstance(value, dict):
        items = list(value.items())
        order.shuffle(items)
        return {key: shuffled(item, order) for key, item in items}
    return [shuffled(item, order) for item in value] if isinstance(value, list) else value


@given(specs(), st.randoms(use_true_random=False))
def test_key_order_and_comments_do_not_matter(spec: dict[str, Any], order: random.Random) -> None:
    commented = dump(shuffled(spec, order)).replace("\n", "\n# a comment: x\n")
    assert table_bytes(dump(spec)) == table_bytes(commented)


@given(specs())
def test_the_flat_form_means_the_same(spec: dict[str, Any]) -> None:
    flat = {
        "endpoints": [
            {**{key: value for key, value in one.items() if key != "config"}, **one["config"]}
            for one in spec["endpoints"]
        ]
    }
    assert table_bytes(dump(spec)) == table_bytes(dump(flat))


@given(specs())
def test_a_table_survives_its_file(spec: dict[str, Any]) -> None:
    data = table_bytes(dump(spec))
    table = decode_table(data)
    assert encode_table(table) == data
    assert decode_table(encode_table(table)) == table
    assert freeze_table(msgspec.structs.replace(table, digest="")) == table


@given(specs(), st.data())
def test_a_flipped_bit_is_refused(spec: dict[str, Any], data: st.DataObject) -> None:
    good = table_bytes(dump(spec))
    place = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(TableError):
        decode_table(bytes(bad))


@given(specs(), st.randoms(use_true_random=False))
def test_the_same_table_in_other_bytes_is_refused(spec: dict[str, Any], order: random.Random) -> None:
    good = table_bytes(dump(spec))
    plain_table = json.loads(good)
    others = {
        json.dumps(shuffled(plain_table, order), separators=(",", ":"), ensure_ascii=False).encode() + b"\n",
        json.dumps(plain_table, sort_keys=True, ensure_ascii=False).encode() + b"\n",
        good.rstrip(),
        good + b"\n",
    }
    for other in others - {good}:
        with pytest.raises(TableError, match="in other bytes"):
            decode_table(other)


@pytest.mark.parametrize("number", [0, 2, "1", None, 999])
def test_another_format_is_refused_by_name(number: object) -> None:
    plain_table = yaml.safe_load(table_bytes(SPEC))
    with pytest.raises(TableError, match="format"):
        decode_table(canonical_json({**plain_table, "format": number}))


@given(plain)
def test_canonical_json_is_rfc_8785(value: Any) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)


@given(st.floats() | st.integers(min_value=2**53) | st.dictionaries(st.just("å"), st.none(), min_size=1))
def test_canonical_json_refuses_what_it_cannot_keep(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical_json({"a": [value]})


@given(st.binary(max_size=300))
def test_any_bytes_give_diagnostics_or_a_table(data: bytes) -> None:
    compiled = compile_text(data, PLUGINS)
    assert (compiled.table is None) == any(one.severity == "error" for one in compiled.diagnostics)


@given(specs(), st.data())
def test_any_damage_gives_diagnostics_or_a_table(spec: dict[str, Any], data: st.DataObject) -> None:
    text = dump(spec)
    place = data.draw(st.integers(0, len(text)))
    damage = data.draw(st.sampled_from(["\t", "{{x}}", "*a", "&a ", ": ", "[", "\n", "- ", "no", "~", '"', "{", "!x "]))
    compiled = compile_text(text[:place] + damage + text[place + data.draw(st.integers(0, 9)) :], PLUGINS)
    assert (compiled.table is None) == any(one.severity == "error" for one in compiled.diagnostics)
    places = [(one.span, one.code, one.message) for one in compiled.diagnostics]
    assert len(set(places)) == len(places)
