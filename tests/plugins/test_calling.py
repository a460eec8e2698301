"""What a scheme says it calls is what it calls: an allow-list of hosts is checked by it before traffic."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from tests.simulators.google_tokens import account

from xmc.plugins import AuthError, Plugins, build_plugins, called_by
from xmc.schema import Auth, Secret, WireReply, WireRequest

ENTRA = {"authority": "https://login.test", "tenant": "t", "client_id": "c", "scope": "s"}
KEYS = {"region": "eu-west-1", "service": "bedrock"}
AUTHS = [
    (Auth(scheme="bearer"), {"token": "x"}, []),
    (Auth(scheme="header-key", params={"header": "x-api-key"}), {"key": "x"}, []),
    (Auth(scheme="none"), {}, []),
    (Auth(scheme="aws-sigv4", params=KEYS), {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "x"}, []),
    (Auth(scheme="entra-client-secret", params=ENTRA), {"client_secret": "x"}, ["login.test"]),
    (Auth(scheme="google-service-account"), {"private_key": account()}, ["oauth2.googleapis.com"]),
    (
        Auth(scheme="google-service-account", params={"token_uri": "https://sts.test/token"}),
        {"private_key": account(token_uri="https://sts.test/token")},
        ["sts.test"],
    ),
]


@dataclass
class Outside:
    """Notes who is called, and refuses."""

    called: list[str | None] = field(default_factory=list)

    async def call(self, wire: WireRequest) -> WireReply:
        self.called.append(urlsplit(wire.url).hostname)
        return WireReply(400, {}, b"{}")

    def now(self) -> float:
        return 1000.0


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return build_plugins()


@pytest.mark.parametrize(("auth", "secrets", "hosts"), AUTHS, ids=[one.scheme for one, _, _ in AUTHS])
async def test_a_shipped_scheme_names_every_host_that_it_calls(
    auth: Auth, secrets: dict[str, str], hosts: list[str], plugins: Plugins
) -> None:
    scheme, outside = plugins.auth_schemes[auth.scheme], Outside()
    try:
        await scheme.acquire(auth, {role: Secret(value) for role, value in secrets.items()}, outside, outside)
    except AuthError:
        assert hosts
    assert outside.called == hosts
    assert [urlsplit(url).hostname for url in called_by(scheme, auth)] == hosts


def test_every_shipped_scheme_is_looked_at(plugins: Plugins) -> None:
    """`aws-default-chain` asks botocore, which goes out by itself; docs/egress.md says so."""
    assert {auth.scheme for auth, _, _ in AUTHS} == set(plugins.auth_schemes) - {"aws-default-chain"}
