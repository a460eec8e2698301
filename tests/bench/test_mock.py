"""The mock upstream speaks Messages so that Anthropic's own client reads it: what is measured is a real answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from anthropic import Anthropic
from tests.bench.load import LoadSide
from tests.bench.machine import UnfitMachineError

pytestmark = pytest.mark.process


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Anthropic]:
    try:
        load_side = LoadSide(tmp_path, 0)
    except UnfitMachineError as error:
        pytest.skip(str(error))
    with load_side as side, Anthropic(base_url=side.upstream, api_key="not-a-key", timeout=10) as client:
        yield client


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
