"""The mock upstream speaks so that the vendors' own clients read it: what is measured is a real answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from anthropic import Anthropic
from tests.bench.load import LoadSide
from tests.bench.machine import UnfitMachineError

pytestmark = pytest.mark.process


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[str]:
    try:
        load_side = LoadSide(tmp_path, 0)
    except UnfitMachineError as error:
        pytest.skip(str(error))
    with load_side as side:
        yield side.upstream


@pytest.fixture
def client(upstream: str) -> Iterator[Anthropic]:
    with Anthropic(base_url=upstream, api_key="not-a-key", timeout=10) as client:
        yield client


@pytest.fixture
def bedrock(upstream: str) -> Iterator[Any]:
    client = boto3.client(
        "bedrock-runtime",
        region_name="eu-west-1",
        endpoint_url=upstream,
        aws_access_key_id="not-a-key",
        aws_secret_access_key="not-a-key",
    )
    yield client
    client.close()


def _question(text: str) -> dict[str, Any]:
    return {"modelId": "mock:0", "messages": [{"role": "user", "content": [{"text": text}]}]}


def test_the_vendors_client_reads_a_whole_message(client: Anthropic) -> None:
    message = client.messages.create(
        model="mock-model", max_tokens=128, messages=[{"role": "user", "content": "[[d=0 s=200]]"}]
    )
    (block,) = message.content
    assert block.type == "text"
    assert len(block.text) == 200
    assert (message.stop_reason, message.usage.output_tokens) == ("end_turn", 20)


@pytest.mark.parametrize("interval_ms", [0, 1])
def test_the_vendors_client_reads_a_stream(client: Anthropic, interval_ms: int) -> None:
    with client.messages.stream(
        model="mock-model", max_tokens=128, messages=[{"role": "user", "content": f"[[d=0 n=7 i={interval_ms}]]"}]
    ) as stream:
        message = stream.get_final_message()
    (block,) = message.content
    assert block.type == "text"
    assert block.text.count("@") == 7
    assert (message.stop_reason, message.usage.output_tokens) == ("end_turn", 7)


def test_amazons_client_reads_a_whole_answer(bedrock: Any) -> None:
    answer = bedrock.converse(**_question("[[d=0 s=200]]"))
    (block,) = answer["output"]["message"]["content"]
    assert len(block["text"]) == 200
    assert (answer["stopReason"], answer["usage"]["totalTokens"]) == ("end_turn", 32)


@pytest.mark.parametrize("interval_ms", [0, 1])
def test_amazons_client_reads_a_stream(bedrock: Any, interval_ms: int) -> None:
    events = list(bedrock.converse_stream(**_question(f"[[d=0 n=7 i={interval_ms}]]"))["stream"])
    assert [next(iter(event)) for event in events] == [
        "messageStart",
        *["contentBlockDelta"] * 7,
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    assert all("@" in event["contentBlockDelta"]["delta"]["text"] for event in events[1:8])
    assert events[-1]["metadata"]["usage"]["outputTokens"] == 7
