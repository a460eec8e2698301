import json
from typing import Any

import pytest
from tests.providers import CASES, CONTEXT, MINIMAL, Case, each_of_family

from xmc.schema import Refusal, Task


def sent(case: Case, task: Task, **request: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(case.exchange(task, {**MINIMAL[task], **request}).calls[0].body)
    return body


def refused(case: Case, task: Task, **request: Any) -> Refusal:
    refusal = case.adapter(task).prepare({**MINIMAL[task], **request}, CONTEXT)
    assert isinstance(refusal, Refusal), refusal
    return refusal


def own_model(case: Case) -> dict[str, Any]:
    """Return what says the model in a body: nothing where the URL does."""
    return {} if "/the-model/" in case.target(Task.CHAT).url else {"model": "the-model"}


@each_of_family
def test_the_model_is_the_targets(case: Case) -> None:
    assert sent(case, Task.CHAT, model="endpoint") == {**MINIMAL[Task.CHAT], **own_model(case)}


@each_of_family
def test_null_and_empty_lists_are_not_set_and_everything_else_passes(case: Case) -> None:
    body = sent(case, Task.CHAT, stop=None, tools=[], n=1, logprobs=False, presence_penalty=0, metadata={}, top_k=7)
    assert body == {
        **MINIMAL[Task.CHAT], **own_model(case), "n": 1, "logprobs": False, "presence_penalty": 0, "metadata": {},
        "top_k": 7,
    }  # fmt: skip
    assert sent(case, Task.CHAT, messages=[])["messages"] == []
    assert sent(case, Task.EMBEDDINGS, input=None)["input"] is None


@each_of_family
@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"stream": "yes"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"stream": True, "stream_options": "usage"}, "stream_options"),
    ],
)
def test_what_would_be_lost_or_replaced_is_refused_by_name(case: Case, request_: dict[str, Any], param: str) -> None:
    refusal = refused(case, Task.CHAT, **request_)
    assert refusal.param == param
    assert refusal.message


@each_of_family
def test_embeddings_refuse_streams_and_unknown_encodings(case: Case) -> None:
    assert refused(case, Task.EMBEDDINGS, stream=True).param == "stream"
    assert refused(case, Task.EMBEDDINGS, encoding_format="int8").param == "encoding_format"


@each_of_family
def test_text_that_is_no_unicode_is_refused(case: Case) -> None:
    assert refused(case, Task.CHAT, user="\ud800").code == "invalid_request"


def test_openai_is_asked_for_the_encoding_and_custom_for_its_default() -> None:
    assert sent(CASES["openai"], Task.EMBEDDINGS, encoding_format="base64")["encoding_format"] == "base64"
    assert "encoding_format" not in sent(CASES["custom"], Task.EMBEDDINGS, encoding_format="base64")


@each_of_family
def test_a_call_that_does_not_stream_has_no_decoder(case: Case) -> None:
    exchange = case.exchange(Task.CHAT, {**MINIMAL[Task.CHAT], "stream": False})
    assert exchange.decoder is None
    assert "stream_options" not in json.loads(exchange.calls[0].body)


def test_a_custom_server_may_be_spared_the_wish_for_usage() -> None:
    exchange = CASES["custom"].exchange(Task.CHAT, {**MINIMAL[Task.CHAT], "stream": True}, stream_usage=False)
    assert "stream_options" not in json.loads(exchange.calls[0].body)


@each_of_family
@pytest.mark.parametrize(
    ("task", "request_", "choices"),
    [
        (Task.CHAT, {}, 1),
        (Task.CHAT, {"n": 3}, 3),
        (Task.CHAT, {"n": None}, 1),
        (Task.CHAT, {"n": "x"}, 1),
        (Task.COMPLETIONS, {"prompt": ["a", "b"]}, 2),
        (Task.COMPLETIONS, {"prompt": ["a", "b"], "n": 2}, 4),
        (Task.COMPLETIONS, {"prompt": [1, 2, 3]}, 1),
        (Task.COMPLETIONS, {"prompt": [[1], [2]]}, 2),
    ],
)
def test_how_many_choices_are_expected(case: Case, task: Task, request_: dict[str, Any], choices: int) -> None:
    assert case.exchange(task, {**MINIMAL[task], **request_}).choices == choices
