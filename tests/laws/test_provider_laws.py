"""Laws that every provider keeps, for arbitrary requests and upstream answers."""

import base64
import copy
import json
from array import array
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from tests import strategies
from tests.providers import CASES, CONTEXT, MINIMAL, Case, each_of_family, each_provider
from tests.strategies import Conversation, Said

from xmc.plugins import build_plugins
from xmc.schema import Event, Exchange, ProviderError, Refusal, Response, Task, WireReply, canonical_schema

bounded = settings(max_examples=30)  # the whole unit suite has 20 seconds
tasks = st.sampled_from(Task)


@cache
def validator(task: Task, kind: Any) -> Draft202012Validator:
    return Draft202012Validator(dict(canonical_schema(task, kind)))


def decode(exchange: Exchange, body: Any, status: int = 200) -> Response | ProviderError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return exchange.decode([WireReply(status, {"content-type": "application/json"}, data)])


def decode_stream(exchange: Exchange, events: Iterable[Event]) -> list[Any]:
    assert exchange.decoder is not None
    decoder = exchange.decoder()
    return [*(item for event in events for item in decoder.feed(event)), *decoder.finish()]


def exchange_of(case: Case, told: Conversation, *, stream: bool) -> Exchange:
    return case.exchange(told.task, {**MINIMAL[told.task], "stream": stream, "n": len(told.said)})


def said_in(response: dict[str, Any]) -> tuple[Said, ...]:
    """Read a canonical response back."""
    return tuple(_said_in_choice(choice) for choice in response["choices"])


def _said_in_choice(choice: dict[str, Any]) -> Said:
    message = choice.get("message", choice)
    calls = tuple(
        (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls", ())
    )
    text = message["content"] if "content" in message else message["text"]
    return Said(text, message.get("reasoning_content") or "", calls, choice["finish_reason"])


def assemble(chunks: Sequence[dict[str, Any]]) -> tuple[tuple[Said, ...], dict[str, int] | None]:
    """Put a stream together as a careful client does: by choice, calls by index, strings concatenated."""
    choices: dict[int, dict[str, Any]] = {}
    usage = None
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for part in chunk["choices"]:
            found = choices.setdefault(part["index"], {"text": None, "thought": "", "calls": {}, "finish": None})
            delta = part.get("delta", {"content": part.get("text")})
            if delta.get("content") is not None:
                found["text"] = (found["text"] or "") + delta["content"]
            found["thought"] += delta.get("reasoning_content") or ""
            for fragment in delta.get("tool_calls", ()):
                call = found["calls"].setdefault(fragment["index"], {"id": "", "name": "", "arguments": ""})
                call["id"] += fragment.get("id", "")
                call["name"] += fragment.get("function", {}).get("name", "")
                call["arguments"] += fragment.get("function", {}).get("arguments", "")
            assert part["finish_reason"] is None or found["finish"] is None, "finished twice"
            found["finish"] = part["finish_reason"] or found["finish"]
    for found in choices.values():
        assert sorted(found["calls"]) == list(range(len(found["calls"])))
    return tuple(
        Said(
            found["text"] if not found["calls"] else found["text"] or None,
            found["thought"],
            tuple((call["id"], call["name"], json.loads(call["arguments"])) for call in found["calls"].values()),
            found["finish"],
        )
        for _, found in sorted(choices.items())
    ), usage


def truth(told: Conversation) -> tuple[Said, ...]:
    return tuple(
        Said(it.text, it.reasoning, tuple((i, name, json.loads(a)) for i, name, a in it.calls), it.finish)
        for it in told.said
    )


@each_provider
@bounded
@given(data=st.data())
def test_an_answer_is_canonical_and_loses_nothing(case: Case, data: st.DataObject) -> None:
    told = data.draw(case.told)
    response = decode(exchange_of(case, told, stream=False), told.whole)
    assert isinstance(response, Response), response
    validator(told.task, "response").validate(response.body)
    (ChatCompletion if told.task is Task.CHAT else Completion).model_validate(response.body)
    assert said_in(response.body) == truth(told)
    assert response.body.get("usage") == told.usage


@each_provider
@bounded
@given(data=st.data())
def test_a_stream_is_canonical_and_says_what_the_whole_answer_says(case: Case, data: st.DataObject) -> None:
    told = data.draw(case.told)
    chunks = decode_stream(exchange_of(case, told, stream=True), case.events_of(told.chunks))
    for chunk in chunks:
        assert isinstance(chunk, dict), chunk
        validator(told.task, "chunk").validate(chunk)
        if told.task is Task.CHAT:
            ChatCompletionChunk.model_validate(chunk)
        else:
            Completion.construct(**chunk)
    said, usage = assemble(chunks)
    assert said == truth(told)
    assert usage == told.usage
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1


@each_provider
@bounded
@given(data=st.data())
def test_chunks_do_not_depend_on_how_the_bytes_were_split(case: Case, data: st.DataObject) -> None:
    told = data.draw(case.told)
    exchange = exchange_of(case, told, stream=True)
    stream = data.draw(case.streams_of(told.chunks))
    whole, cut = case.reader(), case.reader()
    reads = data.draw(strategies.reads_of(stream))
    expected = [*whole.feed(stream), *whole.finish()]
    events = [*(event for read in reads for event in cut.feed(read)), *cut.finish()]
    assert events == expected
    assert decode_stream(exchange, events) == decode_stream(exchange, case.events_of(told.chunks))


@each_of_family
@bounded
@given(data=st.data(), task=tasks)
def test_prepare_changes_nothing_and_passes_everything(case: Case, task: Task, data: st.DataObject) -> None:
    request = data.draw(strategies.requests(task))
    Draft202012Validator(dict(canonical_schema(task, "request"))).validate(request)
    before = copy.deepcopy(request)
    exchange = case.exchange(task, request)
    assert request == before
    body = json.loads(exchange.calls[0].body)
    own = {"model", "stream_options", "usage_context", "client_request_id"}
    own |= {"encoding_format"} if case.quirky else set()
    assert {k: v for k, v in body.items() if k not in own} == {k: v for k, v in request.items() if k not in own}
    assert body.get("model", "the-model") == "the-model"
    assert "model" in body or "/the-model/" in exchange.calls[0].url
    assert (exchange.decoder is not None) == request.get("stream", False)


@each_provider
@bounded
@given(data=st.data(), request=strategies.near_requests | strategies.json_values)
def test_prepare_never_raises(case: Case, data: st.DataObject, request: Any) -> None:
    task = data.draw(st.sampled_from(case.tasks))
    before = copy.deepcopy(request)
    prepared = case.adapter(task).prepare(request, CONTEXT)
    assert isinstance(prepared, Exchange | Refusal)
    assert request == before


@each_provider
@bounded
@given(
    data=st.data(),
    body=st.binary(max_size=40) | strategies.near_answers.map(lambda value: json.dumps(value).encode()),
    status=st.sampled_from([200, 200, 200, 201, 302, 400, 429, 500, 529]),
)
def test_any_reply_is_a_response_or_an_error(case: Case, data: st.DataObject, body: bytes, status: int) -> None:
    task = data.draw(st.sampled_from(case.tasks))
    result = decode(case.exchange(task, MINIMAL[task]), body, status)
    if isinstance(result, Response):
        validator(task, "response").validate(json.loads(json.dumps(result.body)))
    else:
        assert isinstance(result, ProviderError)
        assert result.message


@each_provider
@bounded
@given(
    data=st.data(),
    task=st.sampled_from([Task.CHAT, Task.COMPLETIONS]),
    payloads=st.lists(
        st.binary(max_size=30) | strategies.near_answers.map(lambda value: json.dumps(value).encode()), max_size=4
    ),
)
def test_any_event_gives_chunks_or_an_error(case: Case, data: st.DataObject, task: Task, payloads: list[bytes]) -> None:
    kinds = st.sampled_from(case.kinds)
    exchange = case.exchange(task, {**MINIMAL[task], "stream": True})
    for item in decode_stream(exchange, [Event(payload, data.draw(kinds)) for payload in payloads]):
        assert isinstance(item, dict | ProviderError)
        if isinstance(item, ProviderError):
            assert item.message
        elif case.quirky:
            validator(task, "chunk").validate(item)


@each_of_family
@bounded
@given(
    vectors=st.lists(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=4), min_size=1),
    sent=st.sampled_from(["float", "base64"]),
    asked=st.sampled_from(["float", "base64", None]),
    usage=st.integers(0, 99),
)
def test_embeddings_come_as_asked_whatever_was_sent(
    case: Case, vectors: list[list[float]], sent: str, asked: str | None, usage: int
) -> None:
    rows = [base64.b64encode(array("f", v).tobytes()).decode() if sent == "base64" else v for v in vectors]
    body = {
        "data": [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)],
        "model": "m",
        "usage": {"prompt_tokens": usage, "total_tokens": usage},
    }
    response = decode(case.exchange(Task.EMBEDDINGS, {"input": "x", "encoding_format": asked}), body)
    assert isinstance(response, Response), response
    validator(Task.EMBEDDINGS, "response").validate(response.body)
    got = [row["embedding"] for row in response.body["data"]]
    if asked == "base64":
        assert all(isinstance(row, str) for row in got)
        got = [array("f", base64.b64decode(row)).tolist() for row in got]
    assert got == vectors
    plain = [{**row, "embedding": vector} for row, vector in zip(response.body["data"], got, strict=True)]
    CreateEmbeddingResponse.model_validate({**response.body, "data": plain})


def test_every_shipped_provider_is_here() -> None:
    # `palm` links nothing: its API is gone, and its plugin only says so.
    assert {case.provider.name for case in CASES.values()} == set(build_plugins().providers) - {"palm"}
