"""Google's own client, Anthropic's for Vertex AI, and OpenAI's read the simulator, and are refused by it."""

from typing import Any

import anthropic
import openai
import pytest
from google.genai import errors, types
from tests.plugins.google_cloud_vertex_ai.asking import TOKEN, claude, gemini, using
from tests.simulators.vertex import PROJECT, REGION, VERSION, simulator
from tests.simulators.vertex_rules import SIGNATURE

OLD, NEW = "gemini-2.5-flash", "gemini-3.5-flash"
WEATHER: Any = {
    "functionDeclarations": [
        {"name": "weather", "parametersJsonSchema": {"type": "object", "properties": {"city": {"type": "string"}}}},
        {"name": "get_time"},
    ]
}
ASKED = 'call weather {"city": "Oslo"}\ncall get_time'


def call(model: str, asked: Any = "hello there", **config: Any) -> Any:
    return {"model": model, "contents": asked, "config": config}


def asked(client: Any, model: str, *, stream: bool) -> Any:
    if stream:
        return list(client.models.generate_content_stream(**call(model)))
    return client.models.generate_content(**call(model))


async def test_answers_are_read() -> None:
    async with simulator() as upstream:
        thinking = {"thinking_config": {"include_thoughts": True, "thinking_budget": 512}}
        said = await using(gemini, upstream, lambda c: c.models.generate_content(**call(OLD, **thinking)))
        assert said.text == "Echo 🦌: hello there"
        assert said.candidates[0].content.parts[0].thought
        assert said.usage_metadata.thoughts_token_count == 11
        two = await using(gemini, upstream, lambda c: c.models.generate_content(**call(OLD, candidate_count=2)))
        assert [one.index or 0 for one in two.candidates] == [0, 1]
        said = await using(gemini, upstream, lambda c: c.models.generate_content(**call(NEW, ASKED, tools=[WEATHER])))
    assert [(one.name, one.args, one.id) for one in said.function_calls] == [
        ("weather", {"city": "Oslo"}, "fc-0"), ("get_time", None, "fc-1"),
    ]  # fmt: skip
    assert said.candidates[0].finish_reason is types.FinishReason.STOP


@pytest.mark.parametrize("model", [OLD, NEW])
async def test_streams_and_second_turns_are_read(model: str) -> None:
    async with simulator() as upstream:
        ask = call(model, ASKED, tools=[WEATHER])
        events = await using(gemini, upstream, lambda c: list(c.models.generate_content_stream(**ask)))
        assert upstream.seen[-1].path.endswith(":streamGenerateContent?alt=sse")
        calls = [part for event in events for part in event.candidates[0].content.parts if part.function_call]
        results = [types.Part.from_function_response(name=one.function_call.name, response={"r": 1}) for one in calls]
        for part in calls:
            part.function_call.id = None
        history = [
            types.Content(role="user", parts=[types.Part(text=ASKED)]),
            types.Content(role="model", parts=calls),
            types.Content(role="user", parts=results),
        ]
        more = call(model, history, tools=[WEATHER])
        last = await using(gemini, upstream, lambda c: c.models.generate_content(**more))
    assert last.text == 'weather: {"r": 1}; get_time: {"r": 1}'
    assert events[-1].usage_metadata.total_token_count > 0


@pytest.mark.parametrize(
    ("model", "status", "name"),
    [
        ("gemini-2-nope", 404, "NOT_FOUND"),
        ("gemini-2-limited", 429, "RESOURCE_EXHAUSTED"),
        ("gemini-2-down", 503, "UNAVAILABLE"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_failures_are_the_clients_own_errors(model: str, status: int, name: str, stream: bool) -> None:
    async with simulator() as upstream:
        with pytest.raises(errors.APIError) as raised:
            await using(gemini, upstream, lambda c: asked(c, model, stream=stream))
    assert (raised.value.code, raised.value.status) == (status, name)


async def test_a_stream_that_breaks_raises_in_the_client() -> None:
    async with simulator() as upstream:
        with pytest.raises(errors.ClientError, match="RESOURCE_EXHAUSTED"):
            await using(gemini, upstream, lambda c: list(c.models.generate_content_stream(**call("gemini-2-breaks"))))


async def test_blocked_prompts_are_read() -> None:
    async with simulator() as upstream:
        said = await using(gemini, upstream, lambda c: c.models.generate_content(**call("gemini-2-blocked")))
    assert said.prompt_feedback.block_reason is types.BlockedReason.PROHIBITED_CONTENT
    assert not said.candidates


def user(*parts: Any) -> Any:
    return {"role": "user", "parts": list(parts)}


CALLED = {"functionCall": {"name": "weather", "args": {}}}
SIGNED = {**CALLED, "thoughtSignature": SIGNATURE}
RESULT = {"functionResponse": {"name": "weather", "response": {"r": 1}}}
HELLO = user({"text": "hello"})


@pytest.mark.parametrize(
    ("model", "contents", "config", "said"),
    [
        (OLD, [], {}, "at least one contents"),
        (OLD, [user()], {}, "at least one parts"),
        (OLD, [user({"text": ""})], {}, "empty text"),
        (OLD, [{"role": "model", "parts": [{"text": "x"}]}], {}, "begin with a user turn"),
        (OLD, [HELLO, {"role": "model", "parts": [{"text": "x"}]}], {}, "end with a user turn"),
        (OLD, [HELLO, {"role": "model", "parts": [CALLED, CALLED]}, user(RESULT)], {}, "number of function response"),
        (OLD, [HELLO, {"role": "model", "parts": [CALLED]}, user(RESULT, {"text": "x"})], {}, "number of function"),
        (NEW, [HELLO, {"role": "model", "parts": [CALLED]}, user(RESULT)], {}, "missing a `thought_signature`"),
        (NEW, [HELLO], {"temperature": 0.5, "stopSequences": ["a"] * 6}, "at most 5"),
        ("gemini-3.8-flash", [HELLO], {"temperature": 0.5}, "temperature is not supported"),
        (OLD, [HELLO], {"tools": [{"functionDeclarations": [{"name": "1"}]}]}, "Invalid function name"),
    ],
)
async def test_requests_out_of_order_are_refused(model: str, contents: Any, config: Any, said: str) -> None:
    async with simulator() as upstream:
        upstream.tokens.valid.append(TOKEN)
        with pytest.raises(errors.ClientError, match=said):
            # Google's client sees to some of it itself, so it is made to send what it is given.
            await using(gemini, upstream, lambda c: _post(c, model, contents, config))
        taken = [HELLO, {"role": "model", "parts": [SIGNED, CALLED]}, user(RESULT, RESULT)]
        await using(gemini, upstream, lambda c: _post(c, NEW, taken, {}))


def _post(client: Any, model: str, contents: Any, config: Any) -> Any:
    tools = {"tools": config["tools"]} if "tools" in config else {}
    body = {"contents": contents, **tools, **({"generationConfig": config} if not tools and config else {})}
    return client._api_client.request("post", f"publishers/google/models/{model}:generateContent", body)


async def test_embeddings_are_read() -> None:
    texts = ["one two", "three"]
    config = {"output_dimensionality": 8, "task_type": "RETRIEVAL_QUERY"}
    async with simulator() as upstream:
        many = await using(
            gemini,
            upstream,
            lambda c: c.models.embed_content(model="text-embedding-005", contents=texts, config=config),
        )
        one = await using(
            gemini, upstream, lambda c: c.models.embed_content(model="gemini-embedding-2", contents="one")
        )
    assert [len(row.values) for row in many.embeddings] == [8, 8]
    assert many.embeddings[0].statistics.token_count == 2.0
    assert one.embeddings[0].values[0] == 1.5


async def test_claude_is_read_whole_and_streamed() -> None:
    asked: Any = {
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "hello"}],
        "extra_body": {"anthropic_version": VERSION},
    }

    def stream(client: Any) -> Any:
        with client.messages.stream(model="claude-sonnet-4-6", **asked) as events:
            return events.get_final_message()

    async with simulator() as upstream:
        whole = await using(claude, upstream, lambda c: c.messages.create(model="claude-sonnet-4-5@20250929", **asked))
        streamed = await using(claude, upstream, stream)
        with pytest.raises(anthropic.NotFoundError):
            await using(claude, upstream, lambda c: c.messages.create(model="claude-nope", **asked))
        beta = {"model": "claude-sonnet-4-6", "betas": ["files-api-2025-04-14"], **asked}
        with pytest.raises(anthropic.BadRequestError, match="anthropic-beta"):
            await using(claude, upstream, lambda c: c.beta.messages.create(**beta))
    assert whole.id == streamed.id == "msg_vrtx_01"
    assert whole.content[0].text == streamed.content[0].text == "Echo 🦌: hello"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_models_of_partners_are_read(stream: bool) -> None:
    messages: Any = [{"role": "user", "content": "hello there"}]
    async with simulator() as upstream:
        upstream.tokens.valid.append(TOKEN)
        base = f"{upstream.url}/v1/projects/{PROJECT}/locations/{REGION}/endpoints/openapi"
        async with openai.AsyncOpenAI(base_url=base, api_key=TOKEN, max_retries=0) as client:
            create: Any = client.chat.completions.create
            said = await create(model="meta/llama-4-scout-maas", messages=messages, stream=stream)
            if stream:
                text = "".join([chunk.choices[0].delta.content async for chunk in said])
            else:
                text = said.choices[0].message.content
            with pytest.raises(openai.BadRequestError):
                await create(model="llama", messages=messages)
    assert text == "Echo: hello there"


async def test_tokens_are_checked() -> None:
    async with simulator() as upstream:
        with pytest.raises(errors.ClientError, match="UNAUTHENTICATED"):
            await using(gemini, upstream, lambda c: _unknown(upstream, c))


def _unknown(upstream: Any, client: Any) -> Any:
    upstream.tokens.valid.clear()
    return client.models.generate_content(**call(OLD))
