"""`docs/plugins.md` names every hook, and its example works as it stands."""

import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from jsonschema import Draft202012Validator
from tests.providers import CONTEXT

from xmc.plugins import EntitySpec, Provider, Slot, build_plugins, hookspecs
from xmc.schema import Exchange, ProviderError, Refusal, Response, Task, WireReply, canonical_schema

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()


@pytest.fixture(scope="module")
def provider() -> Provider:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    module = ModuleType("answer_box")
    exec(compile(code, "docs/plugins.md", "exec"), module.__dict__)  # noqa: S102 - our own page
    return build_plugins({"answer-box": module}).providers["answer-box"]


def test_every_hook_has_a_heading() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("xmc_")}
    assert hooks == set(re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE))


def test_the_example_works(provider: Provider) -> None:
    Draft202012Validator.check_schema(provider.config_schema)
    config = {"url": "http://box.test", "api_key": Slot("s/k")}
    target = provider.link(EntitySpec("e", "n", "m", Task.CHAT, config)).target
    assert target is not None
    adapter = provider.adapter(target)
    exchange = adapter.prepare({"messages": [{"role": "user", "content": "why?"}], "seed": 7}, CONTEXT)
    assert isinstance(exchange, Exchange)
    assert exchange.dropped == ("seed",)
    assert json.loads(exchange.calls[0].body) == {"question": "why?"}
    response = exchange.decode([WireReply(200, {}, b'{"answer": "because"}')])
    assert isinstance(response, Response)
    Draft202012Validator(canonical_schema(Task.CHAT, "response")).validate(response.body)
    assert isinstance(exchange.decode([WireReply(500, {}, b"<html>")]), ProviderError)
    assert isinstance(adapter.prepare({"messages": [], "tools": [{}]}, CONTEXT), Refusal)
    refused = provider.link(EntitySpec("e", "n", "m", Task.CHAT, {**config, "url": "http://box.test?x"}))
    assert refused.target is None
