"""databricks-sdk, unchanged: `serving_endpoints.query`, `list` and `get`, with both ways to send a token."""

from typing import Any

import pytest
from databricks.sdk import WorkspaceClient, errors
from databricks.sdk.config import Config
from databricks.sdk.service.serving import (
    ChatMessage,
    ChatMessageRole,
    EndpointStateConfigUpdate,
    EndpointStateReady,
    ExternalModelProvider,
)
from tests.clients.gateway import Gateway
from tests.clients.simulator import vector


def connect(served: Gateway, **credentials: Any) -> WorkspaceClient:
    """Connect with nothing but these credentials; the retry budget is short, as no test here needs more."""
    return WorkspaceClient(config=Config(host=served.url, retry_timeout_seconds=5, **credentials))


@pytest.fixture
def client(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> WorkspaceClient:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_USERNAME", "DATABRICKS_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return connect(served, token=served.tokens["alice"])


def ask(text: str) -> list[ChatMessage]:
    return [ChatMessage(role=ChatMessageRole.USER, content=text)]


def test_query_for_each_task(client: WorkspaceClient) -> None:
    chat = client.serving_endpoints.query("chat", messages=ask("hello"), max_tokens=10, temperature=0.5)
    assert chat.choices is not None
    assert chat.choices[0].message is not None
    assert chat.choices[0].message.content == "echo: hello"
    assert chat.usage is not None
    assert chat.usage.total_tokens == 8
    assert chat.served_model_name == "sim"
    text = client.serving_endpoints.query("text", prompt="one two")
    assert text.choices is not None
    assert text.choices[0].text == "echo: one two"
    embedded = client.serving_endpoints.query("embed", input=["a", "bb"])
    assert embedded.data is not None
    assert [row.embedding for row in embedded.data] == [vector("a"), vector("bb")]


def test_the_split_picks_the_entity_that_the_header_names(client: WorkspaceClient, served: Gateway) -> None:
    assert {client.serving_endpoints.query("two", messages=ask(str(n))).served_model_name for n in range(5)} == {"left"}
    assert served.upstream.seen[-1]["model"] == "sim-left"


def test_list_and_get(client: WorkspaceClient) -> None:
    listed = list(client.serving_endpoints.list())
    assert [row.name for row in listed] == ["chat", "text", "embed", "private", "custom", "down", "two"]
    shown = client.serving_endpoints.get("chat")
    assert shown.state is not None
    assert shown.state.ready == EndpointStateReady.READY
    assert shown.state.config_update == EndpointStateConfigUpdate.NOT_UPDATING
    assert shown.config is not None
    assert shown.config.served_entities is not None
    model = shown.config.served_entities[0].external_model
    assert model is not None
    assert (model.provider, model.name, model.task) == (ExternalModelProvider.OPENAI, "sim-chat", "llm/v1/chat")
    assert model.openai_config is not None
    assert model.openai_config.openai_api_key == "{{secrets/sim/key}}"
    assert shown.id == {row.name: row.id for row in listed}["chat"]
    two = client.serving_endpoints.get("two")
    assert two.config is not None
    assert two.config.traffic_config is not None
    assert two.config.traffic_config.routes is not None
    assert [route.traffic_percentage for route in two.config.traffic_config.routes] == [100, 0]


def test_basic_credentials_are_accepted_and_wrong_ones_refused(client: WorkspaceClient, served: Gateway) -> None:
    assert client is not None  # its fixture cleared the environment
    basic = connect(served, username="token", password=served.tokens["alice"])
    assert basic.serving_endpoints.query("chat", messages=ask("x")).choices
    for wrong in ({"username": "token", "password": "nope"}, {"username": "alice", "password": served.tokens["alice"]}):
        with pytest.raises(errors.Unauthenticated):
            connect(served, **wrong).serving_endpoints.query("chat", messages=ask("x"))


def test_permissions_show_in_every_call(client: WorkspaceClient, served: Gateway) -> None:
    assert client is not None
    bob = connect(served, token=served.tokens["bob"])
    assert [row.name for row in bob.serving_endpoints.list()] == ["chat"]
    assert bob.serving_endpoints.get("chat").name == "chat"
    assert bob.serving_endpoints.query("chat", messages=ask("x")).choices
    with pytest.raises(errors.PermissionDenied):
        bob.serving_endpoints.get("private")
    with pytest.raises(errors.PermissionDenied):
        bob.serving_endpoints.query("private", messages=ask("x"))


@pytest.mark.parametrize(
    ("endpoint", "text", "kind"),
    [
        ("chat", "error 400", errors.BadRequest),
        ("chat", "error 401", errors.PermissionDenied),
        ("chat", "error 403", errors.PermissionDenied),
        ("chat", "error 404", errors.NotFound),
        ("chat", "error 409", errors.ResourceConflict),
        ("chat", "error 422", errors.BadRequest),
        ("chat", "error 500", errors.InternalError),
        ("chat", "error 502", errors.InternalError),
        ("chat", "error 504", errors.DeadlineExceeded),
        ("no-such-endpoint", "x", errors.ResourceDoesNotExist),
    ],
)
def test_errors_by_class_keep_their_text(client: WorkspaceClient, endpoint: str, text: str, kind: Any) -> None:
    with pytest.raises(kind, match=r"the upstream says|credential|no-such-endpoint"):
        client.serving_endpoints.query(endpoint, messages=ask(text))


def test_an_endpoint_that_is_not_there_is_not_found(client: WorkspaceClient) -> None:
    with pytest.raises(errors.ResourceDoesNotExist, match="no-such-endpoint"):
        client.serving_endpoints.get("no-such-endpoint")


def test_a_rate_limit_is_tried_again_and_then_answered(client: WorkspaceClient, served: Gateway) -> None:
    text = "error-once 429"
    served.upstream.calls[text] = 0
    answer = client.serving_endpoints.query("chat", messages=ask(text))
    assert answer.choices
    assert served.upstream.calls[text] == 2


def test_an_unknown_token_is_unauthenticated_and_not_repeated(client: WorkspaceClient, served: Gateway) -> None:
    assert client is not None
    with pytest.raises(errors.Unauthenticated) as caught:
        connect(served, token="not-a-client-token").serving_endpoints.query("chat", messages=ask("x"))
    assert caught.value.error_code == "UNAUTHENTICATED"
    assert "not-a-client-token" not in str(caught.value)
