"""The life of a credential: acquired once, shared, refreshed in time, and never in the way of a request."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import pytest

from xmc.plugins import AuthError, AuthIO, Clock, Credential
from xmc.runtime.credentials import CredentialHolder
from xmc.runtime.errors import GatewayError, UpstreamUnreachableError
from xmc.schema import Auth, Secret, WireReply, WireRequest

CANARY = "canary-" + "z" * 20
WIRE = WireRequest("POST", "http://upstream.test/", (), b"{}")


@dataclass
class SetClock:
    time: float = 1000.0

    def now(self) -> float:
        return self.time


class NoIO:
    async def call(self, wire: WireRequest) -> WireReply:
        return WireReply(200, {"url": wire.url}, b"")


@dataclass
class Scheme:
    """Gives numbered tokens that live for `life_s`; waits at `gate`, and fails with `error` while that is set."""

    life_s: float | None = None
    refresh_s: float | None = None
    gate: asyncio.Event | None = None
    error: Exception | None = None
    goes_out: bool = False
    acquired: int = 0
    name: str = field(default="numbered")

    async def acquire(self, auth: Auth, secrets: Mapping[str, Secret], io: AuthIO, clock: Clock) -> Credential:
        del auth, secrets
        self.acquired += 1
        number = self.acquired
        if self.goes_out:
            await io.call(WIRE)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        expires = None if self.life_s is None else clock.now() + self.life_s
        refresh = None if self.refresh_s is None else clock.now() + self.refresh_s
        return Credential(headers=(("x-token", str(number)),), expires_at=expires, refresh_at=refresh)

    def sign(self, wire: WireRequest, credential: Credential, now: float) -> WireRequest:
        del now
        return wire.with_headers(credential.headers)

    def stale(self, status: int, headers: Mapping[str, str]) -> bool:
        return status == 401 and "expired" in headers


def holder(scheme: Scheme, clock: SetClock | None = None) -> CredentialHolder:
    return CredentialHolder(scheme, Auth(scheme="numbered"), {"key": Secret(CANARY)}, NoIO(), clock or SetClock())


async def token(held: CredentialHolder) -> str:
    return dict((await held.sign(WIRE))[0].headers)["x-token"]


async def settled(condition: Callable[[], bool]) -> None:
    """Let background tasks run until something holds."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError


async def test_a_static_credential_is_acquired_once() -> None:
    scheme, clock = Scheme(), SetClock()
    held = holder(scheme, clock)
    await held.prime()
    for _ in range(3):
        assert await token(held) == "1"
        clock.time += 1e9
    assert scheme.acquired == 1


async def test_requests_without_a_credential_share_one_attempt() -> None:
    scheme = Scheme(gate=asyncio.Event())
    held = holder(scheme)
    waiting = [asyncio.ensure_future(token(held)) for _ in range(5)]
    await settled(lambda: scheme.acquired == 1)
    waiting[0].cancel()  # a client that leaves does not take the attempt from the others
    await asyncio.sleep(0)
    assert scheme.gate is not None
    scheme.gate.set()
    assert await asyncio.gather(*waiting[1:]) == ["1"] * 4
    assert scheme.acquired == 1


async def test_an_expiring_credential_is_refreshed_while_the_old_one_serves() -> None:
    scheme, clock = Scheme(life_s=3600), SetClock()
    held = holder(scheme, clock)
    assert await token(held) == "1"
    clock.time += 3600 - 299
    scheme.gate = asyncio.Event()
    assert [await token(held) for _ in range(3)] == ["1"] * 3  # nobody waits
    await settled(lambda: scheme.acquired == 2)
    scheme.gate.set()
    await settled(lambda: held._current is not None and held._current.headers == (("x-token", "2"),))
    assert await token(held) == "2"
    assert scheme.acquired == 2


async def test_a_short_lived_credential_is_refreshed_at_a_fifth_of_its_life() -> None:
    scheme, clock = Scheme(life_s=100), SetClock()
    held = holder(scheme, clock)
    assert await token(held) == "1"
    clock.time += 79
    assert await token(held) == "1"
    await asyncio.sleep(0)
    assert scheme.acquired == 1
    clock.time += 2
    assert await token(held) == "1"
    await settled(lambda: scheme.acquired == 2)


@pytest.mark.parametrize(("refresh_s", "due_s"), [(43_200, 43_200), (86_399, 86_400 - 300)])
async def test_a_credential_is_refreshed_when_its_giver_wants_it_and_never_later_than_usual(
    refresh_s: float, due_s: float
) -> None:
    scheme, clock = Scheme(life_s=86_400, refresh_s=refresh_s), SetClock()
    held = holder(scheme, clock)
    assert await token(held) == "1"
    clock.time += due_s - 1
    assert await token(held) == "1"
    await asyncio.sleep(0)
    assert scheme.acquired == 1
    clock.time += 2
    assert await token(held) == "1"
    await settled(lambda: scheme.acquired == 2)


async def test_an_expired_credential_is_never_used() -> None:
    scheme, clock = Scheme(life_s=100), SetClock()
    held = holder(scheme, clock)
    assert await token(held) == "1"
    clock.time += 100
    assert await token(held) == "2"


async def test_a_failed_refresh_is_tried_again_later_and_bothers_nobody() -> None:
    scheme, clock = Scheme(life_s=3600), SetClock()
    held = holder(scheme, clock)
    assert await token(held) == "1"
    clock.time += 3500
    scheme.error = UpstreamUnreachableError()
    for _ in range(3):
        assert await token(held) == "1"
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert scheme.acquired == 2  # not one attempt per request
    clock.time += 6
    scheme.error = None
    assert await token(held) == "1"
    await settled(lambda: scheme.acquired == 3)


async def test_a_failure_reaches_the_request_without_the_schemes_words() -> None:
    held = holder(Scheme(error=RuntimeError(CANARY)))
    with pytest.raises(GatewayError) as caught:
        await held.sign(WIRE)
    assert (caught.value.status, caught.value.code, caught.value.should_retry) == (403, "upstream_auth_error", False)
    assert CANARY not in str(caught.value) + repr(held)
    assert caught.value.__cause__ is None


async def test_an_authority_that_is_out_of_order_is_an_outage_and_not_a_mistake() -> None:
    held = holder(Scheme(error=AuthError("answered 500", transient=True), goes_out=True))
    with pytest.raises(GatewayError) as caught:
        await held.sign(WIRE)
    assert (caught.value.status, caught.value.code) == (503, "upstream_auth_unavailable")
    assert caught.value.should_retry is None
    assert "500" not in str(caught.value)


async def test_priming_refuses_a_mistake_and_leaves_an_outage_to_the_first_request() -> None:
    with pytest.raises(AuthError, match="cannot stand in a header"):
        await holder(Scheme(error=AuthError("cannot stand in a header"))).prime()
    for error in (AuthError("token endpoint says no"), UpstreamUnreachableError()):
        scheme = Scheme(error=error, goes_out=True)
        held = holder(scheme)
        await held.prime()
        scheme.error = None
        assert await token(held) == "2"


@pytest.mark.parametrize("error", [AuthError(CANARY), RuntimeError(CANARY), UpstreamUnreachableError(CANARY)])
async def test_the_operator_is_told_once_a_minute_by_scheme_and_kind(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = SetClock()
    held = holder(Scheme(error=error), clock)
    said: list[str] = []
    for _ in range(3):
        for _ in range(5):
            with pytest.raises(GatewayError):
                await held.sign(WIRE)
        said.append(capsys.readouterr().err)
        clock.time += 40
    assert [text.count("\n") for text in said] == [1, 0, 1]
    told = "***" if isinstance(error, AuthError) else type(error).__name__
    assert f"(scheme numbered: {told})" in said[0]
    assert CANARY not in "".join(said)


async def test_the_operator_is_told_of_a_refresh_that_fails_while_the_old_credential_serves(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock, scheme = SetClock(), Scheme(life_s=1000)
    held = holder(scheme, clock)
    await held.sign(WIRE)
    scheme.error = RuntimeError(CANARY)
    clock.time += 950
    signed, _ = await held.sign(WIRE)
    await settled(lambda: scheme.acquired == 2)
    await asyncio.sleep(0)
    assert dict(signed.headers)["x-token"] == "1"
    assert "scheme numbered: RuntimeError" in capsys.readouterr().err


async def test_the_operator_reads_why_a_credential_was_refused_and_no_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scheme = Scheme(error=AuthError(f"the authority says invalid_client for {CANARY}"), goes_out=True)
    with pytest.raises(GatewayError) as raised:
        await holder(scheme).sign(WIRE)
    said = capsys.readouterr().err
    assert "scheme numbered: the authority says invalid_client for ***" in said
    assert CANARY not in said + str(raised.value)


@dataclass
class Refusal:
    """An upstream's reply with status 401."""

    headers: Mapping[str, str]
    status: int = 401

    async def read(self, limit: int) -> bytes:
        raise NotImplementedError(limit)

    def chunks(self) -> AsyncIterator[bytes]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


STALE = Refusal({"expired": "yes"})


async def test_a_credential_that_upstreams_call_out_of_date_is_replaced_once_for_all() -> None:
    clock, scheme = SetClock(), Scheme(life_s=3600)
    held = holder(scheme, clock)
    _, old = await held.sign(WIRE)
    clock.time += 60
    assert await asyncio.gather(*(held.replace(old, STALE) for _ in range(50))) == [True] * 50
    assert scheme.acquired == 2
    assert await token(held) == "2"
    assert await held.replace(old, STALE)  # a late refusal of the old one finds the new one there
    assert scheme.acquired == 2


async def test_a_refusal_for_another_reason_replaces_nothing() -> None:
    clock, scheme = SetClock(), Scheme(life_s=3600)
    held = holder(scheme, clock)
    _, credential = await held.sign(WIRE)
    assert not await held.replace(credential, STALE)  # acquired a moment ago: its age is not what is wrong
    clock.time += 60
    assert not await held.replace(credential, Refusal({}))
    assert scheme.acquired == 1
    fixed = holder(Scheme(), clock)
    _, credential = await fixed.sign(WIRE)
    clock.time += 60
    assert not await fixed.replace(credential, STALE)


async def test_where_no_new_credential_can_be_had_the_old_one_stays() -> None:
    clock, scheme = SetClock(), Scheme(life_s=3600)
    held = holder(scheme, clock)
    _, credential = await held.sign(WIRE)
    clock.time += 60
    scheme.error = RuntimeError("down")
    assert not await held.replace(credential, STALE)
    assert await token(held) == "1"


async def test_a_large_body_is_signed_beside_the_event_loop() -> None:
    signed_in: list[bool] = []

    class Noting(Scheme):
        def sign(self, wire: WireRequest, credential: Credential, now: float) -> WireRequest:
            signed_in.append(threading.current_thread() is threading.main_thread())
            return super().sign(wire, credential, now)

    held = holder(Noting())
    for size in (10, 1024 * 1024 + 1):
        wire, _ = await held.sign(WireRequest("POST", "http://upstream.test/", (), b"x" * size))
        assert wire.headers
    assert signed_in == [True, False]
