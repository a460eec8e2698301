"""The official OpenAI client for Python, unchanged, against a running gateway and (as a control) the bare upstream."""

import json
from collections.abc import AsyncIterator, Iterator

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from tests.clients.gateway import Gateway
from tests.clients.simulator import UPSTREAM_REQUEST_ID, vector

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def ask(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


@pytest.fixture(params=["gateway", "upstream"])
def client(request: pytest.FixtureRequest, served: Gateway) -> Iterator[OpenAI]:
    """The gateway, and the simulator itself: what passes on both is the client's own reading, not ours."""
    url, key = (served.openai_url, served.tokens["alice"])
    if request.param == "upstream":
        url, key = f"{served.upstream.url}/v1", served.upstream.key
    with OpenAI(base_url=url, api_key=key, max_retries=0, timeout=20) as made:
        yield made


@pytest.fixture
def ours(served: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=served.openai_url, api_key=served.tokens["alice"], max_retries=0, timeout=20) as made:
        yield made


@pytest.fixture
async def ours_async(served: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=served.openai_url, api_key=served.tokens["alice"], max_retries=0, timeout=20
    ) as made:
        yield made


def test_chat(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="chat", messages=ask("hello there"))
    assert answer.choices[0].message.content == "echo: hello there"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (5, 3, 8)


def test_chat_goes_upstream_with_the_providers_model_and_names_the_entity(ours: OpenAI, served: Gateway) -> None:
    reply = ours.chat.completions.with_raw_response.create(
        model="chat", messages=ask("headers"), extra_headers={"x-request-id": "from-the-client"}
    )
    assert reply.parse().model == "sim-chat"
    assert served.upstream.seen[-1]["model"] == "sim-chat"
    assert reply.headers["served-model-name"] == "sim"
    assert reply.request_id == "from-the-client"


def test_databricks_own_fields_stay_here(ours: OpenAI, served: Gateway) -> None:
    extra = {"usage_context": {"team": "x"}, "client_request_id": "c-1"}
    ours.chat.completions.create(model="chat", messages=ask("own fields"), extra_body=extra)
    assert set(served.upstream.seen[-1]) & {"usage_context", "client_request_id"} == set()


def test_chat_stream(client: OpenAI) -> None:
    with client.chat.completions.create(model="chat", messages=ask("a b c"), stream=True) as stream:
        chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "echo: a b c"
    assert len(chunks) > 3
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.object == "chat.completion.chunk" for chunk in chunks)


def test_usage_ends_a_stream_only_when_it_is_asked_for(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="chat", messages=ask("a"), stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 8
    unasked = list(client.chat.completions.create(model="chat", messages=ask("a"), stream=True))
    assert all(chunk.choices and not chunk.usage for chunk in unasked)


def test_tools(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="chat", messages=ask("Oslo"), tools=[WEATHER])
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.tool_calls is not None
    (call,) = answer.choices[0].message.tool_calls
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Oslo"})


def test_the_stream_helper_puts_tool_calls_together(client: OpenAI) -> None:
    with client.chat.completions.stream(model="chat", messages=ask("Tromsø"), tools=[WEATHER]) as stream:
        kinds = {event.type for event in stream}
        message = stream.get_final_completion().choices[0].message
    assert "tool_calls.function.arguments.delta" in kinds
    assert message.tool_calls is not None
    assert json.loads(message.tool_calls[0].function.arguments) == {"city": "Tromsø"}


def test_completions(client: OpenAI) -> None:
    answer = client.completions.create(model="text", prompt="one two")
    assert (answer.choices[0].text, answer.object) == ("echo: one two", "text_completion")
    parts = [chunk.choices[0].text for chunk in client.completions.create(model="text", prompt="one two", stream=True)]
    assert "".join(parts) == "echo: one two"
    assert len(parts) > 2


def test_embeddings_in_the_clients_default_base64_and_as_floats(client: OpenAI) -> None:
    texts = ["short", "rather longer"]
    default = client.embeddings.create(model="embed", input=texts)
    floats = client.embeddings.create(model="embed", input=texts, encoding_format="float")
    expected = [vector(text) for text in texts]
    assert [row.embedding for row in default.data] == expected
    assert [row.embedding for row in floats.data] == expected
    assert default.usage.prompt_tokens == 4


def test_a_cut_stream_is_an_error_and_never_a_short_answer(client: OpenAI) -> None:
    received: list[str] = []
    with pytest.raises((openai.APIError, httpx2.RemoteProtocolError)):
        received.extend(
            chunk.choices[0].delta.content or ""
            for chunk in client.chat.completions.create(model="chat", messages=ask("cut"), stream=True)
        )
    assert "".join(received) in {"", "echo:"}


def test_a_cut_stream_is_the_clients_own_error_class_with_our_words(ours: OpenAI) -> None:
    with pytest.raises(openai.APIError, match=r"stream|broke|upstream"):
        list(ours.chat.completions.create(model="chat", messages=ask("cut"), stream=True))


def test_models_are_the_endpoints_that_the_token_may_query(ours: OpenAI, served: Gateway) -> None:
    assert [model.id for model in ours.models.list()] == ["chat", "text", "embed", "private", "custom", "down", "two"]
    with OpenAI(base_url=served.openai_url, api_key=served.tokens["bob"], max_retries=0) as bob:
        assert [model.id for model in bob.models.list()] == ["chat"]


ERRORS = [
    (400, openai.BadRequestError, 400),
    (401, openai.PermissionDeniedError, 403),
    (404, openai.NotFoundError, 404),
    (409, openai.ConflictError, 409),
    (413, openai.BadRequestError, 400),
    (422, openai.BadRequestError, 400),
    (429, openai.RateLimitError, 429),
    (500, openai.InternalServerError, 500),
    (502, openai.InternalServerError, 502),
    (503, openai.InternalServerError, 503),
    (504, openai.InternalServerError, 504),
    (529, openai.InternalServerError, 503),
]


@pytest.mark.parametrize(("upstream", "kind", "status"), ERRORS)
def test_upstream_errors_keep_class_text_and_ids(
    ours: OpenAI, upstream: int, kind: type[openai.APIStatusError], status: int
) -> None:
    with pytest.raises(kind) as caught:
        ours.chat.completions.create(model="chat", messages=ask(f"error {upstream}"))
    error = caught.value
    assert (type(error), error.status_code) == (kind, status)
    assert error.request_id
    assert error.request_id == error.response.headers["x-request-id"]
    assert error.response.headers["x-upstream-request-id"] == UPSTREAM_REQUEST_ID
    if upstream == 401:
        assert error.response.headers["x-should-retry"] == "false"
        assert (error.type, error.code) == ("upstream_auth_error", "upstream_auth_error")
        assert "'sim'" in str(error)
        return
    assert f"the upstream says {upstream}" in str(error)
    assert error.code == f"upstream_{upstream}"
    assert isinstance(error.body, dict)
    assert error.body["message"] == f"the upstream says {upstream}"
    if status != upstream:
        assert error.response.headers["x-upstream-status"] == str(upstream)


@pytest.mark.parametrize(("upstream", "kind", "status"), [ERRORS[0], ERRORS[6], ERRORS[9]])
def test_an_error_before_a_stream_is_an_ordinary_error(
    ours: OpenAI, upstream: int, kind: type[openai.APIStatusError], status: int
) -> None:
    with pytest.raises(kind) as caught:
        ours.chat.completions.create(model="chat", messages=ask(f"error {upstream}"), stream=True)
    assert caught.value.status_code == status


def test_our_own_errors_by_class(served: Gateway, ours: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no-such-endpoint") as unknown:
        ours.chat.completions.create(model="no-such-endpoint", messages=ask("x"))
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError):
        ours.embeddings.create(model="chat", input="a chat endpoint does not embed")
    with pytest.raises(openai.BadRequestError, match="messages"):
        ours.post("/chat/completions", body={"model": "chat"}, cast_to=object)
    with pytest.raises(openai.InternalServerError) as down:
        ours.chat.completions.create(model="down", messages=ask("x"))
    assert down.value.status_code == 503
    with OpenAI(base_url=served.openai_url, api_key=served.tokens["bob"], max_retries=0) as bob:
        with pytest.raises(openai.PermissionDeniedError, match="private"):
            bob.chat.completions.create(model="private", messages=ask("x"))
        assert bob.chat.completions.create(model="chat", messages=ask("x")).choices
    with OpenAI(base_url=served.openai_url, api_key="not-a-token", max_retries=0) as nobody:
        with pytest.raises(openai.AuthenticationError) as refused:
            nobody.chat.completions.create(model="chat", messages=ask("x"))
        assert refused.value.code == "invalid_api_key"
        assert "not-a-token" not in str(refused.value)


@pytest.mark.parametrize("status", [429, 503])
def test_the_client_retries_what_may_be_retried_and_gets_its_answer(ours: OpenAI, served: Gateway, status: int) -> None:
    text = f"error-once {status}"
    served.upstream.calls[text] = 0
    answer = ours.with_options(max_retries=2).chat.completions.create(model="chat", messages=ask(text))
    assert answer.choices[0].message.content == f"echo: {text}"
    assert served.upstream.calls[text] == 2


def test_the_client_does_not_retry_a_refused_credential(ours: OpenAI, served: Gateway) -> None:
    served.upstream.calls["error 401"] = 0
    with pytest.raises(openai.PermissionDeniedError):
        ours.with_options(max_retries=2).chat.completions.create(model="chat", messages=ask("error 401"))
    assert served.upstream.calls["error 401"] == 1


async def test_async_chat_stream_and_embeddings(ours_async: AsyncOpenAI) -> None:
    answer = await ours_async.chat.completions.create(model="custom", messages=ask("hi"))
    assert answer.choices[0].message.content == "echo: hi"
    stream = await ours_async.chat.completions.create(model="custom", messages=ask("a b"), stream=True)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "echo: a b"
    embedded = await ours_async.embeddings.create(model="embed", input="one")
    assert embedded.data[0].embedding == vector("one")


async def test_async_errors(ours_async: AsyncOpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        await ours_async.chat.completions.create(model="chat", messages=ask("error 429"))
    assert caught.value.code == "upstream_429"
    assert caught.value.response.headers["retry-after"] == "0"
