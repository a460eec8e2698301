"""Parameters, tools, output and thinking: what is sent, dropped and refused."""

import json
from typing import Any

import pytest
from anthropic.lib._parse._transform import transform_schema
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.anthropic.asking import HELLO, dropped, exchange, prepared, refused, sent

from xmc.plugins.anthropic.output import encode_schema
from xmc.schema import Exchange, Refusal, Task

F = {"type": "function", "function": {"name": "f"}}
JSON = {"type": "json_object"}


def schema_format(schema: Any, **rest: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, **rest}}


def test_the_smallest_request() -> None:
    assert sent() == {"model": "claude-sonnet-4-6", "max_tokens": 4096, "messages": HELLO}
    assert json.loads(prepared({"messages": HELLO}, anthropic_default_max_tokens=7).calls[0].body)["max_tokens"] == 7


def test_what_counts_as_not_set() -> None:
    body = sent(
        n=1, logprobs=False, top_logprobs=0, presence_penalty=0, frequency_penalty=0.0, stop=[], tools=[],
        tool_choice=None, logit_bias={}, modalities=["text"], metadata={}, stream=False, parallel_tool_calls=True,
    )  # fmt: skip
    assert body == sent()
    assert dropped(n=1, logprobs=False, presence_penalty=0, metadata={}) == ()


@pytest.mark.parametrize(
    "name", ["frequency_penalty", "seed", "store", "metadata", "verbosity", "prompt_cache_key", "safety_identifier"]
)
def test_hints_are_dropped_and_said(name: str) -> None:
    value: Any = {"a": "b"} if name == "metadata" else 1
    assert dropped(**{name: value}) == (name,)
    assert sent(**{name: value}) == sent()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2), ("n", True), ("logprobs", True), ("top_logprobs", 3), ("logit_bias", {"5": 1}),
        ("modalities", ["audio"]),
        ("audio", {}), ("functions", [{}]), ("function_call", "auto"), ("prediction", {}), ("web_search_options", {}),
        ("temperature", 1.5), ("temperature", True), ("top_p", -1), ("top_k", "x"), ("max_tokens", -1),
        ("max_tokens", 1.5), ("stop", 7), ("stop", [7]), ("stream", "yes"), ("reasoning_effort", "huge"),
        ("response_format", "json"), ("tools", {}), ("parallel_tool_calls", "no"), ("tool_choice", "required"),
        ("anthropic_beta", ["no-such-beta"]), ("anthropic_beta", [7]),
    ],
)  # fmt: skip
def test_what_would_change_the_meaning_is_refused_by_name(name: str, value: Any) -> None:
    assert refused(**{name: value}) == name


def test_a_seed_of_zero_is_a_seed() -> None:
    assert dropped(seed=0, store=False, presence_penalty=0.0) == ("seed",)


def test_sampling_stops_user_and_tier() -> None:
    body = sent(temperature=0, top_p=1, top_k=7, stop=["a", " ", "b"], user="u1", service_tier="default")
    assert {key: value for key, value in body.items() if key not in sent()} == {
        "temperature": 0, "top_p": 1, "top_k": 7, "stop_sequences": ["a", "b"], "metadata": {"user_id": "u1"},
        "service_tier": "standard_only",
    }  # fmt: skip
    assert dropped(stop=[" "], user="anna@example.com", service_tier="flex") == ("stop", "user", "service_tier")
    assert dropped(user="+46 70 123 45 67") == ("user",)
    assert sent(stop="x")["stop_sequences"] == ["x"]


def test_max_tokens_by_either_name() -> None:
    assert sent(max_completion_tokens=5)["max_tokens"] == sent(max_tokens=5)["max_tokens"] == 5
    assert sent(max_completion_tokens=5, max_tokens=5)["max_tokens"] == 5
    assert refused(max_completion_tokens=5, max_tokens=6) == "max_tokens"


def test_models_that_refuse_sampling() -> None:
    body = sent(model="claude-opus-4-8", temperature=1, top_p=1, top_k=5)
    assert (body.get("temperature"), body.get("top_p"), body["top_k"]) == (None, None, 5)
    assert dropped(model="claude-opus-4-8", temperature=1) == ("temperature",)
    assert sent(model="claude-opus-4-8", temperature=0.2)["temperature"] == 0.2
    found = prepared({"messages": HELLO, "temperature": 0.2, "top_p": 0.5}, anthropic_drop_params=["temperature"])
    assert found.dropped == ("temperature",)
    assert json.loads(found.calls[0].body)["top_p"] == 0.5


def test_anthropics_own_parameters_pass_and_contradictions_do_not() -> None:
    thinking = {"type": "enabled", "budget_tokens": 2000}
    body = sent(thinking=thinking, container="c", speed="fast", cache_control={"type": "ephemeral"}, unheard_of=[1])
    assert {body["thinking"]["budget_tokens"], body["container"], body["speed"]} == {2000, "c", "fast"}
    assert (body["cache_control"], body["unheard_of"]) == ({"type": "ephemeral"}, [1])
    merged = sent(output_config={"effort": "low"}, response_format=schema_format({"type": "string"}))
    assert merged["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "string"}}}
    assert sent(system="s")["system"] == "s"
    assert refused([{"role": "system", "content": "x"}, *HELLO], system="s") == "system"
    assert refused(stop="a", stop_sequences=["b"]) == "stop_sequences"
    assert refused(reasoning_effort="low", output_config={"effort": "high"}) == "output_config.effort"


def test_betas() -> None:
    def betas(request: dict[str, Any], **config: Any) -> str | None:
        headers = dict(prepared({"messages": HELLO, **request}, **config).calls[0].headers)
        return headers.get("anthropic-beta")

    computer = {"type": "computer_20251124", "name": "computer"}
    assert betas({}) is None
    assert betas({"tools": [computer]}) == "computer-use-2025-11-24"
    assert (
        betas({"anthropic_beta": "context-1m-2025-08-07, pdfs-2024-09-25"}) == "context-1m-2025-08-07,pdfs-2024-09-25"
    )
    assert betas({"anthropic_beta": ["own-1"], "tools": [computer]}, anthropic_beta=["own-1"]) == (
        "own-1,computer-use-2025-11-24"
    )
    assert "anthropic_beta" not in sent(anthropic_beta=["pdfs-2024-09-25"])


# --- tools -----------------------------------------------------------------------------------------------------------


def tool_of(tool: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = sent(tools=[tool])["tools"][0]
    return found


def test_functions() -> None:
    empty = {"type": "object", "properties": {}}
    assert tool_of(F) == {"name": "f", "input_schema": empty}
    function: dict[str, Any] = {"name": "f", "description": "", "parameters": None, "strict": None}
    assert tool_of({"type": "function", "function": function}) == {"name": "f", "input_schema": empty}
    mark = {"type": "ephemeral"}
    function = {"name": "f", "description": "d", "parameters": {"properties": {"a": {}}}, "strict": True}
    assert tool_of({"type": "function", "function": function, "cache_control": mark}) == {
        "name": "f",
        "description": "d",
        "input_schema": {"type": "object", "properties": {"a": {}}},
        "strict": True,
        "cache_control": mark,
    }


def test_tools_of_other_types_pass_or_are_unwrapped() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    assert tool_of(search) == search
    own = {"name": "f", "input_schema": {"type": "object"}}
    assert tool_of(own) == own
    wrapped = {"type": "bash_20250124", "function": {"name": "bash"}}
    assert tool_of(wrapped) == {"type": "bash_20250124", "name": "bash"}
    assert refused(tools=[{"type": "custom", "custom": {"name": "f"}}]) == "tools[0].type"
    assert refused(tools=[{"type": "function", "function": {"name": ""}}]) == "tools[0].function.name"
    assert refused(tools=[7]) == "tools[0]"


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        ("auto", None, {"type": "auto"}),
        ("none", None, {"type": "none"}),
        ("required", None, {"type": "any"}),
        (F, None, {"type": "tool", "name": "f"}),
        ({"type": "any"}, None, {"type": "any"}),
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
        ("none", False, {"type": "none"}),
    ],
)
def test_choices(choice: Any, parallel: bool | None, expected: dict[str, Any] | None) -> None:
    body = sent(tools=[F], tool_choice=choice, parallel_tool_calls=parallel)
    assert body.get("tool_choice") == expected


def test_choices_without_counterpart_or_tools() -> None:
    assert refused(tools=[F], tool_choice={"type": "allowed_tools", "allowed_tools": {}}) == "tool_choice.type"
    assert refused(tools=[F], tool_choice="maybe") == "tool_choice"
    assert sent(tool_choice="auto", parallel_tool_calls=False) == sent()


# --- output ----------------------------------------------------------------------------------------------------------


def test_json_without_a_schema_is_an_instruction() -> None:
    for wish in (JSON, {"type": "json_schema", "json_schema": {"name": "x"}}):
        body = sent([{"role": "system", "content": "a"}, *HELLO], response_format=wish)
        assert body["system"][0]["text"] == "a"
        assert "JSON" in body["system"][1]["text"]
    assert sent(response_format={"type": "text"}) == sent()
    assert refused(response_format={"type": "grammar"}) == "response_format.type"
    assert refused(response_format=schema_format({})) == "response_format.json_schema.schema"


def test_several_types_are_alternatives() -> None:
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"], "maxLength": 3, "title": "A"}}}
    assert encode_schema(schema, "s")["properties"]["a"] == {
        "title": "A", "anyOf": [{"type": "string", "description": "{maxLength: 3}"}, {"type": "null"}],
    }  # fmt: skip
    described = sent(response_format=schema_format({"type": "string"}, description="a city"))
    assert described["output_config"]["format"]["schema"] == {"type": "string", "description": "a city"}


_names = st.sampled_from(["a", "b", "c"])
_leaves = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer", "number", "boolean", "null"])},
    optional={
        "description": st.text(min_size=1, max_size=3),
        "title": st.text(max_size=3),
        "minimum": st.integers(0, 9),
        "format": st.sampled_from(["date", "email", "regex"]),
        "pattern": st.just("x"),
        "default": st.integers(),
        "enum": st.lists(st.text(max_size=2), min_size=1, max_size=2),
    },
) | st.just({"$ref": "#/$defs/a", "description": "lost"})
_schemas = st.recursive(
    _leaves,
    lambda inner: (
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(_names, inner, max_size=2)},
            optional={
                "required": st.lists(_names, max_size=2),
                "additionalProperties": st.booleans(),
                "$defs": st.dictionaries(_names, inner, max_size=2),
                "maxProperties": st.integers(1, 3),
            },
        )
        | st.fixed_dictionaries({"type": st.just("array"), "items": inner}, optional={"minItems": st.integers(0, 3)})
        | st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=2)})
        | st.fixed_dictionaries({"oneOf": st.lists(inner, min_size=1, max_size=2)})
        | st.fixed_dictionaries({"allOf": st.lists(inner, min_size=1, max_size=2)})
    ),
    max_leaves=6,
)


@given(_schemas)
def test_schemas_are_rewritten_as_the_official_client_does_it(schema: dict[str, Any]) -> None:
    before = json.dumps(schema)
    assert encode_schema(schema, "s") == transform_schema(schema)
    assert json.dumps(schema) == before


# --- thinking --------------------------------------------------------------------------------------------------------

UNSIGNED = [
    *HELLO,
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "a", "content": "1"},
]


@pytest.mark.parametrize(
    ("model", "effort", "max_tokens", "expected"),
    [
        ("claude-sonnet-4-6", "minimal", None, (4096, {"type": "adaptive"}, "low")),
        ("claude-fable-5", "xhigh", 10, (10, {"type": "adaptive"}, "xhigh")),
        ("a-name-of-mine", "high", 10, (10, {"type": "adaptive"}, "high")),
        ("claude-sonnet-4-6", "none", None, (4096, {"type": "disabled"}, None)),
        ("claude-opus-4-5", "low", None, (5120, {"type": "enabled", "budget_tokens": 1024}, None)),
        ("claude-opus-4-5", "high", 20000, (20000, {"type": "enabled", "budget_tokens": 4096}, None)),
        ("claude-opus-4-5", "high", 4000, (4000, {"type": "enabled", "budget_tokens": 2000}, None)),
        ("claude-opus-4-5", "high", 1025, (1025, {"type": "enabled", "budget_tokens": 1024}, None)),
        ("claude-opus-4-5", "none", None, (4096, None, None)),
    ],
)
def test_effort(model: str, effort: str, max_tokens: int | None, expected: tuple[Any, ...]) -> None:
    body = sent(model=model, reasoning_effort=effort, max_tokens=max_tokens)
    assert (body["max_tokens"], body.get("thinking"), body.get("output_config", {}).get("effort")) == expected
    assert dropped(model=model, reasoning_effort=effort, max_tokens=max_tokens) == ()


def test_effort_without_effect_is_said() -> None:
    assert dropped(model="claude-3-haiku-20240307", reasoning_effort="high") == ("reasoning_effort",)
    assert dropped(model="claude-opus-4-5", reasoning_effort="high", max_tokens=1024) == ("reasoning_effort",)
    assert dropped(UNSIGNED, model="claude-opus-4-5", reasoning_effort="high") == ("reasoning_effort",)
    assert dropped(UNSIGNED, model="claude-opus-4-6", reasoning_effort="high") == ()


def test_thinking_in_anthropics_words_goes_first() -> None:
    own = {"type": "adaptive", "display": "omitted"}
    body = sent(reasoning_effort="high", thinking=own)
    assert (body["thinking"], body["output_config"]) == (own, {"effort": "high"})


# --- completions -----------------------------------------------------------------------------------------------------


def prompts(prompt: Any, **request: Any) -> list[dict[str, Any]]:
    found = prepared({"prompt": prompt, **request}, task=Task.COMPLETIONS)
    assert found.choices == len(found.calls)
    return [json.loads(wire.body) for wire in found.calls]


def test_prompts() -> None:
    assert [body["messages"] for body in prompts(["a", "b"])] == [
        [{"role": "user", "content": "a"}], [{"role": "user", "content": "b"}],
    ]  # fmt: skip
    (body,) = prompts("x", system_prompt="s", max_tokens=5, top_k=2, stream=True)
    assert body == {
        "model": "claude-sonnet-4-6", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}],
        "system": [{"type": "text", "text": "s"}], "top_k": 2, "stream": True,
    }  # fmt: skip
    framed = "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\nHuman: d\n\nAssistant: Well,"
    assert prompts(framed)[0]["messages"] == [
        {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c\nHuman: d"}, {"role": "assistant", "content": "Well,"},
    ]  # fmt: skip
    assert prompts("Human: is a word")[0]["messages"] == [{"role": "user", "content": "Human: is a word"}]


def test_several_prompts_are_not_streamed_from_upstream() -> None:
    found = prepared({"prompt": ["a", "b"], "stream": True}, task=Task.COMPLETIONS)
    assert found.decoder is None
    assert all("stream" not in json.loads(wire.body) for wire in found.calls)


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"prompt": [1, 2]}, "prompt"), ({"prompt": [[1]]}, "prompt"), ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": {}}, "prompt"), ({"prompt": "\n\nHuman: \n\nAssistant:"}, "prompt"),
        ({"prompt": "x", "echo": True}, "echo"), ({"prompt": "x", "suffix": "y"}, "suffix"),
        ({"prompt": "x", "best_of": 2}, "best_of"), ({"prompt": "x", "logprobs": 0}, "logprobs"),
        ({"prompt": "x", "tools": [F]}, "tools"), ({"prompt": "x", "system_prompt": 7}, "system_prompt"),
    ],
)  # fmt: skip
def test_completions_refuse_by_name(request_: dict[str, Any], param: str) -> None:
    assert refused(task=Task.COMPLETIONS, **request_) == param


@pytest.mark.parametrize("text", ["\ud800"])
def test_text_that_is_no_unicode_is_refused(text: str) -> None:
    found = exchange({"messages": [{"role": "user", "content": text}]})
    assert isinstance(found, Refusal)
    assert found.code == "invalid_request"
    assert not isinstance(exchange({"messages": HELLO, "user": text}), Exchange)
