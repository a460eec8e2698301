import base64
import math
from array import array
from typing import Any

import pytest
from tests.plugins.recorded import answer
from tests.providers import CASES, Case, each_of_family

from xmc.plugins.openai_family.field import read_usage
from xmc.schema import ProviderError, Response, Task


def message_of(message: dict[str, Any]) -> dict[str, Any]:
    result = answer(CASES["custom"], {"choices": [{"message": message}]})
    assert isinstance(result, Response), result
    found: dict[str, Any] = result.body["choices"][0]["message"]
    return found


@each_of_family
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'{"choices": 7}',
        b'{"choices": []}',
        b'{"choices": [7]}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": {"content": 7}}]}',
        b'{"choices": [{"message": {"content": [{"type": "image", "url": "x"}]}}]}',
        b'{"choices": [{"message": {"tool_calls": {"a": 1}}}]}',
        b'{"choices": [{"message": {"tool_calls": [7]}}]}',
        b'{"choices": [{"message": {"tool_calls": [{"id": "x"}]}}]}',
        b'{"choices": [{"message": {"tool_calls": [{"function": {"arguments": "{}"}}]}}]}',
        b"[" * 100_000,
        b'{"choices": "\xff"}',
    ],
)
def test_an_answer_that_cannot_be_read_is_garbled(case: Case, body: bytes) -> None:
    error = answer(case, body)
    assert isinstance(error, ProviderError)
    assert error.garbled
    assert error.message.startswith("the upstream answered ")


@each_of_family
def test_an_error_in_a_good_answer_is_an_error(case: Case) -> None:
    error = answer(case, {"error": {"message": "no capacity", "code": 529}})
    assert isinstance(error, ProviderError)
    assert (error.status, error.message, error.garbled) == (529, "no capacity", False)
    error = answer(case, {"object": "error", "message": "too long", "code": 400})
    assert isinstance(error, ProviderError)
    assert (error.status, error.message) == (400, "too long")


@each_of_family
def test_an_empty_error_beside_an_answer_is_none(case: Case) -> None:
    nothings: tuple[Any, ...] = (None, "", {})
    for nothing in nothings:
        result = answer(case, {"choices": [{"message": {"content": "a"}}], "error": nothing})
        assert isinstance(result, Response)
        assert "error" not in result.body


def test_reasoning_has_one_name() -> None:
    thinking = [{"type": "thinking", "thinking": "hm"}, {"type": "output_text", "text": "a"}, "b"]
    assert message_of({"content": thinking}) == {"role": "assistant", "content": "ab", "reasoning_content": "hm"}
    assert message_of({"content": "a", "reasoning": "hm"}) == {
        "role": "assistant", "content": "a", "reasoning_content": "hm",
    }  # fmt: skip
    both = {"role": "assistant", "content": "a", "reasoning": "x", "reasoning_content": "y"}
    assert message_of(both) == both


def test_custom_tool_calls_pass() -> None:
    call = {"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}
    assert message_of({"tool_calls": [call]})["tool_calls"] == [call]


def test_choices_are_numbered_by_position_unless_they_are_numbered_well() -> None:
    def texts(*choices: dict[str, Any]) -> list[tuple[int, str]]:
        result = answer(CASES["custom"], {"choices": list(choices)}, task=Task.COMPLETIONS)
        assert isinstance(result, Response)
        return [(choice["index"], choice["text"]) for choice in result.body["choices"]]

    assert texts({"index": 1, "text": "b"}, {"index": 0, "text": "a"}) == [(0, "a"), (1, "b")]
    assert texts({"index": 0, "text": "a"}, {"index": 0, "text": "b"}) == [(0, "a"), (1, "b")]
    assert texts({"text": "a"}, {"index": True, "text": "b"}) == [(0, "a"), (1, "b")]


def test_completions_may_come_in_the_shape_of_chat() -> None:
    body = {"choices": [{"message": {"content": "a"}, "finish_reason": ""}]}
    result = answer(CASES["custom"], body, task=Task.COMPLETIONS)
    assert isinstance(result, Response)
    assert result.body["choices"] == [{"index": 0, "text": "a", "logprobs": None, "finish_reason": "stop"}]


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, None),
        ({}, None),
        ("12", None),
        ({"prompt_tokens": "x", "total_tokens": -1}, None),
        ({"prompt_tokens": 3, "completion_tokens": 4}, (3, 4, 7)),
        ({"prompt_tokens": 3, "total_tokens": 7}, (3, 4, 7)),
        ({"completion_tokens": 4, "total_tokens": 7}, (3, 4, 7)),
        ({"prompt_tokens": 3.0, "completion_tokens": 4.0, "total_tokens": 7.0}, (3, 4, 7)),
        ({"total_tokens": 7}, (None, None, 7)),
        ({"prompt_tokens": 8, "total_tokens": 7}, (8, 0, 7)),
        ({"prompt_tokens": True, "total_tokens": 7}, (None, None, 7)),
    ],
)
def test_usage(usage: Any, expected: tuple[int | None, ...] | None) -> None:
    found = read_usage(usage)
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    assert (found if found is None else tuple(found.get(name) for name in names)) == expected


def test_usage_of_embeddings_is_all_prompt() -> None:
    assert read_usage({"total_tokens": 7}, completion=False) == {"prompt_tokens": 7, "total_tokens": 7}
    assert read_usage({"prompt_tokens": 7}, completion=False) == {"prompt_tokens": 7, "total_tokens": 7}


@each_of_family
@pytest.mark.parametrize("asked", ["float", "base64"])
@pytest.mark.parametrize(
    "vector",
    [
        None,
        7,
        ["a"],
        [[0.5]],
        [None],
        [1e39],
        "###",
        "AAA=",
        base64.b64encode(array("f", [math.nan]).tobytes()).decode(),
        base64.b64encode(array("f", [math.inf, -math.inf]).tobytes()).decode(),
    ],
)
def test_an_embedding_that_is_none_is_garbled(case: Case, vector: Any, asked: str) -> None:
    error = answer(case, {"data": [{"embedding": vector}]}, task=Task.EMBEDDINGS, encoding_format=asked)
    assert isinstance(error, ProviderError)
    assert error.garbled
