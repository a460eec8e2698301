"""Tokens of Entra ID: what is read of an answer, and what is told of a refusal."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.recorded import read

from xmc.plugins import AuthError, Credential
from xmc.plugins.azure import EntraClientSecret
from xmc.schema import Auth, Secret, WireReply, WireRequest

CANARY = "canary+/=&" + "z" * 20
PARAMS = {"authority": "https://a.test", "tenant": "contoso.test", "client_id": "c", "scope": "s/.default"}
AUTH = Auth(scheme="entra-client-secret", params=PARAMS, slots={"client_secret": "azure/secret"})
SCHEME = EntraClientSecret()
NOW = 1000.0


@dataclass
class Endpoint:
    status: int
    body: bytes
    seen: list[WireRequest] = field(default_factory=list)

    async def call(self, wire: WireRequest) -> WireReply:
        self.seen.append(wire)
        return WireReply(self.status, {}, self.body)

    def now(self) -> float:
        return NOW


async def acquire(status: int, body: Any, secret: str = CANARY) -> Credential:
    endpoint = Endpoint(status, body if isinstance(body, bytes) else json.dumps(body).encode())
    return await SCHEME.acquire(AUTH, {"client_secret": Secret(secret)}, endpoint, endpoint)


async def test_the_sample() -> None:
    credential = await acquire(200, read("azure-openai/token-clientcredentials.response.json"))
    wire = SCHEME.sign(WireRequest("POST", "https://h/", (), b""), credential, NOW)
    assert wire.headers == (("Authorization", "Bearer sample.access.token"),)
    assert (credential.expires_at, credential.refresh_at) == (NOW + 3599, None)


@pytest.mark.parametrize(
    ("said", "refresh"),
    [
        ({"expires_in": 86399, "refresh_in": 43199}, 43199),
        ({"expires_in": "86400"}, 43200),
        ({"expires_in": 7199}, None),
        ({"expires_in": 3599, "refresh_in": -1}, None),
    ],
)
async def test_long_lived_tokens_are_renewed_early(said: dict[str, Any], refresh: float | None) -> None:
    credential = await acquire(200, {"access_token": "t", **said})
    assert credential.expires_at == NOW + float(said["expires_in"])
    assert credential.refresh_at == (None if refresh is None else NOW + refresh)


async def test_a_refusal_is_told_without_its_description() -> None:
    with pytest.raises(AuthError) as raised:
        await acquire(401, read("azure-openai/token-error.response.json"))
    assert not raised.value.transient
    assert str(raised.value) == (
        "Entra ID refused the application's credentials: 401, invalid_client (AADSTS7000215, correlation id 0)"
    )


@pytest.mark.parametrize(
    ("status", "body", "transient"),
    [
        (400, {"error": "invalid_scope"}, False),
        (400, {"error": "temporarily_unavailable"}, True),
        (429, {}, True),
        (503, b"<html>", True),
        (302, b"", False),
        (200, b"[]", True),
        (200, {"access_token": "t"}, True),
        (200, {"access_token": "a\r\nb", "expires_in": 1}, True),
        (200, {"access_token": "t", "expires_in": True}, True),
        (200, {"access_token": "t", "expires_in": 1e308}, True),
    ],
)
async def test_what_is_no_token(status: int, body: Any, transient: bool) -> None:
    with pytest.raises(AuthError) as raised:
        await acquire(status, body)
    assert raised.value.transient is transient
    assert CANARY not in str(raised.value)


async def test_an_empty_secret_is_not_sent() -> None:
    with pytest.raises(AuthError, match="azure/secret is empty"):
        await acquire(200, {}, secret="")


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(CANARY) | st.just([1, "x", None])
FIELDS = ("access_token", "expires_in", "refresh_in", "error", "error_codes", "correlation_id")


@given(st.integers(200, 599), st.binary() | st.dictionaries(st.sampled_from(FIELDS), VALUES))
async def test_any_answer_is_a_token_or_a_named_failure(status: int, body: Any) -> None:
    told: Credential | AuthError
    try:
        told = await acquire(status, body)
    except AuthError as error:
        told = error
    assert CANARY not in str(told)
    assert isinstance(told, AuthError) or (told.expires_at or 0) > NOW
