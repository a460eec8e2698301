"""What a served entity of a workspace is linked to, and the specs that are refused."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from xmc.plugins import EntitySpec, Slot
from xmc.plugins.databricks_model_serving import DATABRICKS
from xmc.schema import Auth, Relay, Target, Task

TOKEN = {"databricks_api_token": Slot("s/k")}


def link(url: str, task: Task = Task.CHAT, **config: Any) -> Any:
    given = {"databricks_workspace_url": url, **TOKEN, **config}
    return DATABRICKS.link(EntitySpec("e", "n", "my-endpoint", task, given))


@pytest.mark.parametrize("task", Task)
def test_every_task_goes_to_the_invocations_of_the_endpoint(task: Task) -> None:
    assert link("https://workspace.test", task).target == Target(
        provider="databricks-model-serving",
        task=task,
        model="my-endpoint",
        url="https://workspace.test/serving-endpoints/my-endpoint/invocations",
        auth=Auth(scheme="bearer", slots={"token": "s/k"}),
        relay=Relay.NORMALISE,
        options={"model_in_url": True, "stream_usage": False},
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://workspace.test/",
        "workspace.test",
        "https://workspace.test/serving-endpoints",
        "workspace.test/serving-endpoints/",
        "HTTPS://WORKSPACE.test",
        "https://workspace.test/serving-endpoints/my-endpoint",
        "https://workspace.test/serving-endpoints/my-endpoint/invocations",
        "workspace.test/serving-endpoints/my%2Dendpoint/invocations/",
    ],
)
def test_a_workspace_is_named_in_several_ways(url: str) -> None:
    assert link(url).target.url == "https://workspace.test/serving-endpoints/my-endpoint/invocations"


def test_http_stays_http() -> None:
    assert link("http://127.0.0.1:8080").target.url.startswith("http://127.0.0.1:8080/serving-endpoints/")


def test_a_path_before_the_endpoints_is_kept() -> None:
    url = "https://proxy.test/dbx/serving-endpoints/my-endpoint/invocations"
    assert link("proxy.test/dbx").target.url == link(url).target.url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://workspace.test/?o=123",
        "ftp://workspace.test",
        "https://me:pw@h",
        "h h",
        "https:/workspace.test",
        "http:workspace.test",
        "https://workspace.test/serving-endpoints/another/invocations",
        "https://workspace.test/serving-endpoints/chat/completions",
        "https://me:pw@h/serving-endpoints/another",
    ],
)
def test_what_is_no_url_of_a_workspace(url: str) -> None:
    found = link(url)
    assert found.target is None
    assert [(one.code, one.path[-1]) for one in found.findings] == [("XMC402", "databricks_workspace_url")]
    assert "pw" not in repr(found.findings)


@pytest.mark.parametrize(
    ("config", "valid"),
    [
        ({"databricks_workspace_url": "h", "databricks_api_token": "{{secrets/a/b}}"}, True),
        ({"databricks_workspace_url": "h", "databricks_api_token_plaintext": "x", "stream_usage": True}, True),
        ({"databricks_workspace_url": "h"}, False),
        ({"databricks_api_token": "{{secrets/a/b}}"}, False),
        ({"databricks_workspace_url": "h", "databricks_api_token": "a", "databricks_api_token_plaintext": "b"}, False),
    ],
)
def test_schema(config: dict[str, Any], valid: bool) -> None:
    assert Draft202012Validator(DATABRICKS.config_schema).is_valid(config) is valid
