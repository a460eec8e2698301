"""A second opinion on wire formats: a simulator written by others (aimock), behind each provider that it knows.

What it gets wrong is left out: event streams of Bedrock, whose frames boto3 cannot read either. Completions, and
embeddings of Gemini, it does not serve.
"""

import json
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest
import requests
from openai import AsyncOpenAI
from tests.clients.node_packages import ATTEMPTS, FOLDER
from tests.gateways import endpoint, running, table
from tests.plugins.anthropic.test_gateway import ask
from tests.providers import PLUGINS
from tests.upstreams import free_port

from xmc.plugins import EntitySpec, Slot, build_plugins
from xmc.schema import Auth, Target, Task

pytestmark = [pytest.mark.process, pytest.mark.timeout(60 * ATTEMPTS + 60)]

KEY = Slot("kit/key")
PLACE = {"openai_api_type": "azure", "openai_api_version": "2024-10-21", "openai_deployment_name": "dep-1"}
CONFIGS: Mapping[str, tuple[str, str, dict[str, Any], str]] = {
    # Name -> provider, model, configuration, and what the base's key is and ends in.
    "openai": ("openai", "gpt-4o", {"openai_api_key": KEY}, "openai_api_base /v1"),
    "azure": ("openai", "gpt-4o", {**PLACE, "openai_api_key": KEY}, "openai_api_base "),
    "custom": ("custom", "any", {"bearer_token_auth": {"token": KEY}}, "custom_provider_url /v1"),
    "anthropic": ("anthropic", "claude-sonnet-4-6", {"anthropic_api_key": KEY}, "anthropic_api_base "),
    "cohere": ("cohere", "command-a-03-2025", {"cohere_api_key": KEY}, "cohere_api_base "),
    "ai21labs": ("ai21labs", "jamba-large", {"ai21labs_api_key": KEY}, "ai21labs_api_base /studio"),
    "bedrock": (
        "amazon-bedrock",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        {
            "aws_region": "eu-west-1",
            "bedrock_provider": "anthropic",
            "aws_access_key_id": KEY,
            "aws_secret_access_key": KEY,
        },
        "bedrock_api_base ",
    ),
    "vertex": (
        "google-cloud-vertex-ai",
        "gemini-3.5-flash",
        {"project_id": "p", "region": "europe-west1", "private_key": KEY},
        "vertex_api_base ",
    ),
}
EMBEDDERS = ("openai", "azure", "custom", "cohere")
UNSTREAMED = {"bedrock"}
CHATS = [(name, stream) for name in CONFIGS for stream in (False, True) if not (stream and name in UNSTREAMED)]
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Tells the weather.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


@pytest.fixture(scope="module")
def aimock(node: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, log = free_port(), tmp_path_factory.mktemp("aimock") / "log"
    command = [str(node), "node_modules/.bin/llmock", "-p", str(port), "-f", "aimock.json", "--strict"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=FOLDER, stdout=out, stderr=out)
    try:
        url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 30
        while True:
            try:
                requests.get(f"{url}/health", timeout=2)
                break
            except requests.RequestException:
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def target(url: str, name: str, task: Task = Task.CHAT) -> Target:
    provider, model, config, base = CONFIGS[name]
    key, _, end = base.partition(" ")
    model = "embed-v4.0" if name == "cohere" and task is Task.EMBEDDINGS else model
    given = EntitySpec("e", "n", model, task, {**config, key: f"{url}{end}"})
    found = build_plugins(PLUGINS).providers[provider].link(given)
    assert found.target is not None, found.findings
    # It checks no keys, and gives out no tokens.
    return msgspec.structs.replace(found.target, auth=Auth(scheme="none"))


@asynccontextmanager
async def served(url: str) -> AsyncIterator[AsyncOpenAI]:
    chats = [endpoint(name, target(url, name)) for name in CONFIGS]
    rows = [endpoint(f"{name}-rows", target(url, name, Task.EMBEDDINGS)) for name in EMBEDDERS]
    async with (
        running(table(*chats, *rows), plugins=build_plugins(PLUGINS)) as gateway,
        AsyncOpenAI(base_url=f"{gateway.url}/serving-endpoints", api_key="none", max_retries=0) as client,
    ):
        yield client


@pytest.mark.parametrize(("name", "stream"), CHATS)
async def test_a_text(aimock: str, name: str, stream: bool) -> None:
    async with served(aimock) as client:
        answer = await ask(client, model=name, messages=[{"role": "user", "content": "hej"}], stream=stream)
    assert answer.choices[0].message.content == "Hej på dig!"
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(("name", "stream"), [chat for chat in CHATS if chat[0] != "ai21labs"])
async def test_two_turns_with_parallel_calls(aimock: str, name: str, stream: bool) -> None:
    messages: Any = [{"role": "user", "content": "weather in Lund and Malmö?"}]
    async with served(aimock) as client:
        first = await ask(client, model=name, messages=messages, tools=TOOLS, stream=stream)
        calls: list[Any] = first.choices[0].message.tool_calls or []
        results = [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in calls]
        said = first.choices[0].message.model_dump(exclude_none=True)
        last = await ask(client, model=name, messages=[*messages, said, *results], tools=TOOLS, stream=stream)
    assert first.choices[0].finish_reason == "tool_calls"
    assert [(call.function.name, json.loads(call.function.arguments)["city"]) for call in calls] == [
        ("weather", "Lund"),
        ("weather", "Malmö"),
    ]
    assert len({call.id for call in calls}) == 2
    assert last.choices[0].message.content == "It rains in both."


@pytest.mark.parametrize("name", CONFIGS)
async def test_a_refusal_keeps_its_words(aimock: str, name: str) -> None:
    async with served(aimock) as client:
        with pytest.raises(openai.RateLimitError, match="slow down"):
            await ask(client, model=name, messages=[{"role": "user", "content": "too fast"}], stream=False)


@pytest.mark.parametrize("name", EMBEDDERS)
async def test_embeddings(aimock: str, name: str) -> None:
    async with served(aimock) as client:
        one = await client.embeddings.create(model=f"{name}-rows", input="one")
        two = await client.embeddings.create(model=f"{name}-rows", input="two words", encoding_format="float")
    assert (one.data[0].embedding, two.data[0].embedding) == ([0.5, -0.25, 1.0], [0.25, 2.0, -1.0])
