"""Embeddings: by `predict`, up to 250 texts a call, or for Gemini's models by `embedContent`, one text a call.

Several parts of one `embedContent` call would become one vector. What OpenAI has no word for (`task_type`, `title`,
`autoTruncate`, …) goes to the model. Vectors are numbers, and turned into base64 here where the client wants that.
Source: Vertex AI API reference, "Text embeddings", "embedContent"; google-genai 3.4.0.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from xmc.plugins.google_cloud_vertex_ai.generation import camel
from xmc.plugins.google_cloud_vertex_ai.models import Protocol
from xmc.plugins.openai_family.error import error_from_reply
from xmc.plugins.openai_family.field import UnreadableError, whole_number
from xmc.plugins.translation.parameter import encode_body, pass_rest, set_parameters
from xmc.plugins.translation.refused import Dropped, RefusedError, text_at
from xmc.plugins.translation.vectors import Found, Vectors, read_asked
from xmc.schema import Context, Exchange, Refusal, Target, WireRequest

BATCH = 250
"""Texts of one `predict` call."""

_HEADERS = (("Content-Type", "application/json"), ("Accept", "application/json"))
_OWN = frozenset({
    "dimensions", "encoding_format", "input", "input_type", "model", "stream", "taskType", "task_type", "title", "user",
})  # fmt: skip
_TASKS = {
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
    "search_document": "RETRIEVAL_DOCUMENT",
    "search_query": "RETRIEVAL_QUERY",
}


class EmbeddingsAdapter:
    """Translates the embeddings requests of one target."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._one_by_one = target.options["protocol"] == Protocol.EMBED

    def prepare(self, request: Mapping[str, Any], context: Context) -> Exchange | Refusal:
        """Translate one canonical request into a call for each text, or for each 250."""
        del context
        try:
            return self._prepare(request)
        except RefusedError as error:
            return error.refusal

    def _prepare(self, request: Mapping[str, Any]) -> Exchange:
        dropped = Dropped()
        given = set_parameters(request)
        asked = read_asked(given, dropped)
        config = {camel(name): value for name, value in pass_rest(given, _OWN, dropped).items()}
        if "dimensions" in given:
            config["outputDimensionality"] = given["dimensions"]
        task, title = _task(given), given.get("title")
        if title is not None:
            text_at(title, "title")
        batches = asked.batches(1 if self._one_by_one else BATCH)
        encode = _encode_content if self._one_by_one else _encode_instances
        calls = tuple(
            WireRequest("POST", self._target.url, _HEADERS, encode_body(encode(batch, task, title, config)))
            for batch in batches
        )
        read = _content_vectors if self._one_by_one else _predicted_vectors
        answers = Vectors(self._target.model, tuple(map(len, batches)), asked.encoding, read, error_from_reply)
        return Exchange(calls=calls, decode=answers.decode, dropped=dropped.names)


def _task(given: Mapping[str, Any]) -> str | None:
    """Return the task type: Google's own word, or from `input_type`, which other providers have. `RefusedError`."""
    own = given.get("task_type", given.get("taskType"))
    if own is not None:
        return text_at(own, "task_type")
    kind = given.get("input_type")
    if kind is None:
        return None
    if not isinstance(kind, str) or kind not in _TASKS:
        raise RefusedError(f"`input_type` is {kind!r}, and none of {', '.join(_TASKS)}; or say task_type", "input_type")
    return _TASKS[kind]


def _encode_instances(texts: Sequence[str], task: str | None, title: Any, config: dict[str, Any]) -> dict[str, Any]:
    about = {name: value for name, value in (("task_type", task), ("title", title)) if value is not None}
    body: dict[str, Any] = {"instances": [{"content": text, **about} for text in texts]}
    return {**body, "parameters": config} if config else body


def _encode_content(texts: Sequence[str], task: str | None, title: Any, config: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"content": {"role": "user", "parts": [{"text": texts[0]}]}}
    about = {name: value for name, value in (("taskType", task), ("title", title)) if value is not None}
    return {**body, "embedContentConfig": {**about, **config}} if about or config else body


def _content_vectors(body: Mapping[str, Any]) -> Found:
    embedding, usage = body.get("embedding"), body.get("usageMetadata")
    values = embedding.get("values") if isinstance(embedding, dict) else None
    return [values], whole_number(usage.get("promptTokenCount")) if isinstance(usage, dict) else None


def _predicted_vectors(body: Mapping[str, Any]) -> Found:
    """Return the vectors of a prediction for each text, and the sum of their tokens. Raises `UnreadableError`."""
    predictions = body.get("predictions")
    if not isinstance(predictions, list):
        raise UnreadableError("answered without a list of predictions")
    vectors: list[Any] = []
    tokens: int | None = 0
    for prediction in predictions:
        embeddings = prediction.get("embeddings") if isinstance(prediction, dict) else None
        if not isinstance(embeddings, dict):
            raise UnreadableError("answered with a prediction that holds no embedding")
        statistics = embeddings.get("statistics")
        count = whole_number(statistics.get("token_count")) if isinstance(statistics, dict) else None
        vectors.append(embeddings.get("values"))
        tokens = None if tokens is None or count is None else tokens + count
    return vectors, tokens
