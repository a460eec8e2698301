"""All shipped providers in one place, for tests that hold for every one of them."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st
from tests import strategies, strategies_messages
from tests.strategies import Conversation

from xmc.plugins import Adapter, EntitySpec, Provider, Slot, anthropic, auth, aws, custom, openai, sse
from xmc.schema import Context, Exchange, Target, Task

PLUGINS: dict[str, object] = {
    "anthropic": anthropic,
    "auth": auth,
    "aws": aws,
    "custom": custom,
    "openai": openai,
    "sse": sse,
}
CONTEXT = Context(request_id="req", id="ID", created=1_700_000_000)
MODEL = "the-model"


@dataclass(frozen=True)
class Case:
    """A provider with a configuration that links, and `told`: what its upstream says, in its own form.

    `quirky`: it promises to repair what its upstream gets wrong. `family`: its upstream speaks OpenAI's form.
    """

    provider: Provider
    config: dict[str, Any]
    told: st.SearchStrategy[Conversation]
    quirky: bool
    family: bool = True

    @property
    def tasks(self) -> tuple[Task, ...]:
        return tuple(self.provider.capabilities)

    def target(self, task: Task, model: str = MODEL, **config: Any) -> Target:
        link = self.provider.link(EntitySpec("e", "entity", model, task, {**self.config, **config}))
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
CASES = {
    "anthropic": Case(
        anthropic.ANTHROPIC,
        {"anthropic_api_key": Slot("s/k")},
        strategies_messages.chats() | strategies_messages.completions(),
        quirky=True,
        family=False,
    ),
    "openai": Case(openai.OPENAI, {"openai_api_key": Slot("s/k")}, OPENAI_FORM[False], quirky=False),
    "custom": Case(
        custom.CUSTOM,
        {"custom_provider_url": "https://models.test/v1", "bearer_token_auth": {"token": Slot("s/k")}},
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
