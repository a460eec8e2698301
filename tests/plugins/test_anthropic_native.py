"""What the provider anthropic does with requests and answers of its own dialect, as values."""

import json
from typing import Any

import pytest
from tests.plugins import recorded

from xmc.plugins import EntitySpec, Slot, anthropic
from xmc.schema import Context, Event, Exchange, ProviderError, Refusal, Response, Target, Task, WireReply

ASK: dict[str, Any] = {"model": "claude", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}


def target(**config: Any) -> Target:
    given = {"anthropic_api_key": Slot("scope/key"), **config}
    made = anthropic.ANTHROPIC.link(EntitySpec("claude", "e", "claude-sonnet-4-6", Task.CHAT, given)).target
    assert made is not None
    return made


def prepare(one: Target, request: dict[str, Any] | None = None, **headers: str) -> Exchange | Refusal:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    context = Context("r1", "r1", 1, dialect="messages", headers=named)
    return anthropic.ANTHROPIC.adapter(one).prepare(request or ASK, context)


def sent(exchange: Exchange | Refusal) -> dict[str, str]:
    assert isinstance(exchange, Exchange)
    headers = {name.lower(): value for name, value in exchange.calls[0].headers}
    assert len(headers) == len(exchange.calls[0].headers), "a header twice"
    return headers


def test_the_target_says_what_it_takes_and_wants_to_see() -> None:
    one = target()
    assert one.dialects == ("openai", "messages")
    assert one.client_headers == ("anthropic-beta", "anthropic-version")


def test_only_the_model_is_another_one_and_the_request_is_not_touched() -> None:
    request = {"novel": {"z": 1, "a": 2}, **ASK}
    before = json.dumps(request)
    exchange = prepare(target(), request)
    assert isinstance(exchange, Exchange)
    assert json.dumps(request) == before
    assert json.dumps(json.loads(exchange.calls[0].body)) == before.replace('"claude"', '"claude-sonnet-4-6"')
    assert exchange.decoder is None
    assert exchange.dropped == ()


def test_the_clients_version_wins_over_the_targets() -> None:
    one = target(anthropic_version="2023-06-01")
    assert sent(prepare(one))["anthropic-version"] == "2023-06-01"
    assert sent(prepare(one, anthropic_version="2026-10-21"))["anthropic-version"] == "2026-10-21"
    assert isinstance(prepare(one, anthropic_version="2026-10-21, 2023-06-01"), Refusal)


def test_betas_of_the_operator_always_go_and_the_clients_by_the_list() -> None:
    one = target(anthropic_beta=["our-own-2026-01-01"])
    assert sent(prepare(one))["anthropic-beta"] == "our-own-2026-01-01"
    exchange = prepare(one, anthropic_beta="files-api-2025-04-14,our-own-2026-01-01, nope-2026-01-01,nope-2026-01-01")
    assert sent(exchange)["anthropic-beta"] == "our-own-2026-01-01,files-api-2025-04-14"
    assert isinstance(exchange, Exchange)
    assert exchange.dropped == ("anthropic-beta:nope-2026-01-01",)
    assert "anthropic-beta" not in sent(prepare(target()))


@pytest.mark.parametrize("value", ["a b", "a\tb", "å", "x" * 65, "a;b"])
def test_a_beta_that_is_no_name_is_refused(value: str) -> None:
    refused = prepare(target(), anthropic_beta=f"files-api-2025-04-14,{value}")
    assert isinstance(refused, Refusal)
    assert refused.param == "anthropic-beta"
    assert value not in refused.message


@pytest.mark.parametrize("name", recorded.found("chat-*.response.json", "anthropic"))
def test_whole_answers_keep_their_bytes_and_errors_are_errors(name: str) -> None:
    exchange, data = prepare(target()), recorded.read(name)
    assert isinstance(exchange, Exchange)
    for status in (200, 400):
        read = exchange.decode([WireReply(status, {}, data)])
        if status == 200 and "error" not in name:
            assert isinstance(read, Response)
            assert read.raw == data
            assert read.body == json.loads(data)
        else:
            assert isinstance(read, ProviderError)
            assert not read.garbled
    if "error" in name:
        assert isinstance(read, ProviderError)
        assert (read.type, read.message) == tuple(json.loads(data)["error"].values())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"7",
        b'{"type":"message"}',
        b'{"type":"message","content":["text"]}',
        b'{"type":"message","content":null}',
        b'{"choices":[]}',
        b'{"type":"message","content":[],"n":NaN}',
    ],
)
def test_what_is_no_message_is_an_error(body: bytes) -> None:
    exchange = prepare(target())
    assert isinstance(exchange, Exchange)
    read = exchange.decode([WireReply(200, {}, body)])
    assert isinstance(read, ProviderError)
    assert read.garbled


def test_a_decoder_is_there_for_streams_and_adds_nothing() -> None:
    exchange = prepare(target(), {**ASK, "stream": True})
    assert isinstance(exchange, Exchange)
    assert sent(exchange)["accept"] == "text/event-stream"
    assert exchange.decoder is not None
    decoder = exchange.decoder()
    assert decoder.feed(Event(b'{"type":"novelty","n":1}', "novelty")) == ({"type": "novelty", "n": 1},)
    assert decoder.finish() == ()
