"""The corpus is as wide as it claims to be."""

from tests.compiler.coverage import Reach, bad_cases, good_cases, unreached

from xmc.plugins import Plugins

UNREACHABLE = {
    "external_model.palm_config": "its API is gone: XMC422",
    "provider:amazon-bedrock.uc_service_credential_name": "only Databricks can use it: XMC401",
}


def test_there_are_as_many_cases_as_promised() -> None:
    assert len(good_cases()) >= 30
    assert len(bad_cases()) >= 120


def test_the_good_specs_reach_every_property(plugins: Plugins) -> None:
    assert unreached(Reach(plugins), good_cases()) == set(UNREACHABLE)


def test_the_measure_can_fail(plugins: Plugins) -> None:
    minimal = [case for case in good_cases() if case.stem == "good_minimal"]
    missing = unreached(Reach(plugins), minimal)
    assert {
        "provider:anthropic.anthropic_api_key",
        "serving.timeouts.connect_s",
        "secrets.stores.*.auth.mount",
    } < missing
    assert "provider:openai.openai_api_key" not in missing
