"""What the gateway sends is what Google's and Anthropic's own clients send for the same call: path, headers, body."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.plugins.google_cloud_vertex_ai.asking import claude, gemini, using
from tests.plugins.recorded import load
from tests.providers import CASES, CONTEXT
from tests.simulators.vertex import Seen, simulator
from tests.simulators.vertex_rules import camel

from xmc.schema import Exchange, Task, WireRequest

CASE = CASES["google-cloud-vertex-ai"]
FOLDER = "google-cloud-vertex-ai"
HOST = "https://europe-west4-aiplatform.googleapis.com"
MODELS = ("gemini-2.5-flash", "gemini-2.5-pro")
PIXEL = load(f"{FOLDER}/chat-gemini-structured.request.json")["contents"][0]["parts"][1]["inlineData"]["data"]
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FUNCTION = {"name": "get_weather", "description": "Weather of a city", "parameters": CITY}
SIGNED = {"extra_content": {"google": {"thought_signature": "c2ln"}}}
CALLS = [
    {
        "id": f"call_{city}",
        "type": "function",
        "function": {"name": "get_weather", "arguments": json.dumps({"city": city})},
        **more,
    }
    for city, more in (("Oslo", SIGNED), ("Rome", {}))
]
REQUESTS: dict[str, dict[str, Any]] = {
    "basic": {
        "messages": [
            {"role": "system", "content": "Answer briefly."},
            {"role": "user", "content": "Name one ocean."},
        ],
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "max_tokens": 64,
        "n": 1,
        "stop": "END",
        "seed": 7,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.1,
    },
    "tools": {
        "messages": [
            {"role": "user", "content": "Weather in Oslo and Rome?"},
            {"role": "assistant", "content": None, "tool_calls": CALLS},
            {"role": "tool", "tool_call_id": "call_Oslo", "content": "4 C"},
            {"role": "tool", "tool_call_id": "call_Rome", "content": "19 C"},
        ],
        "tools": [{"type": "function", "function": FUNCTION}],
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
    },
    "structured": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Which city?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                    {"type": "file", "file": {"file_id": "gs://bucket/a.png"}},
                ],
            }
        ],
        "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": CITY, "strict": True}},
        "thinking_config": {"includeThoughts": True, "thinkingBudget": 512},
    },
}


def ours(request: Mapping[str, Any], model: str, task: Task = Task.CHAT) -> WireRequest:
    exchange = CASE.adapter(task, model).prepare(dict(request), CONTEXT)
    assert isinstance(exchange, Exchange), exchange
    (wire,) = exchange.calls
    return wire


def sample(name: str) -> Any:
    body = load(f"{FOLDER}/{name}.request.json")
    # One candidate is what there is without saying so.
    body.get("generationConfig", {}).pop("candidateCount", None)
    return body


def assert_same(wire: WireRequest, seen: Seen) -> None:
    assert wire.method == "POST"
    assert wire.url.removeprefix(HOST) == seen.path
    theirs = camel(seen.body) if "/publishers/google/" in seen.path else seen.body
    if theirs.get("generationConfig") == {}:  # it says so even where there is nothing to say
        del theirs["generationConfig"]
    assert comparable(json.loads(wire.body)) == comparable(theirs)
    assert dict(wire.headers)["Content-Type"] == seen.headers["content-type"]


def comparable(value: Any) -> Any:
    """Return a body with its bytes in one of the two alphabets of base64."""
    if isinstance(value, dict):
        swap = {"data", "thoughtSignature"}
        return {k: v.replace("-", "+").replace("_", "/") if k in swap else comparable(v) for k, v in value.items()}
    return [comparable(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", REQUESTS)
def test_our_body_is_the_sample(name: str) -> None:
    assert json.loads(ours(REQUESTS[name], MODELS[0]).body) == sample(f"chat-gemini-{name}")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_our_call_is_that_of_googles_client(name: str, model: str, stream: bool) -> None:
    wire = ours({**REQUESTS[name], "stream": stream}, model)
    body = json.loads(wire.body)
    config = {**body.pop("generationConfig", {}), **body}
    contents = config.pop("contents")

    def call(client: Any) -> Any:
        if stream:
            return list(client.models.generate_content_stream(model=model, contents=contents, config=config))
        return client.models.generate_content(model=model, contents=contents, config=config)

    async with simulator() as upstream:
        await using(gemini, upstream, call)
        assert_same(wire, upstream.seen[-1])


async def test_embeddings_are_the_samples_and_the_calls_of_googles_client() -> None:
    more = {"dimensions": 256, "autoTruncate": True}
    texts = {"input": ["hello", "world"], "task_type": "RETRIEVAL_DOCUMENT", **more}
    predict = ours(texts, "text-embedding-005", Task.EMBEDDINGS)
    embed = ours({"input": "hello", **more}, "gemini-embedding-2", Task.EMBEDDINGS)
    wanted = sample("embeddings-predict")
    del wanted["instances"][0]["title"]  # the sample has one for the first text alone
    assert json.loads(predict.body) == wanted
    assert json.loads(embed.body) == sample("embeddings-embedcontent")
    config = {"output_dimensionality": 256, "auto_truncate": True}
    about = {**config, "task_type": "RETRIEVAL_DOCUMENT"}
    async with simulator() as upstream:
        await using(
            gemini,
            upstream,
            lambda c: c.models.embed_content(model="text-embedding-005", contents=texts["input"], config=about),
        )
        # Its client names members in another case there than here.
        seen = upstream.seen[-1]
        seen.body["instances"] = [
            {"content": one["content"], "task_type": one["task_type"]} for one in seen.body["instances"]
        ]
        assert predict.url.removeprefix(HOST) == seen.path
        assert json.loads(predict.body) == seen.body
        await using(
            gemini,
            upstream,
            lambda c: c.models.embed_content(model="gemini-embedding-2", contents="hello", config=config),
        )
        assert_same(embed, upstream.seen[-1])


@pytest.mark.parametrize("model", ["claude-sonnet-4-6", "claude-sonnet-4-5@20250929"])
@pytest.mark.parametrize(
    ("stream", "name"), [(False, "chat-claude-rawpredict"), (True, "chat-claude-streamrawpredict")]
)
async def test_calls_of_claude_are_the_samples_and_those_of_anthropics_client(
    model: str, stream: bool, name: str
) -> None:
    asked = {"messages": [{"role": "user", "content": "Name one ocean."}], "max_tokens": 256}
    wire = ours({**asked, "stream": stream}, model)
    assert json.loads(wire.body) == sample(name)
    version = {"anthropic_version": "vertex-2023-10-16"}

    def call(client: Any) -> Any:
        answer = client.messages.create(model=model, stream=stream, extra_body=version, **asked)
        return list(answer) if stream else answer

    async with simulator() as upstream:
        await using(claude, upstream, call)
        seen = upstream.seen[-1]
        if not stream:
            del seen.body["stream"]  # it says so even where it is false
        assert_same(wire, seen)


def test_a_call_of_a_partners_model_is_the_sample() -> None:
    asked = {"messages": [{"role": "user", "content": "Name one ocean."}], "max_tokens": 64, "stream": False}
    wire = ours(asked, "google/gemini-2.5-flash")
    assert json.loads(wire.body) == sample("chat-openapi")
    assert wire.url == f"{HOST}/v1/projects/my-project/locations/europe-west4/endpoints/openapi/chat/completions"
