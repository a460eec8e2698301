"""What imports decide: shares, names, secrets, what is left out."""

from typing import Any

import pytest
import yaml
from tests.imports.fixtures import plugins

from xmc.compiler import Source
from xmc.compiler.imports import (
    Imported,
    Ledger,
    Outcome,
    UnreadableError,
    import_document,
    leaf_paths,
    read_document,
    show_path,
)


def run(kind: str, text: str, **environ: str) -> Imported:
    return import_document(kind, read_document(Source("input.yaml", text.encode())), "input.yaml", plugins(), environ)


def spec_of(one: Imported) -> Any:
    return yaml.safe_load(one.spec)


def fate(one: Imported, path: str) -> tuple[Outcome, str]:
    (found,) = [fate for fate in one.report.fates if show_path(fate.path) == path]
    return found.outcome, found.reason


def litellm(*params: str, more: str = "") -> str:
    entries = "\n".join(f"  - {{model_name: m, litellm_params: {{{one}}}}}" for one in params)
    return f"model_list:\n{entries}\n{more}"


def shares(one: Imported) -> list[int]:
    (endpoint,) = spec_of(one)["endpoints"]
    return [route["traffic_percentage"] for route in endpoint["config"]["traffic_config"]["routes"]]


def test_weights_win_over_rpm_and_an_entry_without_one_gets_nothing() -> None:
    one = run(
        "litellm", litellm("model: gpt-4o, weight: 3, rpm: 1", "model: gpt-4o, rpm: 99", "model: gpt-4o, weight: 1")
    )
    assert shares(one) == [75, 0, 25]
    assert fate(one, "model_list[0].litellm_params.weight")[0] is Outcome.CARRIED
    assert fate(one, "model_list[1].litellm_params.rpm")[0] is Outcome.LOST


def test_a_share_that_is_rounded_is_said_to_be_changed() -> None:
    one = run("litellm", litellm("model: gpt-4o, weight: 2", "model: gpt-4o, weight: 1"))
    assert shares(one) == [67, 33]
    assert fate(one, "model_list[0].litellm_params.weight") == (Outcome.CHANGED, "rounded to 67 percent")


def test_a_limit_that_also_weighed_is_lost() -> None:
    one = run("litellm", litellm("model: gpt-4o, rpm: 900", "model: gpt-4o, rpm: 100"))
    assert shares(one) == [90, 10]
    outcome, reason = fate(one, "model_list[0].litellm_params.rpm")
    assert outcome is Outcome.LOST
    assert "limited" in reason


def test_the_sixteenth_entry_of_a_name_is_left_out() -> None:
    one = run("litellm", litellm(*["model: gpt-4o"] * 16))
    assert len(shares(one)) == 15
    assert "at most 15" in fate(one, "model_list[15].litellm_params.model")[1]


def test_an_entry_that_is_left_out_gives_its_traffic_to_the_others_and_that_is_said() -> None:
    one = run("litellm", litellm("model: gpt-4o", "model: nobody/knows"))
    assert fate(one, "model_list[0].model_name")[0] is Outcome.CHANGED


def test_a_url_from_the_environment_is_asked_for_and_taken_from_env() -> None:
    text = litellm("model: azure/x, api_base: os.environ/BASE, api_version: 2024-10-21")
    asked = run("litellm", text)
    assert spec_of(asked)["endpoints"] == []
    assert "--env BASE=VALUE" in fate(asked, "model_list[0].litellm_params.api_base")[1]
    given = run("litellm", text, BASE="https://my-resource.openai.azure.com")
    assert len(spec_of(given)["endpoints"]) == 1
    assert given.report.is_whole


def test_two_typed_in_keys_never_share_a_reference_and_one_key_has_one() -> None:
    one = run("litellm", litellm(*(f"model: gpt-4o, api_key: {key}" for key in ("a", "b", "a"))))
    entities = spec_of(one)["endpoints"][0]["config"]["served_entities"]
    first, second, third = (entity["external_model"]["openai_config"]["openai_api_key"] for entity in entities)
    assert first == third != second


@pytest.mark.parametrize(
    "variable", ["OPENAI_API_KEY", "KEY", "my_key", "A__B", "IMPORTED_X", "ENVIRONMENT_X", "_A", "A_"]
)
def test_a_variable_is_read_by_its_own_name(variable: str) -> None:
    from xmc.compiler import compile_source  # noqa: PLC0415 - only here

    one = run("litellm", litellm(f"model: gpt-4o, api_key: os.environ/{variable}"))
    table = compile_source(Source("endpoints.yaml", one.spec.encode()), plugins()).table
    assert table is not None
    (slot,) = table.secrets.values()
    assert (f"{slot.path}_{slot.field}" if slot.path else slot.field) == variable


def test_a_server_of_others_is_custom_and_openais_own_is_not() -> None:
    one = run(
        "litellm",
        litellm(
            "model: openai/x, api_base: https://llm.internal/v1", "model: openai/x, api_base: https://api.openai.com/v1"
        ),
    )
    entities = spec_of(one)["endpoints"][0]["config"]["served_entities"]
    assert [entity["external_model"]["provider"] for entity in entities] == ["custom", "openai"]


def test_what_is_switched_off_is_not_missed() -> None:
    one = run("litellm", litellm("model: gpt-4o", more="litellm_settings: {cache: false, drop_params: false}"))
    assert one.report.is_whole


@pytest.mark.parametrize(
    "setting",
    ["router_settings: {num_retries: 2}", "litellm_settings: {max_budget: 1}", "guardrails: [{guardrail_name: a}]",
     "general_settings: {allowed_ips: [10.0.0.1]}", "litellm_settings: {success_callback: [s3]}", "nobody: knows"],
)  # fmt: skip
def test_what_is_lost_is_never_called_whole(setting: str) -> None:
    one = run("litellm", litellm("model: gpt-4o", more=setting))
    assert not one.report.is_whole
    assert one.report.count(Outcome.LOST) == 1


def test_a_list_of_databricks_has_no_shares_and_says_so() -> None:
    entities = ", ".join(
        f"{{name: {name}, external_model: {{name: gpt-4o, provider: openai, task: llm/v1/chat}}}}" for name in "ab"
    )
    one = run("databricks", f"endpoints: [{{name: chat, config: {{served_entities: [{entities}]}}}}]")
    assert shares(one) == [50, 50]
    outcome, reason = fate(one, "endpoints[0].config.served_entities[0].name")
    assert outcome is Outcome.CHANGED
    assert "equal shares" in reason


def test_what_cannot_be_read_is_an_error_with_its_place() -> None:
    with pytest.raises(UnreadableError) as error:
        read_document(Source("input.yaml", b"a: 1\na: 2\n"))
    assert error.value.diagnostics[0].span.line == 2


def test_the_ledger_knows_empty_values_and_null() -> None:
    assert leaf_paths({"a": {}, "b": [[], None]}) == (("a",), ("b", 0), ("b", 1))
    assert [fate.outcome for fate in Ledger({"a": None, "b": 1}).close()] == [Outcome.NO_EFFECT, Outcome.LOST]


def test_a_key_is_not_carried_over_after_it_was_named() -> None:
    ledger = Ledger({"a": 1})
    ledger.name(("a",), "why")
    with pytest.raises(LookupError):
        ledger.carry(("a",), ("b",))
