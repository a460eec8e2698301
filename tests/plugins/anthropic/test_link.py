"""From a served entity to its target, and what the compiler has to say about its model."""

from typing import Any

import msgspec
import pytest
from anthropic._data import DEPRECATED_MODELS
from jsonschema import Draft202012Validator
from tests.plugins.anthropic.asking import CASE

from xmc.plugins import EntitySpec, Link
from xmc.plugins.anthropic import ANTHROPIC
from xmc.plugins.anthropic.beta import allowed_betas
from xmc.plugins.anthropic.family import Thinking, family_of, read_families
from xmc.plugins.openai_family import BaseUrlError, compose_versioned_url
from xmc.schema import Auth, Relay, Severity, Task, canonical_json


def link(model: str = "claude-sonnet-4-6", task: Task = Task.CHAT, **config: Any) -> Link:
    return ANTHROPIC.link(EntitySpec("e", "n", model, task, {**CASE.config, **config}))


@pytest.mark.parametrize("task", [Task.CHAT, Task.COMPLETIONS])
def test_link(task: Task) -> None:
    found = link(task=task)
    assert found.findings == ()
    target = found.target
    assert target is not None
    assert target.url == "https://api.anthropic.com/v1/messages"
    assert target.auth == Auth(scheme="header-key", params={"header": "x-api-key"}, slots={"key": "s/k"})
    assert (target.framing, target.relay, target.task) == ("sse", Relay.NORMALISE, task)
    assert target.headers == (("anthropic-version", "2023-06-01"),)
    assert canonical_json(msgspec.to_builtins(target))


def test_embeddings_are_not_served() -> None:
    assert set(ANTHROPIC.capabilities) == {Task.CHAT, Task.COMPLETIONS}


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://h", "https://h/v1/messages"),
        ("https://h/", "https://h/v1/messages"),
        ("https://h/v1", "https://h/v1/messages"),
        ("https://h/v2/", "https://h/v1/messages"),
        ("https://h/a/v1/messages", "https://h/a/v1/messages"),
        ("https://h/a%20b?x=1", "https://h/a%20b/v1/messages?x=1"),
        ("http://[::1]:8/v10", "http://[::1]:8/v10/v1/messages"),
    ],
)
def test_bases(base: str, url: str) -> None:
    assert compose_versioned_url(base, "v1/messages") == url
    target = link(anthropic_api_base=base).target
    assert target is not None
    assert target.url == url


def test_a_base_that_is_no_url() -> None:
    found = link(anthropic_api_base="api.anthropic.com")
    assert found.target is None
    assert [(one.code, one.path[-1]) for one in found.findings] == [("XMC402", "anthropic_api_base")]
    with pytest.raises(BaseUrlError):
        compose_versioned_url("https://u:p@h", "v1/messages")


def test_models_that_refuse_are_a_warning_until_the_spec_says_what_to_do() -> None:
    for model in ("claude-opus-4-7", "claude-fable-5-1", "claude-haiku-5-5", "claude-opus-5-20260901"):
        (finding,) = link(model).findings
        assert (finding.code, finding.severity, finding.path) == (
            "XMC421", Severity.WARNING, ("external_model", "name"),
        )  # fmt: skip
        assert link(model, anthropic_drop_params=[]).findings == ()
    assert [one.code for one in link(anthropic_version="2026-10-21").findings] == ["XMC421"]
    assert link("claude-opus-4-6").findings == link("anything").findings == ()


@pytest.mark.parametrize("model", DEPRECATED_MODELS)
def test_models_that_end_are_a_warning(model: str) -> None:
    codes = [one.code for one in link(model, anthropic_drop_params=[]).findings]
    assert codes == ["XMC420"]
    assert family_of(model).ends is not None


def test_every_successor_lives_and_every_pattern_is_reached() -> None:
    for row in read_families():
        assert (row.ends is None) == (row.successor is None)
        if row.successor is not None:
            assert family_of(row.successor).ends is None
    assert family_of("CLAUDE-2").thinking is Thinking.NONE
    assert family_of("claude-3-7-sonnet-latest").thinking is Thinking.BUDGET
    assert family_of("claude-unheard-of").thinking is Thinking.ADAPTIVE


@pytest.mark.parametrize(
    ("config", "valid"),
    [
        ({"anthropic_api_key": "{{secrets/a/b}}"}, True),
        ({"anthropic_api_key_plaintext": "x", "anthropic_beta": ["a-1"], "anthropic_drop_params": []}, True),
        ({}, False),
        ({"anthropic_api_key": "{{secrets/a/b}}", "anthropic_api_key_plaintext": "x"}, False),
        ({"anthropic_api_key": "{{secrets/a/b}}", "anthropic_version": "latest"}, False),
        ({"anthropic_api_key": "{{secrets/a/b}}", "anthropic_default_max_tokens": 0}, False),
        ({"anthropic_api_key": "{{secrets/a/b}}", "anthropic_beta": ["a\r\nb"]}, False),
        ({"anthropic_api_key": "{{secrets/a/b}}", "anthropic_drop_params": ["stop"]}, False),
        ({"anthropic_api_key": "{{secrets/a/b}}", "anthropic_api_bas": "x"}, False),
    ],
)
def test_schema(config: dict[str, Any], valid: bool) -> None:
    assert Draft202012Validator(ANTHROPIC.config_schema).is_valid(config) is valid


def test_betas_that_requests_may_name() -> None:
    assert "computer-use-2025-01-24" in allowed_betas()
    assert not {"managed-agents-2026-04-01", "message-batches-2024-09-24"} & allowed_betas()
