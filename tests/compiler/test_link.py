from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from tests.compiler.specs import FAKE_SPEC, SPEC, FakeProvider, codes, compile_text, with_fake

from xmc.compiler.composed import composed_schema
from xmc.plugins import Link, Plugins, Slot
from xmc.schema import Auth, Finding, Relay, SecretSlot, Store, Task, encode_table


def test_a_spec_becomes_a_table(plugins: Plugins) -> None:
    compiled = compile_text(SPEC, plugins)
    table = compiled.table
    assert table is not None
    (endpoint,) = table.endpoints
    (entity,) = endpoint.entities
    assert (endpoint.name, endpoint.task, entity.name, entity.weight) == ("chat", Task.CHAT, "main", 100)
    assert entity.target.url == "https://api.openai.com/v1/chat/completions"
    assert entity.target.auth == Auth(scheme="bearer", slots={"token": "openai/key"})
    assert entity.target.relay is Relay.EXACT
    assert table.secrets["openai/key"].ref == "{{secrets/openai/key}}"
    assert table.stores == {"vault": Store(kind="vault")}
    assert table.digest.startswith("sha256:")
    assert [str(span) for span in compiled.references["openai/key"]] == ["spec.yaml:11:31"]
    assert endpoint.document["config"] == {
        "config_version": 1,
        "served_entities": [
            {
                "name": "main",
                "creator": "xmc",
                "external_model": {
                    "name": "gpt-4o",
                    "provider": "openai",
                    "task": "llm/v1/chat",
                    "openai_config": {"openai_api_key": "{{secrets/openai/key}}"},
                },
                "state": {"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""},
            }
        ],
        "traffic_config": {
            "routes": [{"served_model_name": "main", "served_entity_name": "main", "traffic_percentage": 100}]
        },
    }


def test_a_typed_in_value_is_a_slot_and_nowhere_in_the_table(plugins: Plugins) -> None:
    text = SPEC.replace('openai_api_key: "{{secrets/openai/key}}"', "openai_api_key_plaintext: canary-value")
    compiled = compile_text(text, plugins)
    assert compiled.table is not None
    name = "plaintext:chat/main/openai_config.openai_api_key"
    ref = "chat/main/openai_config.openai_api_key"
    assert compiled.table.secrets == {name: SecretSlot(ref=ref, store="plaintext", path="", field=name)}
    assert compiled.plaintext[name].reveal() == "canary-value"
    assert b"canary" not in encode_table(compiled.table)
    assert "canary" not in repr(compiled)
    assert compiled.table.stores == {}
    shown = compiled.table.endpoints[0].document["config"]["served_entities"][0]["external_model"]
    assert shown["openai_config"] == {}


def test_settings_are_in_the_tables_units_and_own_ones_win(plugins: Plugins) -> None:
    defaults = "defaults: {serving: {timeouts: {connect_s: 2.5, idle_s: 7}, salt: x, hold_s: 1}}\n"
    own = "    serving: {timeouts: {idle_s: 0.001}, hold_s: 3, max_body_bytes: 9, sticky: principal}\n"
    table = compile_text(defaults + SPEC + own, plugins).table
    assert table is not None
    serving = table.endpoints[0].serving
    assert (serving.timeouts.connect_ms, serving.timeouts.idle_ms, serving.timeouts.total_ms) == (2500, 1, 600_000)
    assert (serving.hold_ms, serving.salt, serving.max_body_bytes, serving.sticky) == (3000, "x", 9, "principal")


def test_scopes_go_to_their_stores(plugins: Plugins) -> None:
    secrets = (
        "secrets:\n  stores:\n    main: {kind: env, prefix: X_}\n    other: {kind: env}\n  default: other\n"
        "  scopes:\n    openai: {store: main, variables: {key: THE_KEY}}\n"
    )
    table = compile_text(secrets + SPEC, plugins).table
    assert table is not None
    assert table.secrets["openai/key"] == SecretSlot(
        ref="{{secrets/openai/key}}", store="main", path="", field="THE_KEY"
    )
    assert table.stores == {"main": Store(kind="env", config={"prefix": "X_"})}


def test_a_principal_is_in_the_table(plugins: Plugins) -> None:
    row = "xmc1$aaaaaaaa$0123456789abcdef$" + 64 * "0"
    table = compile_text(SPEC + f"principals: [{{name: a, token_hashes: [{row}]}}]\n", plugins).table
    assert table is not None
    (principal,) = table.principals
    assert (principal.name, principal.endpoints, principal.metrics) == ("a", ("*",), False)
    assert principal.tokens[0].id == "aaaaaaaa"


def test_a_provider_sees_slots_at_any_depth_and_no_nulls() -> None:
    provider = FakeProvider()
    compiled = compile_text(FAKE_SPEC.replace("list: [1]", "list: ~"), with_fake(provider))
    assert not compiled.diagnostics
    (seen,) = provider.seen
    assert (seen.endpoint, seen.name, seen.model, seen.task) == ("chat", "main", "m", Task.CHAT)
    assert seen.config == {"deep": {"key": Slot("a/b")}}


def test_a_typed_in_value_takes_the_place_of_its_reference() -> None:
    provider = FakeProvider()
    text = FAKE_SPEC.replace('key: "{{secrets/a/b}}"', "key_plaintext: x")
    assert codes(compile_text(text, with_fake(provider))) == ["XMC503"]
    assert provider.seen[0].config["deep"]["key"] == Slot("plaintext:chat/main/fake_config.deep.key")


def test_both_spellings_of_a_secret_are_refused_whatever_the_schema_says() -> None:
    text = FAKE_SPEC.replace('key: "{{secrets/a/b}}"', 'key: "{{secrets/a/b}}", key_plaintext: x')
    assert "XMC207" in codes(compile_text(text, with_fake(FakeProvider())))


BROKEN: list[tuple[Any, dict[str, Any], str]] = [
    (ValueError("secret words"), {}, "XMC902"),
    (Link(None), {}, "XMC902"),
    (None, {"options": {"x": 1.5}}, "XMC902"),
    (None, {"provider": "other"}, "XMC902"),
    (None, {"auth": Auth(scheme="bearer", slots={"token": "not/mine"})}, "XMC902"),
    (None, {"auth": Auth(scheme="nobody-has-it")}, "XMC407"),
    (None, {"framing": "nobody-has-it"}, "XMC407"),
]


@pytest.mark.parametrize(("result", "changes", "code"), BROKEN)
def test_a_plugin_that_breaks_its_contract_is_named(result: Any, changes: dict[str, Any], code: str) -> None:
    compiled = compile_text(FAKE_SPEC, with_fake(FakeProvider(result, changes)))
    assert codes(compiled) == [code]
    assert "'fake'" in compiled.diagnostics[0].message
    assert "secret words" not in compiled.diagnostics[0].message
    assert compiled.table is None


def test_a_task_that_the_provider_does_not_serve_is_refused_at_the_task() -> None:
    compiled = compile_text(FAKE_SPEC.replace("v1/chat", "v1/embeddings"), with_fake(FakeProvider()))
    (diagnostic,) = compiled.diagnostics
    assert (diagnostic.code, diagnostic.span.line, diagnostic.span.column) == ("XMC404", 8, 17)


@pytest.mark.parametrize(
    ("path", "at_key", "place"),
    [
        (("external_model", "fake_config", "deep", "list", 0), False, (10, 27)),
        (("external_model", "fake_config", "deep"), True, (10, 13)),
        (("external_model", "fake_config", "absent"), False, (9, 11)),
        (("name",), False, (4, 15)),
    ],
)
def test_a_finding_points_where_its_path_leads(
    path: tuple[str | int, ...], at_key: bool, place: tuple[int, int]
) -> None:
    finding = Finding(code="XMC403", path=path, message="no", at_key=at_key)
    (diagnostic,) = compile_text(FAKE_SPEC, with_fake(FakeProvider(Link(None, (finding,))))).diagnostics
    assert (diagnostic.span.line, diagnostic.span.column) == place


def test_the_composed_schema_is_valid_and_accepts_what_compiles(plugins: Plugins) -> None:
    schema = composed_schema(plugins)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    value = yaml.safe_load(SPEC)
    assert validator.is_valid(value)
    config = value["endpoints"][0]["config"]["served_entities"][0]["external_model"]["openai_config"]
    config["openai_api_bse"] = "x"
    assert not validator.is_valid(value)
