"""Which host, path and API a served entity comes to, and what is said of models near their end or misnamed."""

from typing import Any

import pytest
from tests.providers import CONTEXT, VERTEX_CONFIG

from xmc.plugins import EntitySpec, Link
from xmc.plugins.google_cloud_vertex_ai import VERTEX
from xmc.schema import Severity, Target, Task

GEMINI = "gemini-3.5-flash"
DROPS: dict[str, Any] = {"vertex_drop_params": []}


def link(model: str, task: Task = Task.CHAT, **config: Any) -> Link:
    return VERTEX.link(EntitySpec("e", "n", model, task, {**VERTEX_CONFIG, **config}))


def target(model: str, task: Task = Task.CHAT, **config: Any) -> Target:
    found = link(model, task, **config).target
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
        ("us-central1", "us-central1-aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
    ],
)
def test_hosts_follow_the_region(region: str, host: str) -> None:
    found = target(GEMINI, region=region)
    assert (
        found.url
        == f"https://{host}/v1/projects/my-project/locations/{region}/publishers/google/models/{GEMINI}:generateContent"
    )
    assert found.region == region


@pytest.mark.parametrize(
    ("model", "task", "path", "protocol"),
    [
        (
            "claude-sonnet-4-5@20250929",
            Task.CHAT,
            "publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
            "claude",
        ),
        ("claude-opus-4-6", Task.COMPLETIONS, "publishers/anthropic/models/claude-opus-4-6:rawPredict", "claude"),
        ("meta/llama-4-scout-17b-16e-instruct-maas", Task.CHAT, "endpoints/openapi/chat/completions", "openai"),
        ("mistral-large-2411", Task.COMPLETIONS, "endpoints/openapi/chat/completions", "openai"),
        ("intfloat/multilingual-e5-large-instruct-maas", Task.EMBEDDINGS, "endpoints/openapi/embeddings", "openai"),
        ("1234567890", Task.CHAT, "endpoints/1234567890:generateContent", "gemini"),
        ("1234567890", Task.EMBEDDINGS, "endpoints/1234567890:predict", "predict"),
        ("text-embedding-005", Task.EMBEDDINGS, "publishers/google/models/text-embedding-005:predict", "predict"),
        (
            "gemini-embedding-001",
            Task.EMBEDDINGS,
            "publishers/google/models/gemini-embedding-001:embedContent",
            "embed",
        ),
        ("a b?c", Task.CHAT, "publishers/google/models/a%20b%3Fc:generateContent", "gemini"),
    ],
)
def test_paths_follow_the_model(model: str, task: Task, path: str, protocol: str) -> None:
    found = target(model, task)
    assert found.url.partition("/locations/europe-west4/")[2] == path
    assert found.options["protocol"] == protocol


def test_a_base_of_ones_own_keeps_its_query() -> None:
    found = target(GEMINI, vertex_api_base="http://127.0.0.1:9/vertex/v1/?tenant=7")
    assert found.url.startswith("http://127.0.0.1:9/vertex/v1/projects/my-project/")
    assert found.url.endswith(":generateContent?tenant=7")
    adapter = VERTEX.adapter(found)
    exchange: Any = adapter.prepare({"messages": [{"role": "user", "content": "x"}], "stream": True}, CONTEXT)
    assert exchange.calls[0].url.endswith(":streamGenerateContent?tenant=7&alt=sse")


def test_the_key_and_what_belongs_to_it() -> None:
    auth = target(GEMINI, client_email="a@b.test", token_uri="http://127.0.0.1:9/token").auth
    assert auth.scheme == "google-service-account"
    assert auth.slots == {"private_key": "s/k"}
    assert auth.params == {"client_email": "a@b.test", "token_uri": "http://127.0.0.1:9/token"}
    assert target(GEMINI).auth.params == {}


@pytest.mark.parametrize(
    ("model", "task", "code", "said"),
    [
        ("text-bison@002", Task.COMPLETIONS, "XMC420", "gemini-3.5-flash"),
        ("chat-bison", Task.CHAT, "XMC420", "gemini-3.5-flash"),
        ("gemini-1.5-pro-002", Task.CHAT, "XMC420", "gemini-3.5-flash"),
        ("gemini-2.5-flash-lite", Task.CHAT, "XMC420", "gemini-3.5-flash-lite"),
        ("textembedding-gecko@003", Task.EMBEDDINGS, "XMC420", "text-embedding-005"),
        ("gemini-3.8-flash", Task.CHAT, "XMC421", "vertex_drop_params"),
        ("claude-opus-4-8", Task.CHAT, "XMC421", "vertex_drop_params"),
        ("mistral-large-2411", Task.CHAT, "XMC430", "mistralai/mistral-large-2411"),
        ("mystery-maas", Task.CHAT, "XMC430", ""),
        ("publishers/google/models/gemini-3.5-flash", Task.CHAT, "XMC430", "gemini-3.5-flash"),
        ("claude-opus-4-8", Task.EMBEDDINGS, "XMC404", ""),
        ("gemini-3.5-flash", Task.EMBEDDINGS, "XMC404", ""),
        ("multimodalembedding@001", Task.EMBEDDINGS, "XMC404", "gemini-embedding-001"),
        ("gemini-embedding-001", Task.CHAT, "XMC404", "llm/v1/embeddings"),
    ],
)
def test_what_is_said_of_a_model(model: str, task: Task, code: str, said: str) -> None:
    found = link(model, task)
    (finding,) = found.findings
    assert finding.code == code
    assert said in (finding.hint or "")
    assert (found.target is None) == (finding.severity is Severity.ERROR) == (code == "XMC404")


@pytest.mark.parametrize("model", ["gemini-3.8-flash", "gemini-3.5-flash", "claude-opus-4-8", "gemini-embedding-2"])
def test_who_says_what_to_drop_is_not_warned(model: str) -> None:
    task = Task.EMBEDDINGS if "embedding" in model else Task.CHAT
    assert link(model, task, **DROPS).findings == ()


def test_a_base_that_is_no_url() -> None:
    found = link(GEMINI, vertex_api_base="ftp://x", **DROPS)
    assert found.target is None
    assert [finding.code for finding in found.findings] == ["XMC402"]
