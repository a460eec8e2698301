"""What a served entity of type `azure` or `azuread` is linked to."""

from typing import Any

import pytest

from xmc.plugins import EntitySpec, Link, Slot
from xmc.plugins.openai import OPENAI
from xmc.schema import Auth, Relay, Severity, Target, Task

HOST = "https://resource.openai.azure.com"
KEY: dict[str, Any] = {"openai_api_type": "azure", "openai_api_key": Slot("s/k")}
ENTRA: dict[str, Any] = {
    "openai_api_type": "AzureAD",
    "microsoft_entra_tenant_id": "contoso.test",
    "microsoft_entra_client_id": "client-1",
    "microsoft_entra_client_secret": Slot("s/e"),
}


def outcome(task: Task = Task.CHAT, **config: Any) -> Link:
    place = {"openai_api_base": HOST, "openai_api_version": "2024-10-21", "openai_deployment_name": "dep-1"}
    given = {name: value for name, value in {**place, **config}.items() if value is not None}
    return OPENAI.link(EntitySpec("e", "n", "gpt-4o", task, given))


def link(task: Task = Task.CHAT, **config: Any) -> Target:
    found = outcome(task, **config)
    assert found.target is not None, found.findings
    return found.target


def test_a_key() -> None:
    assert link(**KEY) == Target(
        provider="openai",
        task=Task.CHAT,
        model="gpt-4o",
        url=f"{HOST}/openai/deployments/dep-1/chat/completions?api-version=2024-10-21",
        auth=Auth(scheme="header-key", params={"header": "api-key"}, slots={"key": "s/k"}),
        relay=Relay.NORMALISE,
        options={"own_encoding": False, "repair": True},
    )


def test_entra_id() -> None:
    assert link(**ENTRA).auth == Auth(
        scheme="entra-client-secret",
        params={
            "authority": "https://login.microsoftonline.com",
            "tenant": "contoso.test",
            "client_id": "client-1",
            "scope": "https://cognitiveservices.azure.com/.default",
        },
        slots={"client_secret": "s/e"},
    )


@pytest.mark.parametrize(
    ("base", "path"),
    [
        (HOST, f"{HOST}/openai/deployments/dep-1/embeddings?"),
        (f"{HOST}/", f"{HOST}/openai/deployments/dep-1/embeddings?"),
        (f"{HOST}/openai", f"{HOST}/openai/deployments/dep-1/embeddings?"),
        (f"{HOST}/openai/deployments/dep-1", f"{HOST}/openai/deployments/dep-1/embeddings?"),
        (
            f"{HOST}/openai/deployments/dep-1/embeddings?api-version=2023-05-15",
            f"{HOST}/openai/deployments/dep-1/embeddings?",
        ),
        ("https://apim.test/team/?tenant=7", "https://apim.test/team/openai/deployments/dep-1/embeddings?tenant=7&"),
        (
            "https://swedencentral.api.cognitive.microsoft.com",
            "https://swedencentral.api.cognitive.microsoft.com/openai/deployments/dep-1/embeddings?",
        ),
    ],
)
def test_38_bases_as_people_write_them(base: str, path: str) -> None:
    assert link(Task.EMBEDDINGS, **KEY, openai_api_base=base).url == f"{path}api-version=2024-10-21"


@pytest.mark.parametrize(
    ("base", "version", "query"),
    [
        (f"{HOST}/openai/v1", None, ""),
        (f"{HOST}/openai/v1/", "v1", ""),
        (f"{HOST}/openai/v1/chat/completions", None, ""),
        (HOST, "v1", ""),
        (f"{HOST}/openai", "Preview", "?api-version=preview"),
        (f"{HOST}/openai/v1", "preview", "?api-version=preview"),
    ],
)
def test_version_1_names_the_deployment_as_its_model(base: str, version: str | None, query: str) -> None:
    target = link(**KEY, openai_api_base=base, openai_api_version=version)
    assert (target.url, target.model) == (f"{HOST}/openai/v1/chat/completions{query}", "dep-1")
    assert target.options == {"own_encoding": False, "repair": True}


def test_a_dated_version_is_not_sent_to_version_1() -> None:
    found = outcome(**KEY, openai_api_base=f"{HOST}/openai/v1")
    assert found.target is not None
    assert "?" not in found.target.url
    (finding,) = found.findings
    assert (finding.code, finding.severity) == ("XMC206", Severity.WARNING)


def test_names_of_deployments_are_one_segment() -> None:
    url = link(**KEY, openai_deployment_name="my deployment/1").url
    assert "/deployments/my%20deployment%2F1/chat/" in url


@pytest.mark.parametrize(
    ("host", "authority", "scope"),
    [
        ("r.openai.azure.us", "https://login.microsoftonline.us", "https://cognitiveservices.azure.us/.default"),
        ("r.openai.azure.cn", "https://login.chinacloudapi.cn", "https://cognitiveservices.azure.cn/.default"),
        ("apim.test", "https://login.microsoftonline.com", "https://cognitiveservices.azure.com/.default"),
    ],
)
def test_clouds_of_their_own_have_their_own_sign_in(host: str, authority: str, scope: str) -> None:
    params = link(**ENTRA, openai_api_base=f"https://{host}").auth.params
    assert (params["authority"], params["scope"]) == (authority, scope)


def test_authority_and_scope_can_be_named() -> None:
    own: dict[str, Any] = {
        "microsoft_entra_authority": "https://sign-in.test/x/",
        "microsoft_entra_scope": "api://x/.default",
    }
    params = link(**ENTRA, **own).auth.params
    assert (params["authority"], params["scope"]) == ("https://sign-in.test/x", "api://x/.default")


@pytest.mark.parametrize(("version", "asked"), [("2024-06-01", False), ("2024-09-01-preview", True), ("2026-01", True)])
def test_usage_of_streams_is_asked_for_where_the_version_knows_how(version: str, asked: bool) -> None:
    assert link(**KEY, openai_api_version=version).options.get("stream_usage", True) is asked


@pytest.mark.parametrize(
    ("config", "code", "field"),
    [
        ({**KEY, "microsoft_entra_scope": "x"}, "XMC403", "microsoft_entra_scope"),
        ({**ENTRA, "openai_api_key": Slot("s/k")}, "XMC403", "openai_api_key"),
        ({**KEY, "openai_api_base": "resource.openai.azure.com"}, "XMC402", "openai_api_base"),
        ({**KEY, "openai_api_base": f"{HOST}/openai/deployments/other"}, "XMC402", "openai_api_base"),
        ({**KEY, "openai_api_base": f"{HOST}/openai/deployments/dep-1/embeddings"}, "XMC402", "openai_api_base"),
        (
            {**KEY, "openai_api_base": f"{HOST}/openai/v1/embeddings", "openai_api_version": None},
            "XMC402",
            "openai_api_base",
        ),
        ({**ENTRA, "microsoft_entra_authority": "http://u:p@h"}, "XMC402", "microsoft_entra_authority"),
        ({**ENTRA, "microsoft_entra_authority": "https://h?x=1"}, "XMC402", "microsoft_entra_authority"),
    ],
)
def test_what_cannot_be_linked(config: dict[str, Any], code: str, field: str) -> None:
    found = outcome(**config)
    assert found.target is None
    assert [(one.code, one.path[-1]) for one in found.findings] == [(code, field)]
    assert "u:p" not in repr(found.findings)


def test_what_azure_does_not_read_is_not_sent() -> None:
    found = outcome(**KEY, openai_organization="org-1", openai_project="p-1")
    assert found.target is not None
    assert found.target.headers == ()
    assert [one.code for one in found.findings] == ["XMC206", "XMC206"]
