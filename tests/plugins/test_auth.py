import pytest

from xmc.plugins import AuthError, AuthIO, AuthScheme, Clock, Credential
from xmc.plugins.auth import Bearer, HeaderKey, NoAuth
from xmc.schema import Auth, Secret, WireReply, WireRequest

WIRE = WireRequest("POST", "https://models.test/v1", (("Content-Type", "application/json"),), b"{}")


class NoIO(AuthIO, Clock):
    """Fails if a scheme with a static credential talks to anyone or asks for the time."""

    async def call(self, wire: WireRequest) -> WireReply:
        raise AssertionError(wire)

    def now(self) -> float:
        raise AssertionError


async def acquire(scheme: AuthScheme, auth: Auth, **secrets: str) -> Credential:
    values = {role: Secret(value) for role, value in secrets.items()}
    return await scheme.acquire(auth, values, NoIO(), NoIO())


async def test_bearer() -> None:
    scheme = Bearer()
    credential = await acquire(scheme, Auth(scheme="bearer", slots={"token": "s/k"}), token="canary-1")
    assert credential.expires_at is None
    assert scheme.sign(WIRE, credential, 0.0).headers == (*WIRE.headers, ("Authorization", "Bearer canary-1"))


async def test_header_key() -> None:
    scheme = HeaderKey()
    auth = Auth(scheme="header-key", params={"header": "X-API-Key"}, slots={"key": "s/k"})
    credential = await acquire(scheme, auth, key="canary-2")
    assert credential.expires_at is None
    assert scheme.sign(WIRE, credential, 0.0).headers == (*WIRE.headers, ("X-API-Key", "canary-2"))


async def test_none_adds_nothing() -> None:
    credential = await acquire(NoAuth(), Auth(scheme="none"))
    assert NoAuth().sign(WIRE, credential, 0.0) == WIRE


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "is empty"),
        ("canary\n", "line break"),
        ("can\r\nary: x", "line break"),
        ("canaryé", "visible ASCII"),
        ("canary\u2028", "visible ASCII"),
        ("canary\x00", "visible ASCII"),
        (" canary", "space"),
        ("canary ", "space"),
    ],
)
async def test_values_that_cannot_stand_in_a_header_are_refused_without_showing_them(value: str, reason: str) -> None:
    for scheme, auth, role in (
        (Bearer(), Auth(scheme="bearer", slots={"token": "scope/key"}), "token"),
        (HeaderKey(), Auth(scheme="header-key", params={"header": "X"}, slots={"key": "scope/key"}), "key"),
    ):
        with pytest.raises(AuthError, match=reason) as failure:
            await acquire(scheme, auth, **{role: value})
        assert "scope/key" in str(failure.value)
        assert "can" not in str(failure.value).replace("cannot", "").replace("only visible ASCII can", "")


async def test_a_target_that_lacks_something_is_refused() -> None:
    with pytest.raises(AuthError, match="was not read"):
        await acquire(Bearer(), Auth(scheme="bearer", slots={"token": "s/k"}))
    with pytest.raises(AuthError, match="names no header"):
        await acquire(HeaderKey(), Auth(scheme="header-key", slots={"key": "s/k"}), key="canary")


async def test_a_credential_is_never_printed() -> None:
    credential = await acquire(Bearer(), Auth(scheme="bearer", slots={"token": "s/k"}), token="canary-3")
    assert "canary-3" not in repr(credential)
    assert "canary-3" not in repr(Bearer().sign(WIRE, credential, 0.0))
