"""MLflow's Deployments client, unchanged: `get_deploy_client("databricks")`, with and without databricks-sdk."""

from typing import Any

import pytest
from tests.clients.gateway import Gateway
from tests.clients.simulator import vector

# The client's own dependencies warn about themselves; what it does to us is asserted, not its housekeeping.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(params=["true", "false"], ids=["with databricks-sdk", "without databricks-sdk"])
def client(request: pytest.FixtureRequest, served: Gateway, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {
        "DATABRICKS_HOST": served.url,
        "DATABRICKS_TOKEN": served.tokens["alice"],
        "MLFLOW_ENABLE_DB_SDK": request.param,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
        "MLFLOW_DEPLOYMENT_PREDICT_TIMEOUT": "5",
        "MLFLOW_DEPLOYMENT_PREDICT_TOTAL_TIMEOUT": "5",
    }.items():
        monkeypatch.setenv(name, value)
    from mlflow.deployments import get_deploy_client  # noqa: PLC0415 - reads the environment when imported

    return get_deploy_client("databricks")  # type: ignore[no-untyped-call]  # the client ships no types


def ask(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "max_tokens": 64}


def test_predict_for_each_task(client: Any) -> None:
    chat = client.predict(endpoint="chat", inputs=ask("hello"))
    assert chat["choices"][0]["message"]["content"] == "echo: hello"
    assert chat["usage"]["total_tokens"] == 8
    text = client.predict(endpoint="text", inputs={"prompt": "one two"})
    assert text["choices"][0]["text"] == "echo: one two"
    embedded = client.predict(endpoint="embed", inputs={"input": ["a", "bb"]})
    assert [row["embedding"] for row in embedded["data"]] == [vector("a"), vector("bb")]


def test_predict_stream(client: Any) -> None:
    chunks = list(client.predict_stream(endpoint="chat", inputs=ask("a b c")))
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == "echo: a b c"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_predict_stream_of_completions(client: Any) -> None:
    chunks = list(client.predict_stream(endpoint="text", inputs={"prompt": "a b"}))
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == "echo: a b"


def test_a_cut_stream_is_seen(client: Any) -> None:
    """The client yields an error event as a dictionary and goes on, so the broken connection must be visible too."""
    chunks = []
    with pytest.raises(Exception, match=r"(?i)broken|ended prematurely|chunked|incomplete"):
        chunks.extend(client.predict_stream(endpoint="chat", inputs=ask("cut")))
    assert all("finish_reason" not in str(chunk) or "'stop'" not in str(chunk) for chunk in chunks)


def test_list_and_get_endpoints(client: Any) -> None:
    listed = client.list_endpoints()
    assert [row["name"] for row in listed][:2] == ["chat", "text"]
    shown = client.get_endpoint("chat")
    assert shown["name"] == "chat"
    assert shown["state"]["config_update"] == "NOT_UPDATING"
    entity = shown["config"]["served_entities"][0]
    assert entity["external_model"]["openai_config"]["openai_api_key"] == "{{secrets/sim/key}}"


@pytest.mark.parametrize(
    ("endpoint", "text", "status"),
    [
        ("chat", "error 400", 400),
        ("chat", "error 401", 403),
        ("chat", "error 404", 404),
        ("chat", "error 413", 400),
        ("chat", "error 422", 400),
        ("chat", "error 504", 504),
        ("no-such-endpoint", "x", 404),
    ],
)
def test_errors_map_to_the_right_status_and_keep_their_text(
    client: Any, served: Gateway, endpoint: str, text: str, status: int
) -> None:
    served.upstream.calls[text] = 0
    with pytest.raises(Exception, match=r"the upstream says|credential|no-such-endpoint") as caught:
        client.predict(endpoint=endpoint, inputs=ask(text))
    assert _status(caught.value) == status
    assert served.upstream.calls[text] <= 1  # nothing that cannot succeed is sent twice


def test_an_unknown_token_is_401(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "not-a-token")
    with pytest.raises(Exception, match="token") as caught:
        client.predict(endpoint="chat", inputs=ask("x"))
    assert _status(caught.value) == 401
    assert "not-a-token" not in str(caught.value)


def test_basic_credentials_are_accepted(client: Any, served: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_TOKEN")
    monkeypatch.setenv("DATABRICKS_USERNAME", "token")
    monkeypatch.setenv("DATABRICKS_PASSWORD", served.tokens["alice"])
    assert client.predict(endpoint="chat", inputs=ask("basic"))["choices"][0]["message"]["content"] == "echo: basic"


def _status(error: BaseException) -> int:
    """The HTTP status that the client reports: its own exceptions map it from `error_code`, requests' carry it."""
    response = getattr(error, "response", None)
    return int(response.status_code if response is not None else error.get_http_status_code())  # type: ignore[attr-defined]  # MlflowException
