"""A token that an upstream calls out of date before its time: a new one is acquired, and the call is sent once more."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pytest
from tests.gateways import ASK, CHAT, endpoint, running, table, target
from tests.upstreams import Script, json_answer, scripted

from xmc.plugins import AuthIO, AuthScheme, Clock, Credential, Plugins, build_plugins, hookimpl, openai, sse
from xmc.schema import Auth, Secret, WireRequest


@dataclass
class Tokens:
    """Gives numbered tokens that live for an hour."""

    name: str = "bearer"
    acquired: int = 0

    async def acquire(self, auth: Auth, secrets: Mapping[str, Secret], io: AuthIO, clock: Clock) -> Credential:
        del auth, secrets, io
        self.acquired += 1
        # So old that it may be replaced, which the clock of a running gateway does not let a test wait for.
        return Credential((("Authorization", f"Bearer {self.acquired}"),), expires_at=clock.now() + 3600)

    def sign(self, wire: WireRequest, credential: Credential, now: float) -> WireRequest:
        del now
        return wire.with_headers(credential.headers)

    def stale(self, status: int, headers: Mapping[str, str]) -> bool:
        del headers
        return status == 401


def plugins(tokens: Tokens) -> Plugins:
    class Own:
        XMC_CONTRACT = 1

        @hookimpl
        def xmc_auth_schemes(self) -> Iterable[AuthScheme]:
            return (tokens,)

    return build_plugins({"own": Own(), "openai": openai, "sse": sse})


REFUSED = json_answer({"error": {"message": "token expired"}}, 401)


@pytest.mark.parametrize(
    ("scripts", "status", "calls"),
    [
        ([[REFUSED], [json_answer(CHAT)]], 200, 2),
        ([[REFUSED]], 403, 2),  # once more, and no more
    ],
)
async def test_it_is_sent_once_more(
    scripts: list[Script], status: int, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xmc.runtime.credentials._FRESH_S", 0.0)
    tokens = Tokens()
    async with (
        scripted(*scripts) as up,
        running(table(endpoint("chat", target(up.url))), plugins=plugins(tokens)) as gw,
    ):
        path = "/serving-endpoints/chat/invocations"
        async with gw.client() as client, client.post(path, json=ASK) as reply:
            assert reply.status == status
    assert [seen.headers["authorization"] for seen in up.requests] == [f"Bearer {n + 1}" for n in range(calls)]


async def test_targets_that_authenticate_alike_share_a_token() -> None:
    tokens = Tokens()
    async with scripted([json_answer(CHAT)]) as up:
        served = table(endpoint("a", target(up.url), target(up.url)), endpoint("b", target(up.url)))
        async with running(served, plugins=plugins(tokens)):
            assert tokens.acquired == 1
