"""Amazon's own client reads the simulator, and is refused by it as by the service."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.eventstream import ChecksumMismatch
from botocore.exceptions import ClientError, EventStreamError
from tests.simulators.bedrock import ACCESS_KEY, SECRET_KEY, Simulator, simulator

MODEL = "anthropic.claude-sonnet-4-20250514-v1:0"
USER = {"role": "user", "content": [{"text": "hello there"}]}
TOOLS = {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object"}}}}]}


def client(url: str, *, key: str = SECRET_KEY, token: str | None = None) -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=key,
        aws_session_token=token,
        config=Config(retries={"max_attempts": 1}),
    )


async def using(upstream: Simulator, what: Callable[[Any], Any], **options: Any) -> Any:
    return await asyncio.to_thread(lambda: what(client(upstream.url, **options)))


async def test_converse_is_read() -> None:
    async with simulator() as upstream:
        said = await using(upstream, lambda boto: boto.converse(modelId=MODEL, messages=[USER]))
        assert said["output"]["message"]["content"] == [{"text": "hello there"}]
        call = {"role": "user", "content": [{"text": 'call weather {"city": "Oslo"}\ncall weather'}]}
        said = await using(upstream, lambda boto: boto.converse(modelId=MODEL, messages=[call], toolConfig=TOOLS))
    uses = [block["toolUse"] for block in said["output"]["message"]["content"] if "toolUse" in block]
    assert [use["input"] for use in uses] == [{"city": "Oslo"}, {}]
    assert said["stopReason"] == "tool_use"
    assert said["usage"]["totalTokens"] > 0


async def test_streams_are_read() -> None:
    fields = {"thinking": {"type": "enabled", "budget_tokens": 1024}}

    def ask(boto: Any) -> list[dict[str, Any]]:
        reply = boto.converse_stream(modelId=MODEL, messages=[USER], additionalModelRequestFields=fields)
        return list(reply["stream"])

    async with simulator() as upstream:
        events = await using(upstream, ask)
    assert [next(iter(event)) for event in events][-2:] == ["messageStop", "metadata"]
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    assert "".join(delta.get("text", "") for delta in deltas) == "hello there"
    assert deltas[0] == {"reasoningContent": {"text": "Let me see."}}


@pytest.mark.parametrize(
    ("model", "body", "tokens"),
    [
        ("amazon.titan-embed-text-v2:0", {"inputText": "one two", "dimensions": 256}, 2),
        ("cohere.embed-english-v3", {"texts": ["a", "b"], "input_type": "search_document"}, 2),
    ],
)
async def test_embeddings_are_read(model: str, body: dict[str, Any], tokens: int) -> None:
    def ask(boto: Any) -> Any:
        reply = boto.invoke_model(modelId=model, body=json.dumps(body))
        headers = reply["ResponseMetadata"]["HTTPHeaders"]
        return json.loads(reply["body"].read()), headers.get("x-amzn-bedrock-input-token-count")

    async with simulator() as upstream:
        found, counted = await using(upstream, ask)
    assert int(found.get("inputTextTokenCount") or counted) == tokens


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"key": "another-secret"}, "InvalidSignatureException"),
        ({"token": "token-that-ran-out"}, "ExpiredTokenException"),
    ],
)
async def test_credentials_are_checked(options: dict[str, str], code: str) -> None:
    async with simulator() as upstream:
        with pytest.raises(ClientError) as raised:
            await using(upstream, lambda boto: boto.converse(modelId=MODEL, messages=[USER]), **options)
        said = await using(upstream, lambda boto: boto.converse(modelId=MODEL, messages=[USER]), token="temporary")
    assert raised.value.response["Error"]["Code"] == code
    assert said["stopReason"] == "end_turn"


PNG = base64.b64decode(b"iVBORw0KGgo=")


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([{"role": "assistant", "content": [{"text": "x"}]}], "must start with a user message"),
        ([USER, USER], "must alternate"),
        ([{"role": "user", "content": [{"text": " "}]}], "is blank"),
        (
            [{"role": "user", "content": [{"document": {"format": "pdf", "name": "d", "source": {"bytes": PNG}}}]}],
            "text block must be included",
        ),
        (
            [
                USER,
                {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "n", "input": {}}}]},
                {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": "x"}]}}]},
            ],
            "toolConfig field must be defined",
        ),
        (
            [USER, {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "n", "input": {}}}]}, USER],
            "Expected",
        ),
    ],
)
async def test_conversations_out_of_order_are_refused(messages: list[Any], said: str) -> None:
    async with simulator() as upstream:
        with pytest.raises(ClientError, match=said) as raised:
            await using(upstream, lambda boto: boto.converse(modelId=MODEL, messages=messages))
    assert raised.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    ("model", "code"), [("test.throttled", "ThrottlingException"), ("test.down", "ServiceUnavailableException")]
)
async def test_failures_are_the_clients_own_errors(model: str, code: str) -> None:
    async with simulator() as upstream:
        with pytest.raises(ClientError) as raised:
            await using(upstream, lambda boto: boto.converse(modelId=model, messages=[USER]))
    assert raised.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    ("model", "error", "said"),
    [
        ("test.breaks-throttling", EventStreamError, "throttlingException"),
        ("test.breaks-error", EventStreamError, "InternalError"),
        ("test.breaks-checksum", ChecksumMismatch, "Checksum mismatch"),
    ],
)
async def test_broken_streams_raise_in_the_client(model: str, error: type[Exception], said: str) -> None:
    def ask(boto: Any) -> None:
        stream = boto.converse_stream(modelId=model, messages=[USER])["stream"]
        try:
            list(stream)
        finally:
            stream.close()

    async with simulator() as upstream:
        with pytest.raises(error, match=said):
            await using(upstream, ask)
