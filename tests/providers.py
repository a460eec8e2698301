"""All shipped providers in one place, for tests that hold for every one of them."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from tests import strategies, strategies_cohere, strategies_converse, strategies_gemini, strategies_messages
from tests.strategies import Conversation

from xmc.plugins import (
    Adapter,
    EntitySpec,
    FrameReader,
    Provider,
    Slot,
    ai21labs,
    amazon_bedrock,
    anthropic,
    auth,
    aws,
    azure,
    build_plugins,
    cohere,
    custom,
    databricks_model_serving,
    google,
    google_cloud_vertex_ai,
    openai,
    sse,
)
from xmc.schema import Context, Event, Exchange, Target, Task

PLUGINS: dict[str, object] = {
    "ai21labs": ai21labs,
    "amazon-bedrock": amazon_bedrock,
    "anthropic": anthropic,
    "auth": auth,
    "aws": aws,
    "azure": azure,
    "cohere": cohere,
    "custom": custom,
    "databricks-model-serving": databricks_model_serving,
    "google": google,
    "google-cloud-vertex-ai": google_cloud_vertex_ai,
    "openai": openai,
    "sse": sse,
}
CONTEXT = Context(request_id="req", id="ID", created=1_700_000_000)
MODEL = "the-model"


def sse_events(chunks: Iterable[dict[str, Any]]) -> list[Event]:
    """Return chunks as OpenAI's streams tell them."""
    return [*(Event(json.dumps(chunk).encode()) for chunk in chunks), Event(b"[DONE]")]


@dataclass(frozen=True)
class Case:
    """A provider with a configuration that links, and `told`: what its upstream says, in its own form.

    `quirky`: it promises to repair what its upstream gets wrong. `family`: its upstream speaks OpenAI's form.
    `events_of` and `streams_of` tell the chunks of a conversation as events, and as bytes in the upstream's framing.
    """

    provider: Provider
    config: dict[str, Any]
    told: st.SearchStrategy[Conversation]
    quirky: bool
    family: bool = True
    events_of: Callable[[tuple[dict[str, Any], ...]], list[Event]] = sse_events
    streams_of: Callable[[tuple[dict[str, Any], ...]], st.SearchStrategy[bytes]] = strategies.streams_of
    framing: str = "sse"
    embeds: Mapping[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = ("", "", "message", "error")

    def reader(self) -> FrameReader:
        return build_plugins(PLUGINS).framings[self.framing].reader()

    @property
    def tasks(self) -> tuple[Task, ...]:
        return tuple(self.provider.capabilities)

    def target(self, task: Task, model: str = MODEL, **config: Any) -> Target:
        own = {**self.config, **(self.embeds if task is Task.EMBEDDINGS else {}), **config}
        link = self.provider.link(EntitySpec("e", "entity", model, task, own))
        assert link.target is not None, link.findings
        return link.target

    def adapter(self, task: Task, model: str = MODEL, **config: Any) -> Adapter:
        return self.provider.adapter(self.target(task, model, **config))

    def exchange(self, task: Task, request: dict[str, Any], **config: Any) -> Exchange:
        exchange = self.adapter(task, **config).prepare(request, CONTEXT)
        assert isinstance(exchange, Exchange), exchange
        return exchange


OPENAI_FORM = {
    quirky: strategies.chats(quirky=quirky) | strategies.completions(quirky=quirky) for quirky in (False, True)
}
VERTEX_CONFIG = {"project_id": "my-project", "region": "europe-west4", "private_key": Slot("s/k")}
CASES = {
    "ai21labs": Case(
        ai21labs.AI21,
        {"ai21labs_api_key": Slot("s/k")},
        # Several choices are not streamed by it.
        OPENAI_FORM[True].filter(lambda told: len(told.said) == 1),
        quirky=True,
        family=False,
    ),
    "amazon-bedrock": Case(
        amazon_bedrock.BEDROCK,
        {
            "aws_region": "eu-west-1",
            "bedrock_provider": "anthropic",
            "aws_access_key_id": Slot("s/id"),
            "aws_secret_access_key": Slot("s/key"),
        },
        strategies_converse.chats() | strategies_converse.completions(),
        quirky=True,
        family=False,
        events_of=strategies_converse.events_of,
        streams_of=strategies_converse.streams_of,
        framing="aws-event-stream",
        kinds=("", *strategies_converse.KINDS, "exception/throttlingException", "error/x", "odd/"),
        embeds={"bedrock_provider": "cohere"},
    ),
    "anthropic": Case(
        anthropic.ANTHROPIC,
        {"anthropic_api_key": Slot("s/k")},
        strategies_messages.chats() | strategies_messages.completions(),
        quirky=True,
        family=False,
    ),
    "google-cloud-vertex-ai": Case(
        google_cloud_vertex_ai.VERTEX,
        VERTEX_CONFIG,
        strategies_gemini.chats() | strategies_gemini.completions(),
        quirky=True,
        family=False,
        events_of=strategies_gemini.events_of,
        streams_of=strategies_gemini.streams_of,
    ),
    "cohere": Case(
        cohere.COHERE,
        {"cohere_api_key": Slot("s/k")},
        strategies_cohere.chats() | strategies_cohere.completions(),
        quirky=True,
        family=False,
    ),
    "openai": Case(openai.OPENAI, {"openai_api_key": Slot("s/k")}, OPENAI_FORM[False], quirky=False),
    "openai azure": Case(
        openai.OPENAI,
        {
            "openai_api_type": "azure",
            "openai_api_key": Slot("s/k"),
            "openai_api_base": "https://resource.openai.azure.com",
            "openai_api_version": "2024-10-21",
            "openai_deployment_name": "dep-1",
        },
        OPENAI_FORM[True],
        quirky=True,
    ),
    "custom": Case(
        custom.CUSTOM,
        {"custom_provider_url": "https://models.test/v1", "bearer_token_auth": {"token": Slot("s/k")}},
        OPENAI_FORM[True],
        quirky=True,
    ),
    "databricks-model-serving": Case(
        databricks_model_serving.DATABRICKS,
        {
            "databricks_workspace_url": "https://workspace.test",
            "databricks_api_token": Slot("s/k"),
            "stream_usage": True,
        },
        OPENAI_FORM[True],
        quirky=True,
    ),
}

each_provider = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
FAMILY = {name: case for name, case in CASES.items() if case.family}
each_of_family = pytest.mark.parametrize("case", FAMILY.values(), ids=FAMILY.keys())
MINIMAL: dict[Task, dict[str, Any]] = {
    Task.CHAT: {"messages": [{"role": "user", "content": "hej"}]},
    Task.COMPLETIONS: {"prompt": "hej"},
    Task.EMBEDDINGS: {"input": "hej"},
}
