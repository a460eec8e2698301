"""Keys that botocore finds: in a container, in an instance profile, in the environment, or not at all."""

import datetime as dt
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from xmc.plugins import AuthError, AuthIO, Credential
from xmc.plugins.aws import DefaultChain
from xmc.schema import Auth, WireReply, WireRequest

PARAMS = {"region": "eu-west-1", "service": "bedrock"}
PROFILE = "arn:aws:iam::123456789012:instance-profile/gateway"
ENDS = dt.datetime(2035, 1, 1, tzinfo=dt.UTC)


class SetClock:
    def now(self) -> float:
        return 1_000.0


class NoIO:
    async def call(self, wire: WireRequest) -> WireReply:
        raise AssertionError(wire)


IO: AuthIO = NoIO()


@dataclass
class Metadata:
    """The metadata service of an instance, and the credentials endpoint of a container; botocore reads both."""

    url: str = ""
    profile: str | None = PROFILE

    def answer(self, method: str, path: str, token: str | None) -> tuple[int, str]:
        keys = {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "s", "Token": "t", "Expiration": ENDS.isoformat()}
        if path == "/container":
            return 200, json.dumps(keys)
        if method == "PUT" and path == "/latest/api/token":
            return 200, "session"
        if token != "session":
            return 401, ""
        found = {
            "/latest/meta-data/iam/info": self.profile and json.dumps({"InstanceProfileArn": self.profile}),
            "/latest/meta-data/iam/security-credentials/": "gateway-role",
            "/latest/meta-data/iam/security-credentials/gateway-role": json.dumps({"Code": "Success", **keys}),
        }.get(path)
        return (200, found) if found else (404, "")


@contextmanager
def metadata() -> Iterator[Metadata]:
    told = Metadata()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            status, body = told.answer(self.command, self.path, self.headers.get("x-aws-ec2-metadata-token"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_PUT = handle_any  # noqa: N815 - the names that http.server looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class has
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No keys of whoever runs this, and never the real metadata service."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


async def acquire(chain: DefaultChain, **params: str) -> Credential:
    return await chain.acquire(Auth(scheme=chain.name, params={**PARAMS, **params}), {}, IO, SetClock())


async def test_keys_of_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    with metadata() as told:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{told.url}/container")
        credential = await acquire(DefaultChain())
    assert (credential.data.access_key, credential.data.token) == ("ASIAEXAMPLE", "t")
    assert credential.expires_at == ENDS.timestamp()
    assert "ASIA" not in repr(credential)


@pytest.mark.parametrize("params", [{}, {"instance_profile_arn": PROFILE}])
async def test_keys_of_an_instance_profile(monkeypatch: pytest.MonkeyPatch, params: dict[str, str]) -> None:
    with metadata() as told:
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{told.url}/")
        chain = DefaultChain()
        credential = await acquire(chain, **params)
        wire = chain.sign(WireRequest("POST", "https://bedrock.test/x", (), b""), credential, 0.0)
    assert dict(wire.headers)["X-Amz-Security-Token"] == "t"
    assert credential.expires_at == ENDS.timestamp()


async def test_another_profile_than_the_spec_wants_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with metadata() as told:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", told.url)
        told.profile = f"{PROFILE}-2"
        with pytest.raises(AuthError, match=f"carries the instance profile {PROFILE}-2, and the spec wants {PROFILE}$"):
            await acquire(DefaultChain(), instance_profile_arn=PROFILE)
        told.profile = None
        with pytest.raises(AuthError, match="does not say which instance profile"):
            await acquire(DefaultChain(), instance_profile_arn=PROFILE)


async def test_keys_of_the_environment_are_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    credential = await acquire(DefaultChain())
    assert credential.data.access_key == "AKIDEXAMPLE"
    assert credential.expires_at == 1_900.0


async def test_no_keys_anywhere() -> None:
    with pytest.raises(AuthError, match="this host has no AWS credentials"):
        await acquire(DefaultChain())


async def test_without_botocore_the_command_to_install_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(AuthError, match=r"pip install 'xmc\[aws\]'"):
        await acquire(DefaultChain())


def test_34_keys_that_ran_out_are_told_by_the_name_of_the_error() -> None:
    stale = DefaultChain().stale
    assert stale(403, {"x-amzn-errortype": "ExpiredTokenException:http://internal.amazon.com/"})
    assert not stale(403, {"x-amzn-errortype": "AccessDeniedException"})
    assert not stale(400, {"x-amzn-errortype": "ExpiredTokenException"})
    assert not stale(403, {})
