"""Embeddings: by `predict`, up to 250 texts a call, or for Gemini's models by `embedContent`, one text a call.

Several parts of one `embedContent` call would become one vector. What OpenAI has no word for (`task_type`, `title`,
`autoTruncate`, …) goes to the model. Vectors are numbers, and turned into base64 here where the client wants that.
Source: Vertex AI API reference, "Text embeddings", "embedContent"; google-genai 3.4.0.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from xmc.plugins.google_cloud_vertex_ai.generation import camel
from xmc.plugins.google_cloud_vertex_ai.models import Protocol
from xmc.plugins.openai_family.embedding import encode_embedding
from xmc.plugins.openai_family.error import error_from_reply
from xmc.plugins.openai_family.field import UnreadableError, whole_number
from xmc.plugins.translation.answer import decode_answer, with_usage
from xmc.plugins.translation.parameter import encode_body, pass_rest, set_parameters
from xmc.plugins.translation.refused import Dropped, RefusedError, text_at, unsupported
from xmc.schema import Context, Exchange, ProviderError, Refusal, Response, Target, WireReply, WireRequest

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
        if given.get("stream"):
            raise unsupported("stream", "embeddings are not streamed")
        if "user" in given:
            dropped.note("user")
        encoding = given.get("encoding_format", "float")
        if encoding not in ("float", "base64"):
            raise RefusedError(f"`encoding_format` is {encoding!r}, and neither float nor base64", "encoding_format")
        texts = _texts(request.get("input"))
        config = {camel(name): value for name, value in pass_rest(given, _OWN, dropped).items()}
        if "dimensions" in given:
            config["outputDimensionality"] = given["dimensions"]
        task, title = _task(given), given.get("title")
        if title is not None:
            text_at(title, "title")
        size = 1 if self._one_by_one else BATCH
        batches = [texts[start : start + size] for start in range(0, len(texts), size)]
        encode = _encode_content if self._one_by_one else _encode_instances
        calls = tuple(
            WireRequest("POST", self._target.url, _HEADERS, encode_body(encode(batch, task, title, config)))
            for batch in batches
        )
        answers = _Answers(self._target.model, tuple(map(len, batches)), encoding, self._one_by_one)
        return Exchange(calls=calls, decode=answers.decode, dropped=dropped.names)


def _texts(value: Any) -> list[str]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not given:
        raise RefusedError("`input` is neither text nor a list of texts", "input")
    if not all(isinstance(one, str) for one in given):
        raise unsupported("input", "this model takes `input` as text; tokens of other models mean nothing to it")
    if not all(one.strip() for one in given):
        raise RefusedError("`input` holds a blank text", "input")
    return given


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


class _Answers(msgspec.Struct, frozen=True):
    """How the answers to one request are read. `sizes` are how many vectors each of them owes."""

    model: str
    sizes: tuple[int, ...]
    encoding: str
    one_by_one: bool

    def decode(self, replies: Sequence[WireReply]) -> Response | ProviderError:
        rows: list[dict[str, Any]] = []
        tokens: int | None = 0
        for reply, size in zip(replies, self.sizes, strict=False):
            found = decode_answer(reply, partial(self._read, size), read_error=error_from_reply)
            if isinstance(found, ProviderError):
                return found
            for vector in found.body["vectors"]:
                rows.append({"object": "embedding", "index": len(rows), "embedding": vector})
            count = found.body["tokens"]
            tokens = None if tokens is None or count is None else tokens + count
        usage = None if tokens is None else {"prompt_tokens": tokens, "total_tokens": tokens}
        return Response(with_usage({"object": "list", "data": rows, "model": self.model}, usage))

    def _read(self, size: int, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the vectors of one answer and its tokens, if it counts them. Raises `UnreadableError`."""
        found = _content_vectors(body) if self.one_by_one else _predicted_vectors(body)
        if len(found) != size:
            raise UnreadableError("answered with another number of embeddings than it was given texts")
        counts = [count for _, count in found]
        tokens = None if None in counts else sum(count for count in counts if count is not None)
        return {"vectors": [encode_embedding(vector, self.encoding) for vector, _ in found], "tokens": tokens}


def _content_vectors(body: Mapping[str, Any]) -> list[tuple[Any, int | None]]:
    embedding, usage = body.get("embedding"), body.get("usageMetadata")
    values = embedding.get("values") if isinstance(embedding, dict) else None
    return [(values, whole_number(usage.get("promptTokenCount")) if isinstance(usage, dict) else None)]


def _predicted_vectors(body: Mapping[str, Any]) -> list[tuple[Any, int | None]]:
    predictions = body.get("predictions")
    if not isinstance(predictions, list):
        raise UnreadableError("answered without a list of predictions")
    found: list[tuple[Any, int | None]] = []
    for prediction in predictions:
        embeddings = prediction.get("embeddings") if isinstance(prediction, dict) else None
        if not isinstance(embeddings, dict):
            raise UnreadableError("answered with a prediction that holds no embedding")
        statistics = embeddings.get("statistics")
        count = statistics.get("token_count") if isinstance(statistics, dict) else None
        found.append((embeddings.get("values"), whole_number(count)))
    return found
