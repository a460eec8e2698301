"""All shipped providers in one place, for tests that hold for every one of them."""

from dataclasses import dataclass
from typing import Any

import pytest

from xmc.plugins import Adapter, EntitySpec, Provider, Slot, auth, custom, openai, sse
from xmc.schema import Context, Exchange, Target, Task

PLUGINS: dict[str, object] = {"auth": auth, "custom": custom, "openai": openai, "sse": sse}
CONTEXT = Context(request_id="req", id="ID", created=1_700_000_000)
MODEL = "the-model"


@dataclass(frozen=True)
class Case:
    """A provider with a configuration that links. `quirky`: it promises to repair what its upstream gets wrong."""

    provider: Provider
    config: dict[str, Any]
    quirky: bool

    def target(self, task: Task, **config: Any) -> Target:
        link = self.provider.link(EntitySpec("e", "entity", MODEL, task, {**self.config, **config}))
        assert link.target is not None, link.findings
        return link.target

    def adapter(self, task: Task, **config: Any) -> Adapter:
        return self.provider.adapter(self.target(task, **config))

    def exchange(self, task: Task, request: dict[str, Any], **config: Any) -> Exchange:
        exchange = self.adapter(task, **config).prepare(request, CONTEXT)
        assert isinstance(exchange, Exchange), exchange
        return exchange


CASES = {
    "openai": Case(openai.OPENAI, {"openai_api_key": Slot("s/k")}, quirky=False),
    "custom": Case(
        custom.CUSTOM,
        {"custom_provider_url": "https://models.test/v1", "bearer_token_auth": {"token": Slot("s/k")}},
        quirky=True,
    ),
}

each_provider = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
MINIMAL: dict[Task, dict[str, Any]] = {
    Task.CHAT: {"messages": [{"role": "user", "content": "hej"}]},
    Task.COMPLETIONS: {"prompt": "hej"},
    Task.EMBEDDINGS: {"input": "hej"},
}
