"""What the gateway's own client really sends is checked by a server that knows nothing of it: moto's."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
import requests
from botocore.config import Config

from xmc.plugins.aws.sigv4 import Keys, signed
from xmc.runtime.aiohttp_upstream import AiohttpUpstream, tls_context
from xmc.runtime.proxy import Proxies
from xmc.schema import Timeouts, WireRequest

pytestmark = pytest.mark.process

MOTO = Path(sys.executable).with_name("moto_server")
MODEL = "anthropic.claude-sonnet-4-20250514-v1%3A0"
ARN = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aprovisioned-model%2Fabc"


@dataclass(frozen=True)
class Moto:
    url: str
    access_key: str
    secret_key: str


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    """Start a server that takes three calls to make a user, and checks signatures from then on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("moto") / "log"
    environ = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "3"}
    with log.open("wb") as out:
        process = subprocess.Popen([MOTO, "-H", "127.0.0.1", "-p", str(port)], stdout=out, stderr=out, env=environ)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/moto-api/", log)
        iam = boto3.client(
            "iam",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
            config=Config(retries={"max_attempts": 1}),
        )
        iam.create_user(UserName="tester")
        made = iam.create_access_key(UserName="tester")["AccessKey"]
        everything = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
        iam.put_user_policy(UserName="tester", PolicyName="all", PolicyDocument=everything)
        yield Moto(url, made["AccessKeyId"], made["SecretAccessKey"])
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            pass
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


async def call(moto: Moto, secret_key: str, model: str) -> tuple[int, bytes]:
    keys = Keys(moto.access_key, secret_key, None, "us-east-1", "bedrock")
    # Moto finds its services by host name; the gateway's URLs hold those of AWS.
    headers = (("Content-Type", "application/json"), ("Accept", "application/json"))
    wire = WireRequest("POST", f"{moto.url}/model/{model}/invoke", headers, b'{"a": "b"}')
    upstream = AiohttpUpstream(tls_context(None), Proxies({}))
    try:
        reply = await upstream.send(signed(wire, keys, time.time()), Timeouts())
        return reply.status, await reply.read(1_000_000)
    finally:
        await upstream.close()


@pytest.mark.parametrize("model", [MODEL, ARN])
async def test_the_right_key_passes_and_a_wrong_one_does_not(moto: Moto, model: str) -> None:
    status, body = await call(moto, moto.secret_key, model)
    assert status == 200, body
    status, body = await call(moto, "another" + moto.secret_key[7:], model)
    assert (status, b"SignatureDoesNotMatch" in body or b"signature" in body) == (403, True), body
