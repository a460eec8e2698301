from typing import Any

import pytest
from jsonschema import Draft202012Validator

from xmc.plugins import EntitySpec, Link, Slot
from xmc.plugins.custom import CUSTOM
from xmc.schema import Auth, Relay, Target, Task

URL = "https://models.test/v1"
BEARER = {"token": Slot("s/t")}
KEY = {"key": "X-API-Key", "value": Slot("s/v")}


def link(task: Task = Task.CHAT, url: str = URL, **config: Any) -> Link:
    return CUSTOM.link(EntitySpec("e", "n", "m", task, {"custom_provider_url": url, **config}))


def test_bearer() -> None:
    assert link(bearer_token_auth=BEARER).target == Target(
        provider="custom",
        task=Task.CHAT,
        model="m",
        url="https://models.test/v1/chat/completions",
        auth=Auth(scheme="bearer", slots={"token": "s/t"}),
        framing="sse",
        relay=Relay.NORMALISE,
    )


def test_key_header() -> None:
    target = link(Task.EMBEDDINGS, api_key_auth=KEY).target
    assert target is not None
    assert target.auth == Auth(scheme="header-key", params={"header": "X-API-Key"}, slots={"key": "s/v"})
    assert target.url == "https://models.test/v1/embeddings"


def test_the_full_url_may_be_given() -> None:
    target = link(url="https://models.test/chat/completions", bearer_token_auth=BEARER).target
    assert target is not None
    assert target.url == "https://models.test/chat/completions"


def test_all_findings_come_at_once() -> None:
    outcome = link(url="models.test", api_key_auth={**KEY, "key": "Content-Type"})
    assert outcome.target is None
    assert [(finding.code, finding.path[2:]) for finding in outcome.findings] == [
        ("XMC402", ("custom_provider_url",)),
        ("XMC403", ("api_key_auth", "key")),
    ]


@pytest.mark.parametrize(
    ("config", "valid"),
    [
        ({"bearer_token_auth": {"token": "{{secrets/a/b}}"}}, True),
        ({"bearer_token_auth": {"token_plaintext": "x"}}, True),
        ({"api_key_auth": {"key": "X-Api-Key", "value": "{{secrets/a/b}}"}}, True),
        ({"api_key_auth": {"key": "X-Api-Key", "value_plaintext": "x"}}, True),
        ({"bearer_token_auth": {"token": "x"}, "stream_usage": False}, True),
        ({}, False),
        ({"bearer_token_auth": {}}, False),
        ({"bearer_token_auth": {"token": "x", "token_plaintext": "x"}}, False),
        ({"bearer_token_auth": {"token": "x"}, "api_key_auth": {"key": "k", "value": "v"}}, False),
        ({"api_key_auth": {"value": "v"}}, False),
        ({"api_key_auth": {"key": "no header", "value": "v"}}, False),
        ({"api_key_auth": {"key": "k", "value": "v", "extra": 1}}, False),
    ],
)
def test_schema(config: dict[str, Any], valid: bool) -> None:
    validator = Draft202012Validator(CUSTOM.config_schema)
    assert validator.is_valid({"custom_provider_url": URL, **config}) is valid
    assert not validator.is_valid(config)
