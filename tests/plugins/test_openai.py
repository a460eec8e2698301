from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from tests.providers import CASES, CONTEXT

from xmc.plugins import EntitySpec, Slot
from xmc.plugins.openai import OPENAI
from xmc.schema import Auth, Exchange, Finding, Relay, Target, Task, canonical_json

KEY = {"openai_api_key": Slot("s/k")}
PLACE = {"openai_api_base": "https://h", "openai_deployment_name": "d"}
ENTRA = {
    "microsoft_entra_tenant_id": "t",
    "microsoft_entra_client_id": "c",
    "microsoft_entra_client_secret": "{{secrets/a/b}}",
}


def link(task: Task = Task.CHAT, **config: Any) -> Target:
    return CASES["openai"].target(task, **config)


def findings(**config: Any) -> list[Finding]:
    outcome = OPENAI.link(EntitySpec("e", "n", "m", Task.CHAT, {**KEY, **config}))
    assert outcome.target is None
    return list(outcome.findings)


def test_link() -> None:
    assert link() == Target(
        provider="openai",
        task=Task.CHAT,
        model="the-model",
        url="https://api.openai.com/v1/chat/completions",
        auth=Auth(scheme="bearer", slots={"token": "s/k"}),
        framing="sse",
        relay=Relay.EXACT,
    )
    assert link(Task.COMPLETIONS).url == "https://api.openai.com/v1/completions"
    assert link(Task.EMBEDDINGS, openai_api_base="http://127.0.0.1:1/").url == "http://127.0.0.1:1/embeddings"


def test_organization_project_and_version() -> None:
    target = link(openai_organization="org-1", openai_project="proj-1", openai_api_version="v7")
    assert target.headers == (("OpenAI-Organization", "org-1"), ("OpenAI-Project", "proj-1"))
    assert target.url.endswith("/chat/completions?api-version=v7")
    exchange = OPENAI.adapter(target).prepare({"messages": []}, CONTEXT)
    assert isinstance(exchange, Exchange)
    assert dict(exchange.calls[0].headers)["OpenAI-Organization"] == "org-1"


def test_a_target_can_be_frozen() -> None:
    assert b"s/k" in canonical_json(msgspec.to_builtins(link(openai_organization="org-1")))


@pytest.mark.parametrize("name", ["openai_deployment_name", "microsoft_entra_tenant_id"])
def test_fields_of_azure_have_no_meaning_here(name: str) -> None:
    (finding,) = findings(**{name: "x"})
    assert (finding.code, finding.path, finding.at_key) == ("XMC403", ("external_model", "openai_config", name), True)


def test_a_base_that_is_no_url() -> None:
    (finding,) = findings(openai_api_base="api.openai.com/v1")
    assert (finding.code, finding.path[-1]) == ("XMC402", "openai_api_base")


@pytest.mark.parametrize(
    ("config", "valid"),
    [
        ({"openai_api_key": "{{secrets/a/b}}"}, True),
        ({"openai_api_key_plaintext": "x"}, True),
        ({"openai_api_key": "{{secrets/a/b}}", "openai_api_type": "azure", **PLACE, "openai_api_version": "v"}, True),
        ({"openai_api_key": "{{secrets/a/b}}", "openai_api_type": "azure", **PLACE}, False),
        ({"openai_api_type": "azuread", **PLACE, **ENTRA, "openai_api_version": "v"}, True),
        ({"openai_api_type": "azuread", **PLACE, **ENTRA, "openai_api_base": "https://h/openai/v1"}, True),
        ({"openai_api_type": "azuread", **PLACE, "openai_api_version": "v"}, False),
        ({}, False),
        ({"openai_api_type": "openai"}, False),
        ({"openai_api_key": "{{secrets/a/b}}", "openai_api_key_plaintext": "x"}, False),
        ({"openai_api_key": "{{secrets/a/b}}", "openai_api_typ": "openai"}, False),
        ({"openai_api_key": "{{secrets/a/b}}", "openai_api_type": "azur"}, False),
        ({"openai_api_key": "{{secrets/a/b}}", "openai_organization": "a\r\nb: c"}, False),
        ({"openai_api_key": 7}, False),
    ],
)
def test_schema(config: dict[str, Any], valid: bool) -> None:
    assert Draft202012Validator(OPENAI.config_schema).is_valid(config) is valid


def test_secret_fields_are_marked() -> None:
    marks = {name: rule.get("x-xmc-secret") for name, rule in OPENAI.config_schema["properties"].items()}
    assert {name for name, mark in marks.items() if mark == "plaintext"} == {
        name for name in marks if name.endswith("_plaintext")
    }
    assert {name for name, mark in marks.items() if mark == "reference"} == {
        "openai_api_key", "microsoft_entra_client_secret",
    }  # fmt: skip
