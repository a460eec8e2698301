"""A gateway in front of another one: `databricks-model-serving` speaks to xmc as it does to Databricks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openai import APIError, OpenAI, PermissionDeniedError
from tests.clients.gateway import Gateway, endpoint, serving
from tests.clients.simulator import vector

pytestmark = pytest.mark.process


@dataclass(frozen=True)
class Outer:
    client: OpenAI
    log: Path


def entity(name: str, task: str, workspace: str, slot: str = "inner/token") -> dict[str, Any]:
    return {
        "name": name,
        "external_model": {
            "name": name,
            "provider": "databricks-model-serving",
            "task": f"llm/v1/{task}",
            "databricks_model_serving_config": {
                "databricks_workspace_url": workspace,
                "databricks_api_token": f"{{{{secrets/{slot}}}}}",
                **({} if task == "embeddings" else {"stream_usage": True}),
            },
        },
    }


@pytest.fixture
def outer(served: Gateway, tmp_path: Path) -> Iterator[Outer]:
    spec = {
        "secrets": {"stores": {"environment": {"kind": "env"}}, "default": "environment"},
        "endpoints": [
            endpoint("chat", entity("chat", "chat", served.url)),
            endpoint("text", entity("text", "completions", served.url)),
            endpoint("embed", entity("embed", "embeddings", served.url)),
            endpoint("wrong", entity("chat", "chat", served.url, "inner/wrong")),
        ],
    }
    environ = {"INNER_TOKEN": served.tokens["alice"], "INNER_WRONG": "xmc_canary_that_is_no_token"}
    with (
        serving(spec, tmp_path, environ) as (url, log),
        OpenAI(base_url=f"{url}/serving-endpoints", api_key="none", max_retries=0) as client,
    ):
        yield Outer(client, log)


def ask(text: str) -> Any:
    return [{"role": "user", "content": text}]


def test_all_three_tasks(outer: Outer, served: Gateway) -> None:
    chat = outer.client.chat.completions.create(model="chat", messages=ask("hello"), temperature=0.5)
    assert chat.choices[0].message.content == "echo: hello"
    assert served.upstream.seen[-1]["temperature"] == 0.5
    assert outer.client.completions.create(model="text", prompt="one two").choices[0].text == "echo: one two"
    rows = outer.client.embeddings.create(model="embed", input=["a", "bb"])
    assert [row.embedding for row in rows.data] == [vector("a"), vector("bb")]


def test_streams(outer: Outer) -> None:
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(outer.client.chat.completions.create(model="chat", messages=ask("a b c"), **options))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "echo: a b c"
    assert chunks[-1].usage is not None
    text = list(outer.client.completions.create(model="text", prompt="a b", stream=True))
    assert "".join(chunk.choices[0].text for chunk in text if chunk.choices) == "echo: a b"


def test_a_stream_that_is_cut_behind_both_is_seen_to_be(outer: Outer) -> None:
    with pytest.raises(APIError):
        list(outer.client.chat.completions.create(model="chat", messages=ask("cut"), stream=True))


@pytest.mark.parametrize("status", [400, 404, 429, 503])
def test_errors_pass_both(outer: Outer, status: int) -> None:
    with pytest.raises(APIError) as raised:
        outer.client.chat.completions.create(model="chat", messages=ask(f"error {status}"))
    error: Any = raised.value
    assert error.status_code == status
    assert f"the upstream says {status}" in error.message


def test_a_token_that_the_inner_one_does_not_know_is_the_operators_fault(outer: Outer) -> None:
    with pytest.raises(PermissionDeniedError) as raised:
        outer.client.chat.completions.create(model="wrong", messages=ask("hello"))
    assert raised.value.type == "upstream_auth_error"
    assert "xmc_canary" not in raised.value.response.text + outer.log.read_text()
