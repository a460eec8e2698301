"""curl, as a shell script would use it: status codes, streams, and a broken stream that fails the script."""

import json
import shutil
import subprocess

import pytest
from tests.clients.gateway import Gateway

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def curl(*arguments: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
    headers = ["-H", f"Authorization: Bearer {token}"] if token else []
    command = ["curl", "-sS", "--max-time", "20", *headers, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def ask(text: str, **more: object) -> str:
    return json.dumps({"messages": [{"role": "user", "content": text}], **more})


def test_a_call_with_json(served: Gateway) -> None:
    url = f"{served.url}/serving-endpoints/chat/invocations"
    done = curl(url, "--json", ask("hi"), token=served.tokens["alice"])
    assert json.loads(done.stdout)["choices"][0]["message"]["content"] == "echo: hi"


def test_a_token_as_user_and_password(served: Gateway) -> None:
    url = f"{served.url}/api/2.0/serving-endpoints"
    done = curl("-u", f"token:{served.tokens['bob']}", url)
    assert [row["name"] for row in json.loads(done.stdout)["endpoints"]] == ["chat"]


def test_a_stream_arrives_in_events(served: Gateway) -> None:
    url = f"{served.url}/serving-endpoints/chat/invocations"
    done = curl("-N", url, "--json", ask("a b", stream=True), token=served.tokens["alice"])
    assert done.returncode == 0
    assert done.stdout.endswith("data: [DONE]\n\n")


def test_a_cut_stream_fails_the_script(served: Gateway) -> None:
    url = f"{served.url}/serving-endpoints/chat/invocations"
    done = curl("-N", url, "--json", ask("cut", stream=True), token=served.tokens["alice"])
    assert done.returncode == 18  # "partial file": the message did not end properly
    assert '"error_code"' in done.stdout
    assert "[DONE]" not in done.stdout


def test_fail_with_body_sees_the_status(served: Gateway) -> None:
    url = f"{served.url}/serving-endpoints/chat/invocations"
    done = curl("--fail-with-body", url, "--json", ask("hi"))
    assert done.returncode == 22
    assert json.loads(done.stdout)["error_code"] == "UNAUTHENTICATED"


def test_a_head_request_and_expect_continue_are_no_trap(served: Gateway) -> None:
    assert curl("-I", f"{served.url}/health/live").stdout.startswith("HTTP/1.1 200")
    url = f"{served.url}/serving-endpoints/chat/invocations"
    expecting = curl(url, "-H", "Expect: 100-continue", "--json", ask("hi"), token=served.tokens["alice"])
    assert json.loads(expecting.stdout)["choices"]
