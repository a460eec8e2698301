"""Signatures of version 4: byte for byte those of botocore, whatever is signed."""

import datetime as dt
import re
import string
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from xmc.plugins import AuthError, AuthIO
from xmc.plugins.aws import SigV4
from xmc.schema import Auth, Secret, WireReply, WireRequest

NOW = 1_790_000_000.0
ARN = "arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Aapplication-inference-profile%2Fabc"
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret-of-a-test"}
PARAMS = {"region": "eu-west-1", "service": "bedrock"}
ROLES = ("access_key_id", "secret_access_key", "session_token")


class SetClock:
    def now(self) -> float:
        return NOW


class NoIO:
    async def call(self, wire: WireRequest) -> WireReply:
        raise AssertionError(wire)


IO: AuthIO = NoIO()


async def signed(wire: WireRequest, values: Mapping[str, str], *, now: float = NOW) -> WireRequest:
    scheme = SigV4()
    auth = Auth(scheme=scheme.name, params=PARAMS, slots={role: f"aws/{role}" for role in values})
    secrets = {role: Secret(value) for role, value in values.items()}
    return scheme.sign(wire, await scheme.acquire(auth, secrets, IO, SetClock()), now)


def signed_by_botocore(wire: WireRequest, *, now: float = NOW, token: str | None = None) -> Mapping[str, str]:
    request = AWSRequest(method=wire.method, url=wire.url, data=wire.body, headers=dict(wire.headers))
    moment = dt.datetime.fromtimestamp(now, dt.UTC).replace(tzinfo=None)
    with patch("botocore.auth.get_current_datetime", return_value=moment):
        SigV4Auth(Credentials("AKIDEXAMPLE", "secret-of-a-test", token), "bedrock", "eu-west-1").add_auth(request)
    found: dict[str, Any] = dict(request.headers)
    return {name.lower(): value for name, value in found.items()}


_segments = st.text(string.ascii_letters + string.digits + "-._~%:+ =@å", min_size=1, max_size=12)
_paths = st.lists(_segments.map(lambda text: re.sub("%", "%25", text).replace(" ", "%20")), max_size=4).map("/".join)
_tokens = st.none() | st.just("a/session+token==")
_headers = st.dictionaries(
    st.sampled_from(["Content-Type", "X-Amzn-Trace-Id", "X-Thing", "Accept", "User-Agent"]),
    st.text(string.ascii_letters + "/;= ,", max_size=15).map(str.strip),
)
_query_names, _query_values = st.sampled_from(["b", "a", "a-b", "X"]), st.sampled_from(["", "1", "%20", "~"])
_queries = st.lists(st.tuples(_query_names, _query_values), max_size=3)
_calls = st.builds(
    lambda path, query, headers, body: WireRequest(
        "POST",
        f"https://bedrock-runtime.eu-west-1.amazonaws.com/{path}?{'&'.join(map('='.join, query))}".rstrip("?"),
        tuple(headers.items()),
        body,
    ),
    _paths,
    _queries,
    _headers,
    st.binary(max_size=100),
)


@given(_calls, st.integers(0, 2**32), _tokens)
async def test_any_call_is_signed_as_botocore_signs_it(wire: WireRequest, now: int, token: str | None) -> None:
    ours = await signed(wire, KEYS if token is None else {**KEYS, "session_token": token}, now=now)
    theirs = signed_by_botocore(wire, now=now, token=token)
    assert dict(ours.headers)["Authorization"] == theirs["authorization"]
    assert dict(ours.headers)["X-Amz-Date"] == theirs["x-amz-date"]
    assert dict(ours.headers).get("X-Amz-Security-Token") == theirs.get("x-amz-security-token")


@pytest.mark.parametrize("model", ["anthropic.claude-sonnet-4-20250514-v1%3A0", ARN])
@pytest.mark.parametrize("host", ["127.0.0.1:8099", "[::1]:8099", "127.0.0.1:80", "bedrock.test"])
async def test_16_model_names_and_hosts(model: str, host: str) -> None:
    wire = WireRequest("POST", f"http://{host}/model/{model}/converse", (("Content-Type", "application/json"),), b"{}")
    ours = await signed(wire, KEYS)
    assert dict(ours.headers)["Authorization"] == signed_by_botocore(wire)["authorization"]
    assert ours.url == wire.url


async def test_the_key_of_the_day_changes_with_the_day() -> None:
    scheme = SigV4()
    auth = Auth(scheme=scheme.name, params=PARAMS, slots={role: role for role in ROLES[:2]})
    secrets = {"access_key_id": Secret("AKIDEXAMPLE"), "secret_access_key": Secret("secret-of-a-test")}
    credential = await scheme.acquire(auth, secrets, IO, SetClock())
    wire = WireRequest("POST", "https://bedrock.test/x", (), b"")
    for now in (NOW, NOW + 86_400, NOW + 5, NOW - 86_400):
        ours = dict(scheme.sign(wire, credential, now).headers)
        assert ours["Authorization"] == signed_by_botocore(wire, now=now)["authorization"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"access_key_id": "ASIAEXAMPLE", "secret_access_key": "s"}, "temporary access key"),
        ({"access_key_id": "AKIDEXAMPLE"}, "needs both"),
        ({"access_key_id": "AKIDEXAMPLE", "secret_access_key": ""}, "secret aws/secret_access_key is no AWS key"),
        ({"access_key_id": "AKID EXAMPLE", "secret_access_key": "s"}, "secret aws/access_key_id is no AWS key"),
        ({"access_key_id": "AKIDEXAMPLE", "secret_access_key": "hidden\n"}, "is no AWS key"),
    ],
)
async def test_34_keys_that_cannot_be_used_are_named_and_not_shown(values: dict[str, str], said: str) -> None:
    with pytest.raises(AuthError, match=said) as raised:
        await signed(WireRequest("POST", "https://bedrock.test/x", (), b""), values)
    assert "hidden" not in str(raised.value)


async def test_44_nothing_of_a_credential_is_printed() -> None:
    scheme = SigV4()
    auth = Auth(scheme=scheme.name, params=PARAMS, slots={})
    secrets = {"access_key_id": Secret("AKIDCANARY"), "secret_access_key": Secret("canary-of-a-test")}
    credential = await scheme.acquire(auth, secrets, IO, SetClock())
    wire = scheme.sign(WireRequest("GET", "https://x/", (), b""), credential, NOW)
    shown = f"{credential!r} {credential.data!r} {wire!r}"
    assert "AKIDCANARY" not in shown
    assert "canary" not in shown
