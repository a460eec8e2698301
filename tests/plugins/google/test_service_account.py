"""Tokens for the key of a service account, held against Google's own library, and what is said of unusable keys."""

import datetime as dt
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from google.auth import jwt
from google.oauth2 import service_account
from tests.plugins.recorded import read
from tests.simulators.google_tokens import AUDIENCE, EMAIL, SCOPE, account, pem, private_key, public_pem

from xmc.plugins import AuthError, Credential
from xmc.plugins.google import ServiceAccount
from xmc.plugins.google.assertion import sign_assertion
from xmc.schema import Auth, Secret, WireReply, WireRequest

NOW = int(time.time())
TOKEN = read("google-cloud-vertex-ai/auth-token.response.json")
REFUSED = read("google-cloud-vertex-ai/auth-token-error-400.response.json")
HAS_PASSWORD = private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()
ELLIPTIC = (
    ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
)


class SetClock:
    def now(self) -> float:
        return NOW + 0.25


@dataclass
class Endpoint:
    """The token endpoint, which answers with a recorded body."""

    body: bytes = TOKEN
    status: int = 200
    calls: list[WireRequest] = field(default_factory=list)

    async def call(self, wire: WireRequest) -> WireReply:
        self.calls.append(wire)
        return WireReply(self.status, {}, self.body)


async def acquire(secret: str | None, endpoint: Endpoint | None = None, **params: str) -> Credential:
    secrets = {} if secret is None else {"private_key": Secret(secret)}
    auth = Auth(scheme="google-service-account", params=params, slots={"private_key": "gcp/key"})
    return await ServiceAccount().acquire(auth, secrets, endpoint or Endpoint(), SetClock())


def claim_of(wire: WireRequest) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return header and claim of what was sent, and the form's grant."""
    form = parse_qs(wire.body.decode(), strict_parsing=True)
    assertion = form["assertion"][0]
    decode_header: Any = jwt.decode_header
    decode: Any = jwt.decode
    return (
        decode_header(assertion),
        dict(decode(assertion, certs=public_pem(), audience=AUDIENCE)),
        form["grant_type"][0],
    )


async def test_a_key_buys_a_token() -> None:
    endpoint = Endpoint()
    credential = await acquire(account(), endpoint)
    (wire,) = endpoint.calls
    assert (wire.method, wire.url) == ("POST", AUDIENCE)
    assert ("Content-Type", "application/x-www-form-urlencoded") in wire.headers
    assert credential.expires_at == NOW + 0.25 + 3599
    assert "ya29" not in repr(credential)
    signed = ServiceAccount().sign(WireRequest("POST", "https://x.test/", (), b"{}"), credential, NOW)
    assert dict(signed.headers)["Authorization"] == "Bearer ya29.sample"
    assert "ya29" not in repr(signed)


@pytest.mark.parametrize("key_id", ["0123456789abcdef", None])
async def test_the_claim_is_that_of_googles_own_library(key_id: str | None) -> None:
    endpoint = Endpoint()
    await acquire(account(private_key_id=key_id), endpoint)
    header, claim, grant = claim_of(endpoint.calls[0])
    sent: list[Any] = []

    def send(url: str, method: str, body: bytes, headers: dict[str, str], **_: Any) -> Any:
        sent.append(WireRequest(method, url, tuple(headers.items()), body))
        return type("Reply", (), {"status": 200, "data": TOKEN, "headers": {}})

    make: Any = service_account.Credentials.from_service_account_info
    theirs = make({**json.loads(account()), "private_key_id": key_id}, scopes=[SCOPE])
    with patch("google.auth._helpers.utcnow", return_value=dt.datetime.fromtimestamp(NOW, dt.UTC).replace(tzinfo=None)):
        theirs.refresh(send)
    other_header, other_claim, other_grant = claim_of(sent[0])
    assert {k: v for k, v in other_header.items() if v is not None} == header
    assert (claim, grant, endpoint.calls[0].url) == (other_claim, other_grant, sent[0].url)
    assert theirs.token == "ya29.sample"


@pytest.mark.parametrize("secret", [pem(), pem().replace("\n", "\\n"), f"\n{pem()}\n"])
async def test_a_bare_pem_needs_to_be_told_whose_it_is(secret: str) -> None:
    endpoint = Endpoint()
    await acquire(secret, endpoint, client_email=EMAIL)
    header, claim, _ = claim_of(endpoint.calls[0])
    assert claim["iss"] == EMAIL
    assert "kid" not in header
    with pytest.raises(AuthError, match=r"secret gcp/key is a bare PEM.* the spec needs client_email"):
        await acquire(secret)


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (None, "was not read"),
        ("AIzaCANARY", "is neither the JSON of a service account's key nor a private key in PEM"),
        ('{"CANARY', "cannot be read as such"),
        ('{"type": "authorized_user", "refresh_token": "CANARY"}', "its `type` is not service_account"),
        (account(client_email=None), "lacks client_email"),
        (account(private_key=" ", client_email=7), "lacks client_email and private_key"),
        (
            account(private_key="-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----"),
            "no private key in PEM",
        ),
        (account(private_key=HAS_PASSWORD), "with a password"),
        (account(private_key=ELLIPTIC), "is not an RSA key"),
        (account(token_uri="https://evil.test/CANARY"), "names a token_uri that the spec does not allow"),
    ],
)
async def test_keys_that_will_not_do_are_named_by_slot_and_not_shown(secret: str | None, said: str) -> None:
    endpoint = Endpoint()
    with pytest.raises(AuthError, match=said) as raised:
        await acquire(secret, endpoint)
    assert "gcp/key" in str(raised.value)
    assert "CANARY" not in f"{raised.value!r} {raised.value.__cause__!r}"
    assert not raised.value.transient
    assert not endpoint.calls


async def test_the_key_of_another_account_than_the_specs_is_refused() -> None:
    with pytest.raises(AuthError, match="another account"):
        await acquire(account(), client_email="other@my-project.iam.gserviceaccount.com")


async def test_a_token_uri_that_the_spec_names_is_used() -> None:
    endpoint = Endpoint()
    place = "http://127.0.0.1:1/token"
    await acquire(account(token_uri=place), endpoint, token_uri=place)
    assert endpoint.calls[0].url == place
    assert claim_of(endpoint.calls[0])[1]["aud"] == AUDIENCE  # as Google's own library has it


@pytest.mark.parametrize(
    ("status", "body", "transient", "said"),
    [
        (400, REFUSED, False, r"answered 400: invalid_grant \(Invalid JWT Signature\.\)$"),
        (401, b'{"error": "invalid_client"}', False, "answered 401: invalid_client$"),
        (400, b'{"error": "server_error"}', True, "server_error"),
        (403, b"<html>", False, "answered 403$"),
        (429, b"", True, "answered 429$"),
        (503, b"[]", True, "answered 503$"),
        (200, b"{}", True, "without an access token"),
        (200, b'{"access_token": "a\\r\\nX-Evil: 1", "expires_in": 10}', True, "without an access token"),
        (200, b'{"access_token": "a", "expires_in": true}', True, "how long"),
        (200, b'{"access_token": "a", "expires_in": 0}', True, "how long"),
        (200, b"\xff", True, "without an access token"),
    ],
)
async def test_35_refusals_and_outages_are_told_apart(status: int, body: bytes, transient: bool, said: str) -> None:
    with pytest.raises(AuthError, match=said) as raised:
        await acquire(account(), Endpoint(body, status))
    assert raised.value.transient is transient


async def test_35_a_refusal_does_not_repeat_what_was_sent() -> None:
    endpoint = Endpoint()
    await acquire(account(), endpoint)
    assertion = parse_qs(endpoint.calls[0].body.decode())["assertion"][0]
    for about in (assertion, f"Bad token {assertion[:60]}", pem()[30:90]):
        body = json.dumps({"error": "invalid_grant", "error_description": about}).encode()
        with pytest.raises(AuthError) as raised:
            await acquire(account(), Endpoint(body, 400))
        assert str(raised.value) == "Google's token endpoint answered 400: invalid_grant"


def test_only_401_means_that_the_token_is_out_of_date() -> None:
    assert [ServiceAccount().stale(status, {}) for status in (401, 403)] == [True, False]


async def test_the_key_is_checked_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def sign(*args: Any, **more: Any) -> str:
        threads.append(threading.get_ident())
        return sign_assertion(*args, **more)

    monkeypatch.setattr("xmc.plugins.google.assertion.sign_assertion", sign)
    await acquire(account())
    assert threads
    assert threading.get_ident() not in threads
