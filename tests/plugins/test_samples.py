"""Every recorded answer and stream in OpenAI's form, through every provider that reads it."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openai.lib.streaming.chat._completions import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk
from tests.plugins import recorded
from tests.plugins.recorded import RESPONSES, STREAMS, answer, chunks_of, load, read, task_of
from tests.providers import CASES, FAMILY, Case, each_of_family

from xmc.schema import ProviderError, Response, Task, canonical_schema

WHOLE_STREAMS = [name for name in STREAMS if "error" not in name]
TRUE_TO_FORM = [name for name in WHOLE_STREAMS if name.startswith(("openai/", "framing/"))]


def is_valid(task: Task, kind: Any, value: Any) -> None:
    Draft202012Validator(canonical_schema(task, kind)).validate(json.loads(json.dumps(value)))


def test_there_are_samples() -> None:
    assert len(STREAMS) >= 20
    assert len(RESPONSES) >= 15


@each_of_family
@pytest.mark.parametrize("name", RESPONSES)
def test_whole_answers(case: Case, name: str) -> None:
    status = int(Path(name).name.split("-")[1].split(".")[0]) if "/error-4" in name else 200
    status = 400 if "contentfilter" in name else status
    result = answer(case, read(name), task=task_of(name), status=status)
    if status == 200:
        assert isinstance(result, Response), result
        is_valid(task_of(name), "response", result.body)
    else:
        assert isinstance(result, ProviderError)
        assert (result.status, result.garbled) == (status, False)


@each_of_family
@pytest.mark.parametrize("name", [name for name in RESPONSES if name.startswith("openai/") and "error" not in name])
def test_answers_of_openai_itself_pass_unchanged(case: Case, name: str) -> None:
    result = answer(case, read(name), task=task_of(name), encoding_format="base64" if "base64" in name else None)
    assert isinstance(result, Response)
    assert result.body == load(name)


@pytest.mark.parametrize(
    ("case", "name"),
    [
        # `openai` promises nothing for an upstream that is not OpenAI.
        pytest.param(case, name, id=f"{provider}-{name}")
        for provider, case in FAMILY.items()
        for name in (WHOLE_STREAMS if case.quirky else TRUE_TO_FORM)
    ],
)
def test_whole_streams(case: Case, name: str) -> None:
    task = task_of(name)
    for chunk in chunks_of(case, read(name), task=task, n=2 if "n2" in name else 1):
        is_valid(task, "chunk", chunk)


@pytest.mark.parametrize("name", TRUE_TO_FORM)
def test_openai_streams_pass_unchanged(name: str) -> None:
    events = [json.loads(event.data) for event in recorded.events_of(read(name)) if event.data != b"[DONE]"]
    n = 2 if "n2" in name else 1
    assert chunks_of(CASES["openai"], read(name), task=task_of(name), n=n) == events


@pytest.mark.parametrize("name", [name for name in WHOLE_STREAMS if task_of(name) is Task.CHAT and "n2" not in name])
def test_the_official_helper_rebuilds_every_normalised_stream(name: str) -> None:
    state: Any = ChatCompletionStreamState()
    for chunk in chunks_of(CASES["custom"], read(name)):
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    message = state.get_final_completion().choices[0].message
    assert message.role == "assistant"
    for call in message.tool_calls or ():
        assert call.function.name in {"f", "g", "get_weather"}
        json.loads(call.function.arguments)
