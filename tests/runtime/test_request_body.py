from typing import Any

import pytest

from xmc.runtime.errors import InvalidRequestError
from xmc.runtime.request_body import canonical_request, check_body, client_request_id, decode_body, model_of
from xmc.schema import Task

MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"{", "not valid JSON"),
        (b'{"a": NaN}', "not valid JSON"),
        (b'{"a": Infinity}', "not valid JSON"),
        (b'{"a": 1} x', "not valid JSON"),
        (b'{"a": 1e999}', "not valid JSON"),
        (b'{"a": "\xff"}', "not valid JSON"),
        (b'{"a": "\\ud800"}', "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'{"a":' * 50_000, "nested too deeply"),
        (b"[" * 1_000_000, "nested too deeply"),
        (b"[]", "not an array"),
        (b'"text"', "not a string"),
        (b"null", "not null"),
        (b"1", "not a number"),
    ],
)
def test_what_is_no_json_object_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says) as caught:
        decode_body(data)
    assert (caught.value.status, caught.value.error_code) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    ("body", "task"),
    [
        ({"messages": MESSAGES}, Task.CHAT),
        ({"messages": MESSAGES, "stream": None}, Task.CHAT),
        ({"messages": [{"role": "assistant", "tool_calls": []}], "stream": True}, Task.CHAT),
        ({"prompt": "x"}, Task.COMPLETIONS),
        ({"prompt": ["x", "y"]}, Task.COMPLETIONS),
        ({"prompt": [1, 2]}, Task.COMPLETIONS),
        ({"input": "x"}, Task.EMBEDDINGS),
        ({"input": ["x"], "stream": False}, Task.EMBEDDINGS),
    ],
)
def test_a_body_of_its_task_passes(body: dict[str, Any], task: Task) -> None:
    check_body(body, task)


@pytest.mark.parametrize(
    ("body", "task", "param", "says"),
    [
        ({}, Task.CHAT, "messages", "missing required parameter 'messages'"),
        ({"messages": None}, Task.CHAT, "messages", "missing required"),
        ({"messages": []}, Task.CHAT, "messages", "not empty"),
        ({"messages": "hi"}, Task.CHAT, "messages", "array of messages"),
        ({"messages": ["hi"]}, Task.CHAT, "messages[0]", "with a 'role'"),
        ({"messages": [*MESSAGES, {"content": "x"}]}, Task.CHAT, "messages[1]", "with a 'role'"),
        ({"prompt": ""}, Task.COMPLETIONS, "prompt", "not empty"),
        ({"prompt": 1}, Task.COMPLETIONS, "prompt", "string or an array"),
        ({"input": {}}, Task.EMBEDDINGS, "input", "string or an array"),
        ({"input": "x"}, Task.CHAT, "messages", "is one of llm/v1/embeddings"),
        ({"messages": MESSAGES}, Task.EMBEDDINGS, "input", "is one of llm/v1/chat"),
        ({"dataframe_records": []}, Task.CHAT, "dataframe_records", "custom model"),
        ({"dataframe_split": {}}, Task.EMBEDDINGS, "dataframe_split", "custom model"),
        ({"inputs": ["x"]}, Task.EMBEDDINGS, "inputs", "custom model"),
        ({"instances": [1]}, Task.COMPLETIONS, "instances", "custom model"),
        ({"messages": MESSAGES, "stream": "yes"}, Task.CHAT, "stream", "true or false"),
        ({"messages": MESSAGES, "stream": 1}, Task.CHAT, "stream", "true or false"),
        ({"input": "x", "stream": True}, Task.EMBEDDINGS, "stream", "not streamed"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_by_name(body: dict[str, Any], task: Task, param: str, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says) as caught:
        check_body(body, task)
    assert caught.value.param == param


@pytest.mark.parametrize("model", [None, "", 3, ["a"]])
def test_openai_paths_need_a_model(model: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        model_of({"model": model})
    assert caught.value.param == "model"


def test_fields_meant_for_the_gateway_are_not_forwarded() -> None:
    body = {"input": "x", "usage_context": {"a": "b"}, "client_request_id": "r", "databricks_options": {"x": 1}}
    assert canonical_request(body) == {"input": "x"}
    assert set(body) == {"input", "usage_context", "client_request_id", "databricks_options"}
    assert client_request_id(body) == "r"


def test_extra_params_are_merged_and_numbers_read_out_of_strings() -> None:
    body = {
        "input": "x",
        "extra_params": {
            "k": "3",
            "t": "0.5",
            "f": "true",
            "g": "False",
            "s": "word",
            "q": '"3"',
            "n": "NaN",
            "l": [1],
            "user": "17",
        },
    }
    merged = {"k": 3, "t": 0.5, "f": True, "g": False, "s": "word", "q": '"3"', "n": "NaN", "l": [1], "user": "17"}
    assert canonical_request(body) == {"input": "x", **merged}


@pytest.mark.parametrize(
    ("extra", "param"),
    [
        ({"extra_params": "x"}, "extra_params"),
        ({"extra_params": {"stream": "true"}}, "extra_params"),
        ({"extra_params": {"model": "other"}}, "extra_params"),
        ({"extra_params": {"messages": "[]"}}, "extra_params"),
        ({"temperature": 1, "extra_params": {"temperature": "2"}}, "extra_params"),
        ({"usage_context": []}, "usage_context"),
        ({"usage_context": {"a": 1}}, "usage_context"),
        ({"usage_context": {"a": "x" * 11_000}}, "usage_context"),
    ],
)
def test_malformed_gateway_fields_are_refused(extra: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        canonical_request({"input": "x", **extra})
    assert caught.value.param == param


def test_a_client_request_id_is_a_string() -> None:
    with pytest.raises(InvalidRequestError):
        client_request_id({"client_request_id": 3})
