"""Requests to the provider `anthropic`, and what they come to."""

import json
from typing import Any

from tests.providers import CASES, CONTEXT

from xmc.plugins import EntitySpec
from xmc.plugins.anthropic import ANTHROPIC
from xmc.schema import Exchange, ProviderError, Refusal, Response, Task, WireReply

CASE = CASES["anthropic"]
HELLO = [{"role": "user", "content": "hej"}]


def exchange(
    request: dict[str, Any], *, task: Task = Task.CHAT, model: str = "claude-sonnet-4-6", **config: Any
) -> Exchange | Refusal:
    target = ANTHROPIC.link(EntitySpec("e", "n", model, task, {**CASE.config, **config})).target
    assert target is not None
    return ANTHROPIC.adapter(target).prepare(request, CONTEXT)


def prepared(request: dict[str, Any], **options: Any) -> Exchange:
    found = exchange(request, **options)
    assert isinstance(found, Exchange), found
    return found


def sent(messages: Any = HELLO, *, model: str = "claude-sonnet-4-6", **request: Any) -> dict[str, Any]:
    """Return the body of a chat request's call."""
    body: dict[str, Any] = json.loads(prepared({"messages": messages, **request}, model=model).calls[0].body)
    return body


def turns(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the turns that messages come to."""
    found: list[dict[str, Any]] = sent(list(messages))["messages"]
    return found


def dropped(messages: Any = HELLO, *, model: str = "claude-sonnet-4-6", **request: Any) -> tuple[str, ...]:
    return prepared({"messages": messages, **request}, model=model).dropped


def refused(messages: Any = HELLO, *, task: Task = Task.CHAT, **request: Any) -> str | None:
    """Return the parameter that a request is refused for."""
    given = {"messages": messages, **request} if task is Task.CHAT else request
    refusal = exchange(given, task=task)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.message
    return refusal.param


def decoded(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response | ProviderError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return prepared({"messages": HELLO}).decode([WireReply(status, headers or {}, data)])
