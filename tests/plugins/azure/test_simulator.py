"""Microsoft's and OpenAI's own clients read the simulator, are refused by it, and send what the gateway sends."""

import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import openai
import pytest
import trustme
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import ClientSecretCredential
from openai import AsyncAzureOpenAI, AsyncOpenAI
from tests.plugins.recorded import load, read
from tests.providers import CASES, CONTEXT
from tests.simulators.azure import CLIENT, KEY, SCOPE, SECRET, TENANT, Simulator, simulator

from xmc.plugins import EntitySpec, Slot
from xmc.plugins.azure.entra import token_request
from xmc.plugins.openai import OPENAI
from xmc.schema import Auth, Exchange, Secret, Task

VERSION = "2024-10-21"
HELLO: Any = [{"role": "user", "content": "hello there"}]
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
CHAT_SAMPLE = "azure-openai/chat-basic.request.json"


def azure(upstream: Simulator, key: str = KEY, version: str = VERSION) -> AsyncAzureOpenAI:
    return AsyncAzureOpenAI(azure_endpoint=upstream.url, api_key=key, api_version=version, max_retries=0)


async def test_answers_are_read() -> None:
    async with simulator() as upstream, azure(upstream) as client:
        said = await client.chat.completions.create(model="dep-1", messages=HELLO)
        asked: Any = [{"role": "user", "content": 'call weather {"city": "Lund"}\ncall weather'}]
        called = await client.chat.completions.create(model="dep-1", messages=asked, tools=TOOLS)
        text = await client.completions.create(model="dep-1", prompt="one two", max_tokens=1)
        rows = await client.embeddings.create(model="dep-1", input=["a", "bcd"])
    assert said.choices[0].message.content == "hello there"
    calls: Any = called.choices[0].message.tool_calls
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Lund"}, {}]
    assert (text.choices[0].text, text.choices[0].finish_reason) == ("one", "length")
    assert [row.embedding for row in rows.data] == [[1.0, 0.0, 0.5], [3.0, 1.0, 0.5]]


async def test_streams_are_read_with_their_oddities() -> None:
    async with simulator() as upstream, azure(upstream) as client:
        stream = await client.chat.completions.create(
            model="dep-1", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    assert chunks[0].choices == []
    assert chunks[0].id == ""
    deltas: list[Any] = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert None in deltas  # what the gateway spares its clients
    assert "".join(delta.content or "" for delta in deltas if delta) == "hello there"
    assert chunks[-1].usage is not None


@pytest.mark.parametrize(
    ("model", "more", "error"),
    [
        ("limited", {}, openai.RateLimitError),
        ("nope", {}, openai.NotFoundError),
        ("dep-1", {"extra_body": {"top_k": 1}}, openai.BadRequestError),
        ("dep-1", {"messages": [{"role": "user", "content": "forbidden"}]}, openai.BadRequestError),
    ],
)
async def test_refusals_are_the_clients_own_errors(
    model: str, more: dict[str, Any], error: type[openai.APIStatusError]
) -> None:
    async with simulator() as upstream, azure(upstream) as client:
        with pytest.raises(error):
            await client.chat.completions.create(**{"model": model, "messages": HELLO, **more})


async def test_old_versions_do_not_know_stream_options() -> None:
    async with simulator() as upstream, azure(upstream, version="2024-06-01") as client:
        with pytest.raises(openai.BadRequestError, match="stream_options"):
            await client.chat.completions.create(
                model="dep-1", messages=HELLO, stream=True, stream_options={"include_usage": True}
            )


async def test_a_wrong_key_is_refused() -> None:
    async with simulator() as upstream, azure(upstream, key="another") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.chat.completions.create(model="dep-1", messages=HELLO)


@pytest.mark.parametrize("deployment", ["dep-1", "my deployment/1"])
async def test_our_call_on_a_deployment_is_that_of_openais_client(deployment: str) -> None:
    sample = load(CHAT_SAMPLE)
    async with simulator() as upstream:
        async with azure(upstream) as client:
            await client.chat.completions.create(model=deployment, **sample)
        (seen,) = upstream.seen
        target = CASES["openai azure"].target(
            Task.CHAT, "gpt-4o", openai_api_base=upstream.url, openai_deployment_name=deployment
        )
        exchange = OPENAI.adapter(target).prepare({**sample, "model": "endpoint"}, CONTEXT)
        assert isinstance(exchange, Exchange)
        (wire,) = exchange.calls
        # The client escapes a `/` of the name no further; Azure's names hold none.
        assert wire.url == f"{upstream.url}{seen.path.replace('deployment/1', 'deployment%2F1')}"
    assert {**json.loads(wire.body), "model": ""} == {**seen.body, "model": ""}  # which Azure ignores here
    assert dict(wire.headers)["Content-Type"] == seen.headers["content-type"]
    assert (target.auth.scheme, target.auth.params) == ("header-key", {"header": "api-key"})
    assert seen.headers["api-key"] == KEY


async def test_our_call_of_version_1_is_that_of_openais_client() -> None:
    sample = load(CHAT_SAMPLE)
    async with simulator() as upstream:
        base = f"{upstream.url}/openai/v1/"
        async with AsyncOpenAI(base_url=base, api_key="x", default_headers={"api-key": KEY}, max_retries=0) as client:
            await client.chat.completions.create(model="dep-1", **sample)
        (seen,) = upstream.seen
        config = {
            "openai_api_type": "azure", "openai_api_key": Slot("s/k"), "openai_api_base": base,
            "openai_deployment_name": "dep-1",
        }  # fmt: skip
        target = OPENAI.link(EntitySpec("e", "n", "gpt-4o", Task.CHAT, config)).target
        assert target is not None
        exchange = OPENAI.adapter(target).prepare({**sample, "model": "endpoint"}, CONTEXT)
        assert isinstance(exchange, Exchange)
        assert exchange.calls[0].url == f"{upstream.url}{seen.path}"
    assert json.loads(exchange.calls[0].body) == seen.body


@pytest.mark.parametrize("secret", [SECRET, "another"])
async def test_our_form_is_that_of_microsofts_client(secret: str, tmp_path: Path) -> None:
    made, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("localhost").configure_cert(server)
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with simulator(tls=server) as upstream:
        credential = ClientSecretCredential(
            TENANT, CLIENT, secret, authority=upstream.url, disable_instance_discovery=True,
            transport=AioHttpTransport(connection_verify=str(tmp_path / "ca.pem")),
        )  # fmt: skip
        async with credential:
            if secret == SECRET:
                assert (await credential.get_token(SCOPE)).token == "token.1"
            else:
                with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
                    await credential.get_token(SCOPE)
        params = {"authority": upstream.url, "tenant": TENANT, "client_id": CLIENT, "scope": SCOPE}
        wire = token_request(Auth(scheme="entra-client-secret", params=params), Secret(secret))
    assert parse_qs(wire.body.decode()) == upstream.forms[0]
    assert secret not in repr(wire)


def test_our_form_is_the_sample() -> None:
    sample = read("azure-openai/token-clientcredentials.request.form").strip()
    asked = {name: values[0] for name, values in parse_qs(sample.decode()).items()}
    params = {"authority": "https://a.test", "tenant": "t", "client_id": asked["client_id"], "scope": asked["scope"]}
    wire = token_request(Auth(scheme="entra-client-secret", params=params), Secret(asked["client_secret"]))
    assert wire.body == sample
    assert wire.url == "https://a.test/t/oauth2/v2.0/token"
