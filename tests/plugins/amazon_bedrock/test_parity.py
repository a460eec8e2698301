"""What the gateway sends is what Amazon's own client sends for the same call: path, headers that matter, body."""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.plugins.recorded import load
from tests.providers import CASES, CONTEXT
from tests.simulators.bedrock import ACCESS_KEY, SECRET_KEY, Seen, simulator

from xmc.schema import Exchange, Task, WireRequest

CASE = CASES["amazon-bedrock"]
MODELS = ["anthropic.claude-sonnet-4-20250514-v1:0", "arn:aws:bedrock:eu-west-1:123456789012:provisioned-model/abc"]
PIXEL = load("amazon-bedrock/chat-converse-multimodal.request.json")["messages"][0]["content"][0]["image"]["source"]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
CALLS = [
    {
        "id": f"tooluse_A{n}",
        "type": "function",
        "function": {"name": "get_weather", "arguments": json.dumps({"city": c})},
    }
    for n, c in ((1, "Oslo"), (2, "Rome"))
]
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
REQUESTS: dict[str, dict[str, Any]] = {
    "basic": {"messages": [{"role": "user", "content": "Name one ocean."}], "max_tokens": 64},
    "tools": {
        "messages": [
            {"role": "system", "content": "Answer briefly."},
            {"role": "user", "content": "Weather in Oslo and Rome?"},
            {"role": "assistant", "content": "Checking.", "tool_calls": CALLS},
            {"role": "tool", "tool_call_id": "tooluse_A1", "content": "4 C", "is_error": False},
            {"role": "tool", "tool_call_id": "tooluse_A2", "content": '{"error": "down"}', "is_error": True},
        ],
        "max_tokens": 256,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": "END",
        "tools": [TOOL],
        "tool_choice": "auto",
        "top_k": 40,
    },
    "multimodal": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL['bytes']}"}},
                    {
                        "type": "file",
                        "file": {"filename": "doc.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQK"},
                    },
                    {"type": "text", "text": "Describe."},
                ],
            }
        ],
        "max_tokens": 64,
        "response_format": {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}},
    },
}


def ours(request: Mapping[str, Any], model: str, task: Task = Task.CHAT, **config: Any) -> WireRequest:
    exchange = CASE.adapter(task, model, **config).prepare(dict(request), CONTEXT)
    assert isinstance(exchange, Exchange), exchange
    return exchange.calls[0]


async def theirs(call: Any) -> Seen:
    async with simulator() as upstream:
        boto = boto3.client(
            "bedrock-runtime",
            endpoint_url=upstream.url,
            region_name="eu-west-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(retries={"max_attempts": 1}),
        )
        await asyncio.to_thread(call, boto)
        return upstream.seen[-1]


def with_bytes(value: Any) -> Any:
    """Return a body as Amazon's client wants it: bytes where JSON has base64."""
    if isinstance(value, dict):
        return {k: base64.b64decode(v) if k == "bytes" else with_bytes(v) for k, v in value.items()}
    return [with_bytes(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", REQUESTS)
def test_our_body_is_the_sample(name: str) -> None:
    sample = load(f"amazon-bedrock/chat-converse-{name}.request.json")
    body = json.loads(ours(REQUESTS[name], MODELS[0]).body)
    for one in (sample, body):  # a schema is JSON in a text, and its spaces mean nothing
        if "outputConfig" in one:
            schema = one["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
            schema["schema"] = json.loads(schema["schema"])
    if name == "tools":  # a result that is JSON in a text is sent as that text
        sample["messages"][2]["content"][1]["toolResult"]["content"] = [{"text": '{"error": "down"}'}]
    assert body == sample


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_our_call_is_that_of_amazons_client(name: str, model: str, stream: bool) -> None:
    wire = ours({**REQUESTS[name], "stream": stream}, model)
    body = json.loads(wire.body)

    def call(boto: Any) -> None:
        if stream:
            list(boto.converse_stream(modelId=model, **with_bytes(body))["stream"])
        else:
            boto.converse(modelId=model, **with_bytes(body))

    seen = await theirs(call)
    assert wire.url.removeprefix("https://bedrock-runtime.eu-west-1.amazonaws.com") == seen.path
    assert body == seen.body
    assert dict(wire.headers)["Content-Type"] == seen.headers["content-type"]


@pytest.mark.parametrize(
    ("sample", "family", "model", "request_"),
    [
        ("titan-v1", "amazon", "amazon.titan-embed-text-v1", {"input": "hello"}),
        (
            "titan-v2",
            "amazon",
            "amazon.titan-embed-text-v2:0",
            {"input": "hello", "dimensions": 256, "normalize": True, "embeddingTypes": ["float"]},
        ),
        ("cohere-v3", "cohere", "cohere.embed-english-v3", {"input": ["hello", "world"], "truncate": "END"}),
    ],
)
async def test_embeddings_are_the_samples_and_the_calls_of_amazons_client(
    sample: str, family: str, model: str, request_: dict[str, Any]
) -> None:
    wire = ours(request_, model, Task.EMBEDDINGS, bedrock_provider=family)
    assert json.loads(wire.body) == load(f"amazon-bedrock/embeddings-invoke-{sample}.request.json")
    seen = await theirs(lambda boto: boto.invoke_model(modelId=model, body=wire.body, contentType="application/json"))
    assert wire.url.removeprefix("https://bedrock-runtime.eu-west-1.amazonaws.com") == seen.path
    assert json.loads(wire.body) == seen.body
