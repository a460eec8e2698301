"""Specimens of the provider `google-cloud-vertex-ai`: Gemini, Claude, a partner's model, and embeddings of both kinds.

Sources: Vertex AI API reference, "GenerateContentResponse", "Text embeddings", "embedContent"; Anthropic API reference.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from xmc.plugins.anthropic.specimen import SPECIMENS as CLAUDE
from xmc.plugins.contract import Slot
from xmc.plugins.openai_family.specimen import CALLS, CHAT, FAILURES
from xmc.plugins.specimen import Failure, Sample, Specimen, as_json, as_sse
from xmc.schema import Task

_CONFIG = {"project_id": "a-project", "region": "europe-west1", "private_key": Slot("kit/key")}
_MODEL = "gemini-x"
_ASK = {"messages": [{"role": "user", "content": "What is the weather like?"}]}
_TOOL: dict[str, Any] = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
_USAGE = {"promptTokenCount": 12, "candidatesTokenCount": 5, "totalTokenCount": 17}
_TEXTS = ({"text": "The "}, {"text": "Pacific."})
_CALLED = tuple({"functionCall": {"name": "weather", "args": {"city": city}}} for city in ("Malmö", "Lund"))
_INPUT = {"input": ["hello", "world"]}


def _secrets() -> Mapping[str, str]:
    """Make up the key of a service account."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {"type": "service_account", "client_email": "kit@a-project.test", "private_key": pem}
    return {"kit/key": json.dumps(account)}


def _answer(parts: tuple[dict[str, Any], ...], finish: str | None) -> dict[str, Any]:
    ending = {} if finish is None else {"finishReason": finish}
    candidate = {"content": {"role": "model", "parts": list(parts)}, **ending}
    usage = {} if finish is None else {"usageMetadata": _USAGE}
    return {"candidates": [candidate], "responseId": "resp-1", "modelVersion": "gemini-x-001", **usage}


def _sample(task: Task, request: dict[str, Any], parts: tuple[dict[str, Any], ...], finish: str) -> Sample:
    pieces = [_answer((part,), None) for part in parts]
    stream = as_sse([*pieces, _answer(({"text": ""},), finish)], end=b"")
    return Sample(task, request, (as_json(_answer(parts, finish)),), stream, _MODEL)


def _failure(status: int, name: str, says: str, *, shown: bool = True) -> Failure:
    return Failure(status, as_json({"error": {"code": status, "message": says, "status": name}}), says if shown else "")


def _predicted(*vectors: list[float]) -> bytes:
    statistics = {"token_count": 1, "truncated": False}
    return as_json({"predictions": [{"embeddings": {"values": one, "statistics": statistics}} for one in vectors]})


_FAILURES = (
    _failure(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    _failure(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", shown=False),
    _failure(404, "NOT_FOUND", "Publisher Model was not found"),
    _failure(429, "RESOURCE_EXHAUSTED", "Resource exhausted."),
    _failure(503, "UNAVAILABLE", "The service is currently unavailable."),
)
_GEMINI = (
    _sample(Task.CHAT, _ASK, _TEXTS, "STOP"),
    _sample(Task.CHAT, {**_ASK, "tools": [_TOOL]}, _CALLED, "STOP"),
    _sample(Task.COMPLETIONS, {"prompt": "Name an ocean."}, _TEXTS, "MAX_TOKENS"),
)
_PREDICT = Sample(Task.EMBEDDINGS, _INPUT, (_predicted([0.5, 0.25], [1.0, 2.0]),), None, "text-embedding-005")
_EMBED = Sample(
    Task.EMBEDDINGS,
    _INPUT,
    tuple(
        as_json({"embedding": {"values": [0.5, number]}, "usageMetadata": {"promptTokenCount": 1}})
        for number in (1.0, 2.0)
    ),
    None,
    "gemini-embedding-001",
)

SPECIMENS = (
    Specimen(
        "google-cloud-vertex-ai",
        _CONFIG,
        (*_GEMINI, _PREDICT),
        _FAILURES,
        secrets=_secrets,
        values={"input": ["one", "two"]},
    ),
    Specimen(
        "google-cloud-vertex-ai",
        _CONFIG,
        (*CLAUDE[0].samples, _EMBED),
        CLAUDE[0].failures,
        name="claude, and embeddings one by one",
        secrets=_secrets,
        recorded=False,
    ),
    Specimen(
        "google-cloud-vertex-ai",
        _CONFIG,
        tuple(msgspec.structs.replace(sample, model="meta/llama-x-maas") for sample in (CHAT, CALLS)),
        FAILURES,
        name="partner",
        secrets=_secrets,
        recorded=False,
    ),
)
