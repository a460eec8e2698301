"""databricks-sdk and MLflow read the simulator, are refused by it, and send what the gateway sends."""

import asyncio
import json
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient, errors
from databricks.sdk.config import Config
from databricks.sdk.service.serving import ChatMessage, ChatMessageRole
from tests.providers import CASES, CONTEXT
from tests.simulators.databricks import TOKEN, Simulator, simulator

from xmc.schema import Exchange, Task

# The clients' own dependencies warn about themselves.
pytestmark = pytest.mark.filterwarnings("ignore")
HELLO = [ChatMessage(role=ChatMessageRole.USER, content="hello there")]


def query(workspace: Simulator, name: str, token: str = TOKEN, **request: Any) -> Any:
    config = Config(host=workspace.url, token=token, retry_timeout_seconds=1)
    return WorkspaceClient(config=config).serving_endpoints.query(name, **request)


async def test_answers_are_read() -> None:
    async with simulator() as workspace:
        chat = await asyncio.to_thread(query, workspace, "chat", messages=HELLO, max_tokens=9)
        text = await asyncio.to_thread(query, workspace, "text", prompt="one two")
        rows = await asyncio.to_thread(query, workspace, "rows", input=["a", "bcd"])
    assert chat.choices[0].message.content == "hello there"
    assert text.choices[0].text == "one two"
    assert [row.embedding for row in rows.data] == [[1.0, 0.5], [3.0, 0.5]]


async def test_streams_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulator() as workspace:
        for name, value in {"DATABRICKS_HOST": workspace.url, "DATABRICKS_TOKEN": TOKEN}.items():
            monkeypatch.setenv(name, value)
        from mlflow.deployments import get_deploy_client  # noqa: PLC0415 - reads the environment when imported

        client: Any = get_deploy_client("databricks")  # type: ignore[no-untyped-call]  # the client ships no types
        asked = {"messages": [{"role": "user", "content": "hello there"}]}
        chunks = await asyncio.to_thread(lambda: list(client.predict_stream(endpoint="chat", inputs=asked)))
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == "hello there"
    assert all(chunk["usage"] and chunk["choices"][0]["delta"]["role"] for chunk in chunks)


@pytest.mark.parametrize(
    ("name", "more", "error"),
    [
        ("nope", {}, errors.ResourceDoesNotExist),
        ("denied", {}, errors.PermissionDenied),
        ("chat", {"token": "another"}, errors.Unauthenticated),
    ],
)
async def test_refusals_are_the_clients_own_errors(name: str, more: dict[str, Any], error: type[Exception]) -> None:
    async with simulator() as workspace:
        with pytest.raises(error):
            await asyncio.to_thread(query, workspace, name, messages=HELLO, **more)


@pytest.mark.parametrize(
    ("task", "request_"),
    [
        (Task.CHAT, {"messages": HELLO, "max_tokens": 64, "temperature": 0.5, "stop": ["END"], "n": 2}),
        (Task.COMPLETIONS, {"prompt": "one two", "max_tokens": 7, "temperature": 1.0}),
        (Task.EMBEDDINGS, {"input": ["a", "bcd"]}),
    ],
)
async def test_34_our_call_is_that_of_databricks_sdk(task: Task, request_: dict[str, Any]) -> None:
    async with simulator() as workspace:
        await asyncio.to_thread(query, workspace, "my-endpoint", **request_)
        (seen,) = workspace.seen
        ours = {**request_, "model": "endpoint"}
        if "messages" in ours:
            ours["messages"] = [message.as_dict() for message in HELLO]
        adapter = CASES["databricks-model-serving"].adapter(
            task, "my-endpoint", databricks_workspace_url=f"{workspace.url}/"
        )
        exchange = adapter.prepare(ours, CONTEXT)
        assert isinstance(exchange, Exchange)
        (wire,) = exchange.calls
        assert (wire.method, wire.url) == ("POST", f"{workspace.url}{seen.path}")
    assert json.loads(wire.body) == seen.body
    assert "model" not in seen.body
    headers = dict(wire.headers)
    assert (headers["Content-Type"], headers["Accept"]) == (seen.headers["content-type"], seen.headers["accept"])
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
