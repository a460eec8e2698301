"""What public gateways got wrong, by the numbers of the project's list; each is a case that we get right.

The numbers that are missing are not about OpenAI-shaped upstreams (21-23, 29, 32-34, 39), or are the host's (11, 41).
"""

import json
from typing import Any

import pytest
from tests.plugins import recorded
from tests.plugins.recorded import answer, chunks_of, read, replay, sse
from tests.providers import CASES, Case, each_of_family

from xmc.plugins.sse import SseReader
from xmc.schema import Chunk, ProviderError, Response, Task

CUSTOM = CASES["custom"]
OPENAI = CASES["openai"]


def choices_of(chunks: list[Chunk]) -> list[dict[str, Any]]:
    return [choice for chunk in chunks for choice in chunk["choices"]]


def calls_of(chunks: list[Chunk]) -> list[dict[str, Any]]:
    return [call for choice in choices_of(chunks) for call in choice["delta"].get("tool_calls", ())]


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def call(index: int | None, **fields: Any) -> dict[str, Any]:
    function = {key: fields.pop(key) for key in ("name", "arguments") if key in fields}
    return {"tool_calls": [{**({} if index is None else {"index": index}), **fields, "function": function}]}


def whole(message: dict[str, Any], finish: Any = "stop") -> dict[str, Any]:
    return {"id": "x", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def body_of(result: Response | ProviderError) -> dict[str, Any]:
    assert isinstance(result, Response), result
    return result.body


@each_of_family
def test_01_the_chunk_of_usage_has_no_choices(case: Case) -> None:
    chunks = chunks_of(case, read("openai/chat-stream.sse"))
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 26
    assert not any(it.get("usage") for it in chunks[:-1])


@each_of_family
def test_02_usage_beside_content_gets_a_chunk_of_its_own(case: Case) -> None:
    chunks = chunks_of(case, read("custom/chat-stream-quirks.sse"))
    assert [bool(it.get("usage")) for it in chunks] == [False, False, False, True]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


@each_of_family
@pytest.mark.parametrize("task", [Task.CHAT, Task.COMPLETIONS])
def test_03_streams_are_asked_for_usage_whatever_the_client_said(case: Case, task: Task) -> None:
    for given in ({}, {"stream_options": None}, {"stream_options": {"include_usage": False, "x": 1}}):
        request: dict[str, Any] = {"messages": [], "prompt": "", "stream": True, **given}
        sent = json.loads(case.exchange(task, request).calls[0].body)
        assert sent["stream_options"]["include_usage"] is True
        assert sent["stream_options"].get("x") == (given.get("stream_options") or {}).get("x")


def test_04_a_first_chunk_without_choices_is_dropped_and_the_role_is_not() -> None:
    chunks = chunks_of(CUSTOM, read("azure-openai/chat-stream.sse"))
    assert {it["id"] for it in chunks} == {"chatcmpl-AZ3"}
    assert all(it["model"] and it["created"] and it["object"] for it in chunks)
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"


def test_05_a_choice_without_delta_after_the_finish_is_dropped() -> None:
    chunks = chunks_of(CUSTOM, read("azure-openai/chat-stream-asyncfilter.sse"))
    assert len(chunks) == 3
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("name", ["custom/chat-stream-quirks.sse", "databricks-model-serving/chat-stream.sse"])
def test_06_the_role_comes_once_whether_it_was_missing_or_repeated(name: str) -> None:
    choices = choices_of(chunks_of(CUSTOM, read(name)))
    assert [choice["delta"].get("role") for choice in choices] == ["assistant"] + [None] * (len(choices) - 1)


def test_07_the_finish_reason_is_always_there_and_null_until_the_end() -> None:
    blank = sse(chunk({"content": "a"}, ""), {"choices": [{"index": 0, "delta": {"content": "b"}}]}, chunk({}, "stop"))
    for stream in (read("custom/chat-stream-quirks.sse"), blank):
        choices = choices_of(chunks_of(CUSTOM, stream))
        assert [choice["finish_reason"] for choice in choices] == [None, None, "stop"]


@each_of_family
def test_08_a_stream_that_ends_before_its_finish_is_an_error_and_done_is_not_needed(case: Case) -> None:
    for ending in ((), ("[DONE]",)):
        items = replay(case, sse(chunk({"role": "assistant", "content": "He"}), *ending))
        assert isinstance(items[-1], ProviderError)
        assert items[-1].code == "stream_incomplete"
    assert chunks_of(case, read("framing/no-done-terminator.sse"))
    unfinished_second = sse(chunk({"role": "assistant", "content": "a"}), chunk({}, "stop"), "[DONE]")
    assert isinstance(replay(case, unfinished_second, n=2)[-1], ProviderError)


@each_of_family
def test_09_an_error_in_the_first_event(case: Case) -> None:
    (error,) = replay(case, read("custom/chat-stream-firstevent-error.sse"))
    assert isinstance(error, ProviderError)
    assert (error.status, error.message, error.type, error.code) == (529, "no capacity", "overloaded_error", "529")


@each_of_family
def test_10_an_error_in_the_middle_even_beside_empty_choices(case: Case) -> None:
    first, error = replay(case, read("openai/error-midstream.sse"))
    assert isinstance(first, dict)
    assert isinstance(error, ProviderError)
    assert (error.status, error.type) == (0, "server_error")
    opening = chunk({"role": "assistant", "content": "He"})
    _, error = replay(case, sse(opening, {"choices": [], "error": {"message": "boom", "code": 502}}))
    assert isinstance(error, ProviderError)
    assert (error.status, error.message) == (502, "boom")
    _, error = replay(case, sse(opening) + b'event: error\ndata: {"message": "gone"}\n\n')
    assert isinstance(error, ProviderError)
    assert error.message == "gone"


@each_of_family
def test_12_an_error_status_for_a_stream_is_read_as_a_whole_answer(case: Case) -> None:
    error = answer(case, read("openai/error-400.response.json"), status=400, stream=True)
    assert isinstance(error, ProviderError)
    assert (error.status, error.param, error.code) == (400, "temperature", "unsupported_value")


def test_13_calls_are_counted_from_zero() -> None:
    calls = calls_of(chunks_of(CUSTOM, read("custom/chat-stream-tools-index-from-1.sse")))
    assert {it["index"] for it in calls} == {0}
    assert "".join(it["function"]["arguments"] for it in calls) == "{}"


def test_14_a_new_id_is_a_new_call_whatever_its_index() -> None:
    calls = calls_of(chunks_of(CUSTOM, read("custom/chat-stream-tools-same-index.sse")))
    assert [(it["index"], it["id"], it["function"]["name"], it["function"]["arguments"]) for it in calls] == [
        (0, "call_a", "f", '{"p":1}'),
        (1, "call_b", "g", '{"p":2}'),
    ]


@pytest.mark.parametrize("kind", ["repeated-id", "empty-strings"])
def test_15_id_and_name_come_once(kind: str) -> None:
    calls = calls_of(chunks_of(CUSTOM, read(f"custom/chat-stream-tools-{kind}.sse")))
    assert [it.get("id") for it in calls] == ["call_a", None]
    assert [it.get("type") for it in calls] == ["function", None]
    assert [it["function"].get("name") for it in calls] == ["f", None]
    assert "".join(it["function"]["arguments"] for it in calls) == "{}"


def test_16_a_call_without_an_id_gets_a_stable_one() -> None:
    stream = sse(
        chunk(call(0, name="f", arguments="")),
        chunk(call(0, arguments='{"a":')),
        chunk(call(0, arguments="1}")),
        chunk(call(1, name="g", arguments="{}")),
        chunk({}, "tool_calls"),
    )
    calls = calls_of(chunks_of(CUSTOM, stream))
    assert [it["id"] for it in calls if "id" in it] == ["call_ID_0_0", "call_ID_0_1"]
    assert calls == calls_of(chunks_of(CUSTOM, stream))
    message = {"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
    assert body_of(answer(CUSTOM, whole(message)))["choices"][0]["message"]["tool_calls"][0]["id"] == "call_ID_0_0"


def test_16_calls_with_neither_id_nor_index_come_one_after_the_other() -> None:
    stream = sse(
        chunk(call(None, name="f", arguments='{"a": 1}')),
        chunk(call(None, name="g", arguments='{"b": 2}')),
        chunk({}, "stop"),
    )
    calls = calls_of(chunks_of(CUSTOM, stream))
    assert [(it["index"], it["function"]["name"], it["function"]["arguments"]) for it in calls] == [
        (0, "f", '{"a": 1}'),
        (1, "g", '{"b": 2}'),
    ]


@pytest.mark.parametrize("arguments", [None, "", "{}", {}])
def test_17_a_call_without_arguments_has_empty_ones(arguments: Any) -> None:
    message = {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": arguments}}]}
    body = body_of(answer(CUSTOM, whole(message)))
    assert body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == "{}"
    calls = calls_of(
        chunks_of(CUSTOM, sse(chunk(call(0, id="c", name="f", arguments=arguments)), chunk({}, "tool_calls")))
    )
    assert "".join(it["function"]["arguments"] for it in calls) == "{}"


def test_17_an_empty_object_before_the_real_arguments_is_left_out() -> None:
    stream = sse(
        chunk(call(0, id="c", name="f", arguments="{}")),
        chunk(call(0, arguments='{"a":')),
        chunk(call(0, arguments="1}")),
        chunk({}, "tool_calls"),
    )
    calls = calls_of(chunks_of(CUSTOM, stream))
    assert "".join(it["function"]["arguments"] for it in calls) == '{"a":1}'


def test_18_finish_is_tool_calls_where_calls_were_made() -> None:
    stream = sse(chunk(call(0, id="c", name="f", arguments="{}")), chunk({}, "stop"))
    assert choices_of(chunks_of(CUSTOM, stream))[-1]["finish_reason"] == "tool_calls"
    message = {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}
    assert body_of(answer(CUSTOM, whole(message)))["choices"][0]["finish_reason"] == "tool_calls"


def test_18_openai_itself_says_stop_for_a_call_that_was_forced_and_is_believed() -> None:
    message = {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}
    assert body_of(answer(OPENAI, whole(message)))["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("raw", "finish"),
    [("COMPLETE", "stop"), ("MAX_TOKENS", "length"), ("STOP", "stop"), ("tool_use", "tool_calls"), ("weird", "stop")],
)
def test_19_foreign_finish_reasons_are_translated_in_both_paths(raw: str, finish: str) -> None:
    choice = body_of(answer(CUSTOM, whole({"content": "a"}, raw)))["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (finish, raw)
    last = choices_of(chunks_of(CUSTOM, sse(chunk({"content": "a"}), chunk({}, raw))))[-1]
    assert (last["finish_reason"], last["native_finish_reason"]) == (finish, raw)


@pytest.mark.parametrize("content", [{}, {"content": ""}, {"content": None}])
def test_20_content_beside_calls_is_null(content: dict[str, Any]) -> None:
    message = {**content, "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}
    for case in (OPENAI, CUSTOM):
        assert body_of(answer(case, whole(message)))["choices"][0]["message"]["content"] is None
    history = [{"role": "assistant", "content": None, "tool_calls": message["tool_calls"]}]
    sent = json.loads(CUSTOM.exchange(Task.CHAT, {"messages": history}).calls[0].body)
    assert sent["messages"] == history


@each_of_family
@pytest.mark.parametrize("name", recorded.STREAMS)
def test_24_to_27_framing_does_not_matter(case: Case, name: str) -> None:
    """Every stream byte by byte, with CR and CRLF line ends, and with comments, `id:` and `retry:` between events."""
    data, task, n = read(name), recorded.task_of(name), 2 if "n2" in name else 1
    expected = replay(case, data, task=task, n=n)
    lf = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    noise = b"\n\n: OPENROUTER PROCESSING\n\n:\n\nretry: 3000\n\nid: 1\n\ndata:\n\n"
    for variant in (lf, lf.replace(b"\n", b"\r\n"), lf.replace(b"\n", b"\r"), lf.replace(b"\n\n", noise)):
        assert replay(case, variant, task=task, n=n) == expected
    reader = SseReader()
    events = [event for i in range(len(data)) for event in reader.feed(data[i : i + 1])]
    assert [*events, *reader.finish()] == recorded.events_of(data)


@each_of_family
def test_28_an_event_of_a_megabyte_passes(case: Case) -> None:
    text = "å" * 1_000_000
    chunks = chunks_of(case, sse(chunk({"role": "assistant", "content": text}), chunk({}, "stop"), "[DONE]"))
    assert chunks[0]["choices"][0]["delta"]["content"] == text


@each_of_family
def test_30_a_completions_stream_has_text_and_keeps_its_object(case: Case) -> None:
    chunks = chunks_of(case, read("openai/completions-stream.sse"), task=Task.COMPLETIONS)
    assert {it["object"] for it in chunks} == {"text_completion"}
    assert [choice["text"] for choice in choices_of(chunks)] == [" hel", "lo", ""]
    assert not any("delta" in choice for choice in choices_of(chunks))


@each_of_family
def test_31_embeddings_come_in_the_encoding_that_was_asked_for(case: Case) -> None:
    numbers, encoded = (recorded.load(f"openai/embeddings-{kind}.response.json") for kind in ("float", "base64"))
    for sent in (numbers, encoded):
        for asked, expected in (("float", numbers), ("base64", encoded), (None, numbers)):
            assert body_of(answer(case, sent, task=Task.EMBEDDINGS, encoding_format=asked)) == expected


def test_35_content_parts_foreign_roles_and_repeated_indexes() -> None:
    message = body_of(answer(CUSTOM, read("databricks-model-serving/chat-reasoning-parts.response.json")))
    assert message["choices"][0]["message"] == {
        "role": "assistant", "content": "Hej!", "reasoning_content": "Greeting.",
    }  # fmt: skip
    assert body_of(answer(CUSTOM, whole({"role": "human", "content": "a"})))["choices"][0]["message"]["role"] == (
        "assistant"
    )
    same = body_of(
        answer(CUSTOM, read("databricks-model-serving/embeddings-sameindex.response.json"), task=Task.EMBEDDINGS)
    )
    assert [row["index"] for row in same["data"]] == [0, 1]
    minimal = body_of(answer(CUSTOM, read("databricks-model-serving/chat-minimal.response.json")))
    assert minimal["usage"] == {"prompt_tokens": 8, "completion_tokens": 0, "total_tokens": 8}
    assert (minimal["id"], minimal["object"], minimal["created"]) == ("chatcmpl-ID", "chat.completion", 1_700_000_000)


@each_of_family
@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        (b'{"error_code":"REQUEST_LIMIT_EXCEEDED","message":"slow"}', "slow", "REQUEST_LIMIT_EXCEEDED"),
        (b"<html><head><title>502 Bad Gateway</title></head><body>x</body></html>", "502 Bad Gateway", None),
        (b"", "the upstream answered 502 with an empty body", None),
        (b"upstream connect error", "upstream connect error", None),
        (b'{"detail":[{"loc":["body","messages",0],"msg":"field required"}]}', "body.messages.0: field required", None),
    ],
)
def test_36_error_bodies_of_any_shape(case: Case, body: bytes, message: str, code: str | None) -> None:
    error = answer(case, body, status=502)
    assert isinstance(error, ProviderError)
    assert (error.status, error.message, error.code) == (502, message, code)


@each_of_family
def test_37_a_content_filter_keeps_what_it_found(case: Case) -> None:
    error = answer(case, read("azure-openai/error-contentfilter.response.json"), status=400)
    assert isinstance(error, ProviderError)
    assert error.code == "content_filter"
    assert error.details["code"] == "ResponsibleAIPolicyViolation"


@each_of_family
def test_40_choices_interleave(case: Case) -> None:
    chunks = chunks_of(case, read("openai/chat-stream-n2.sse"), n=2)
    for index, text in ((0, "Hej"), (1, "Tjena")):
        mine = [choice for choice in choices_of(chunks) if choice["index"] == index]
        assert "".join(choice["delta"].get("content", "") for choice in mine) == text
        assert [choice["finish_reason"] for choice in mine] == [None, None, "stop"]
        assert [choice["delta"].get("role") for choice in mine] == ["assistant", None, None]


@each_of_family
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"logprobs": None},
        {"logprobs": {"content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]}},
    ],
    ids=["absent", "null", "whole"],
)
def test_40_log_probabilities_stay_null_absent_or_whole(case: Case, given: dict[str, Any]) -> None:
    message = whole({"role": "assistant", "content": "a"})
    message["choices"][0].update(given)
    (choice,) = body_of(answer(case, message))["choices"]
    said = chunk({"role": "assistant", "content": "a"})
    said["choices"][0].update(given)
    streamed = choices_of(chunks_of(case, sse(said, chunk({}, "stop"), "[DONE]")))
    for found in (choice, streamed[0]):
        assert {key: value for key, value in found.items() if key == "logprobs"} == given
    assert "logprobs" not in streamed[-1]


@each_of_family
def test_42_obfuscation_passes(case: Case) -> None:
    chunks = chunks_of(case, read("openai/chat-stream.sse"))
    assert [it.get("obfuscation") for it in chunks] == ["a9Kq", "x", "Zz81", None, None]
