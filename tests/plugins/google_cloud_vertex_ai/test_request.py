"""What requests come to at Gemini, where the samples and the parameters' table do not say it."""

import json
from typing import Any

import pytest
from tests.providers import CASES, CONTEXT

from xmc.schema import Exchange, Refusal, Task

CASE = CASES["google-cloud-vertex-ai"]
ASKED: list[dict[str, Any]] = [{"role": "user", "content": "hi"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def prepared(request: dict[str, Any], model: str = "gemini-3.5-flash", task: Task = Task.CHAT, **config: Any) -> Any:
    given = request if task is not Task.CHAT else {"messages": ASKED, **request}
    return CASE.adapter(task, model, **config).prepare(given, CONTEXT)


def sent(
    request: dict[str, Any], model: str = "gemini-3.5-flash", **config: Any
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the body, and what was dropped."""
    exchange = prepared(request, model, **config)
    assert isinstance(exchange, Exchange), exchange
    (call,) = exchange.calls
    return json.loads(call.body), exchange.dropped


def parts(content: Any, **more: Any) -> list[dict[str, Any]]:
    body, _ = sent({"messages": [{"role": "user", "content": content}], **more})
    found: list[dict[str, Any]] = body["contents"][0]["parts"]
    return found


def part_of(kind: str, **value: Any) -> dict[str, Any]:
    return {"type": kind, kind: value}


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        (part_of("input_audio", data="UklG", format="wav"), {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}}),
        (
            part_of("image_url", url="https://x.test/a.JPG?size=2"),
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x.test/a.JPG?size=2"}},
        ),
        (
            part_of("file", file_id="gs://bucket/film", filename="film.mp4"),
            {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://bucket/film"}},
        ),
        (
            part_of("file", file_data="data:video/mp4;base64,AAAA"),
            {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}},
        ),
        (
            part_of("file", file_data="data:text/plain;base64,w6U="),
            {"inlineData": {"mimeType": "text/plain", "data": "w6U="}},
        ),
    ],
)
def test_media(part: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert parts([part]) == [wanted]


@pytest.mark.parametrize(
    "part",
    [
        part_of("image_url", url="https://x.test/a"),
        part_of("file", file_id="file-123"),
        part_of("input_audio", data="x", format="midi"),
        {"type": "search_result"},
        {"type": "document", "source": {"type": "content"}},
    ],
)
def test_media_that_gemini_does_not_take_are_refused(part: dict[str, Any]) -> None:
    refusal = prepared({"messages": [{"role": "user", "content": [part]}]})
    assert isinstance(refusal, Refusal)
    assert refusal.code == "unsupported_parameter"


@pytest.mark.parametrize(
    ("content", "more", "wanted"),
    [
        ('{"a": 1}', {}, {"a": 1}),
        ("[1, 2]", {}, {"result": [1, 2]}),
        ("4 C", {}, {"result": "4 C"}),
        ("7", {}, {"result": "7"}),
        ("{broken", {}, {"result": "{broken"}),
        ("", {}, {"result": ""}),
        (None, {}, {"result": ""}),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], {}, {"result": "ab"}),
        ("down", {"is_error": True}, {"error": "down"}),
        ('{"code": 1}', {"is_error": True}, {"error": {"code": 1}}),
    ],
)
def test_26_results_become_objects(content: Any, more: dict[str, Any], wanted: dict[str, Any]) -> None:
    messages = [
        *ASKED,
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": content, **more},
    ]
    body, _ = sent({"messages": messages})
    assert body["contents"][-1]["parts"] == [{"functionResponse": {"name": "f", "response": wanted}}]


def test_1_results_stand_alone_before_what_the_user_says() -> None:
    calls = [{**CALL, "id": one} for one in "ab"]
    results = [{"role": "tool", "tool_call_id": one, "content": one} for one in "ba"]
    messages = [*ASKED, {"role": "assistant", "content": "x", "tool_calls": calls}, *results, *ASKED]
    body, _ = sent({"messages": messages})
    assert [(one["role"], len(one["parts"])) for one in body["contents"]] == [
        ("user", 1), ("model", 3), ("user", 2), ("user", 1),
    ]  # fmt: skip


def test_thoughts_of_others_are_left_out_and_named() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]},
        *ASKED,
        {"role": "assistant", "content": "y", "thinking_blocks": [thinking]},
        *ASKED,
    ]
    body, dropped = sent({"messages": messages})
    assert body["contents"][1] == {"role": "model", "parts": [{"text": "y"}]}
    assert set(dropped) == {"messages.thinking_blocks", "messages.cache_control"}


@pytest.mark.parametrize(
    ("model", "effort", "wanted"),
    [
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-flash", "medium", {"thinkingBudget": 8192, "includeThoughts": True}),
        ("gemini-3.5-flash", "minimal", {"thinkingLevel": "MINIMAL", "includeThoughts": True}),
        ("gemini-3.8-flash", "minimal", {"thinkingLevel": "LOW", "includeThoughts": True}),
        ("gemini-4-argon", "high", {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-3.5-flash", "none", None),
        ("gemini-2.0-flash", "high", None),
    ],
)
def test_efforts(model: str, effort: str, wanted: dict[str, Any] | None) -> None:
    body, dropped = sent({"reasoning_effort": effort}, model)
    assert body.get("generationConfig", {}).get("thinkingConfig") == wanted
    assert dropped == (("reasoning_effort",) if wanted is None else ())


def test_gemini_s_own_words_pass_and_go_first() -> None:
    request = {
        "reasoning_effort": "high",
        "thinking_config": {"thinkingBudget": 5},
        "generationConfig": {"response_modalities": ["TEXT"], "maxOutputTokens": 9},
        "max_tokens": 9,
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
        "labels": {"team": "blue"},
    }
    body, dropped = sent(request)
    assert body["generationConfig"] == {
        "thinkingConfig": {"thinkingBudget": 5}, "responseModalities": ["TEXT"], "maxOutputTokens": 9,
    }  # fmt: skip
    assert body["labels"] == {"team": "blue"}
    assert body["safetySettings"] == request["safetySettings"]
    assert dropped == ()


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": "x"}, "top_p"),
        ({"frequency_penalty": -3}, "frequency_penalty"),
        ({"stop": list("abcdef")}, "stop"),
        ({"n": 9}, "n"),
        ({"n": True}, "n"),
        ({"seed": 1.5}, "seed"),
        ({"logprobs": 1}, "logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"reasoning_effort": "much"}, "reasoning_effort"),
        ({"max_tokens": 5, "generationConfig": {"maxOutputTokens": 6}}, "generationConfig"),
        ({"contents": []}, None),
        ({"toolConfig": {"x": 1}}, "toolConfig"),
        ({"system_instruction": {"parts": []}}, "system_instruction"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0].type"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
    ],
)
def test_what_is_refused_is_named(request_: dict[str, Any], param: str | None) -> None:
    found = prepared(request_)
    if param is None:  # an empty list counts as not set
        assert isinstance(found, Exchange)
    else:
        assert isinstance(found, Refusal)
        assert found.param == param


def test_what_the_spec_drops_is_dropped_and_named() -> None:
    given = {"temperature": 0.5, "presence_penalty": 1, "frequency_penalty": 0, "top_p": 0.5}
    body, dropped = sent(
        given, "gemini-3.8-flash", vertex_drop_params=["temperature", "presence_penalty", "frequency_penalty"]
    )
    assert body["generationConfig"] == {"topP": 0.5}
    assert dropped == ("temperature", "presence_penalty")


@pytest.mark.parametrize("schema", [None, {}, {"type": "object"}, {"type": "object", "properties": {}}])
def test_19_functions_without_parameters_have_no_schema(schema: Any) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": schema, "strict": True}}
    body, dropped = sent({"tools": [tool], "parallel_tool_calls": False, "tool_choice": "none"})
    assert body["tools"] == [{"functionDeclarations": [{"name": "f"}]}]
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "NONE"}}
    assert set(dropped) == {"tools.function.strict", "parallel_tool_calls"}


def test_completions_refuse_what_a_text_cannot_hold() -> None:
    for name, value in {"logprobs": 2, "tools": [1], "suffix": "x", "prompt": [1]}.items():
        refusal = prepared({"prompt": "x", name: value}, task=Task.COMPLETIONS)
        assert isinstance(refusal, Refusal)
        assert refusal.param == name
    exchange = prepared({"prompt": ["a", "b"], "logprobs": None, "n": 2, "stream": True}, task=Task.COMPLETIONS)
    assert len(exchange.calls) == 2
    assert exchange.decoder is None


@pytest.mark.parametrize("name", ["best_of", "echo", "suffix", "logprobs", "tools"])
def test_completions_of_partners_refuse_it_too(name: str) -> None:
    refusal = prepared(
        {"prompt": "x", name: [1] if name == "tools" else 2}, "meta/llama-4-scout-maas", Task.COMPLETIONS
    )
    assert isinstance(refusal, Refusal)
    assert refusal.param == name
