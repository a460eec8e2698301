"""What holds for the shipped plugins as a set: how they enter, and what they say about themselves."""

import datetime as dt
import re
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator
from tests.providers import CASES, PLUGINS, Case, each_provider

from xmc.plugins import PluginError, build_plugins, installed
from xmc.schema import Task

STATUSES = {"yes", "mapped", "dropped", "refused", "unknown"}


@pytest.mark.parametrize("name", sorted(PLUGINS))
def test_each_plugin_can_be_left_out(name: str) -> None:
    everything, rest = build_plugins(), build_plugins(without=[name])
    gone = {
        kind: set(getattr(everything, kind)) - set(getattr(rest, kind))
        for kind in ("providers", "auth_schemes", "framings", "secret_stores")
    }
    expected = {
        "ai21labs": {"providers": {"ai21labs"}},
        "amazon-bedrock": {"providers": {"amazon-bedrock"}},
        "anthropic": {"providers": {"anthropic"}},
        "auth": {"auth_schemes": {"bearer", "header-key", "none"}},
        "aws": {"auth_schemes": {"aws-default-chain", "aws-sigv4"}, "framings": {"aws-event-stream"}},
        "azure": {"auth_schemes": {"entra-client-secret"}},
        "cohere": {"providers": {"cohere"}},
        "custom": {"providers": {"custom"}},
        "databricks-model-serving": {"providers": {"databricks-model-serving"}},
        "google": {"auth_schemes": {"google-service-account"}},
        "google-cloud-vertex-ai": {"providers": {"google-cloud-vertex-ai"}},
        "openai": {"providers": {"openai"}},
        "sse": {"framings": {"sse"}},
    }[name]
    assert {kind: names for kind, names in gone.items() if names} == expected
    assert name not in rest.origins


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        (SimpleNamespace(), "needs `XMC_CONTRACT = 1`"),
        (SimpleNamespace(XMC_CONTRACT=0), "was written for plugin contract 0, and this version of xmc has contract 1"),
        (SimpleNamespace(XMC_CONTRACT=2), "was written for plugin contract 2"),
    ],
)
def test_a_plugin_of_another_contract_is_refused_by_name(plugin: object, said: str) -> None:
    with pytest.raises(PluginError, match=re.escape(said)) as raised:
        build_plugins({"stranger": plugin})
    assert "'stranger'" in str(raised.value)
    assert build_plugins({"stranger": plugin}, without=["stranger"]).origins == {}


def test_all_enter_by_the_same_door() -> None:
    assert set(PLUGINS) <= set(installed())


def test_without_any_plugin_the_manager_stands() -> None:
    empty = build_plugins(without=list(installed()))
    assert not any((empty.providers, empty.auth_schemes, empty.framings, empty.secret_stores))


@each_provider
def test_targets_name_what_is_shipped(case: Case) -> None:
    plugins = build_plugins(PLUGINS)
    for task in case.tasks:
        target = case.target(task)
        assert target.auth.scheme in plugins.auth_schemes
        assert target.framing in plugins.framings
        assert target.provider == case.provider.name


@each_provider
def test_schemas_and_capabilities_are_well_formed(case: Case) -> None:
    schema = case.provider.config_schema
    Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert {Task.CHAT, Task.COMPLETIONS} <= set(case.tasks)
    for task, parameters in case.provider.capabilities.items():
        assert {"model", "stream"} <= set(parameters), task
        for record in parameters.values():
            assert record.status in STATUSES
            assert record.source
            assert dt.date.fromisoformat(record.date) >= dt.date(2026, 1, 1)


def test_no_name_is_taken_twice() -> None:
    assert len({case.provider.config_key for case in CASES.values()}) == len(
        {case.provider.name for case in CASES.values()}
    )
