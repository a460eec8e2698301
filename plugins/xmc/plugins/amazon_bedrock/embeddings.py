"""Embeddings by InvokeModel: Titan takes one text a call, Cohere up to 96.

What OpenAI has no word for (`input_type`, `truncate`, `normalize`, …) goes to the model as it is. Vectors are asked for
as numbers, and turned into base64 here where the client wants that.
Source: Amazon Bedrock User Guide, "Amazon Titan Embeddings", "Cohere Embed"; OpenAI API reference, "Embeddings".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from xmc.plugins.amazon_bedrock.error import error_from_answer
from xmc.plugins.amazon_bedrock.models import EMBEDDERS_BY_NAME
from xmc.plugins.openai_family.field import UnreadableError, whole_number
from xmc.plugins.translation.parameter import encode_body, pass_rest, set_parameters
from xmc.plugins.translation.refused import Dropped, RefusedError, unsupported
from xmc.plugins.translation.vectors import Found, Vectors, read_asked
from xmc.schema import Context, Exchange, Refusal, Target, WireReply, WireRequest

_HEADERS = (("Content-Type", "application/json"), ("Accept", "application/json"))
_COUNT = "x-amzn-bedrock-input-token-count"
_OWN = frozenset({"dimensions", "encoding_format", "input", "model", "stream", "user"})


class EmbeddingsAdapter:
    """Translates the embeddings requests of one target."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._embedder = EMBEDDERS_BY_NAME[target.options["embedder"]]

    def prepare(self, request: Mapping[str, Any], context: Context) -> Exchange | Refusal:
        """Translate one canonical request into a call for each text, or for each 96."""
        del context
        try:
            return self._prepare(request)
        except RefusedError as error:
            return error.refusal

    def _prepare(self, request: Mapping[str, Any]) -> Exchange:
        dropped = Dropped()
        given = set_parameters(request)
        asked = read_asked(given, dropped)
        members = {**self._dimensions(given), **pass_rest(given, _OWN, dropped)}
        batches = asked.batches(self._embedder.batch)
        sizes = tuple(map(len, batches))
        read = _titan_vector if self._embedder.family == "amazon" else _cohere_vectors
        answers = Vectors(self._target.model, sizes, asked.encoding, read, error_from_answer, _counted)
        return Exchange(
            calls=tuple(self._call(batch, members) for batch in batches), decode=answers.decode, dropped=dropped.names
        )

    def _dimensions(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if "dimensions" not in given:
            return {}
        if self._embedder.dimensions is None:
            raise unsupported("dimensions", f"the dimensions of {self._target.model!r} are fixed")
        return {self._embedder.dimensions: given["dimensions"]}

    def _call(self, texts: Sequence[str], members: Mapping[str, Any]) -> WireRequest:
        if self._embedder.family == "amazon":
            body = {"inputText": texts[0], **members}
        else:
            body = {"texts": texts, "input_type": "search_document", "embedding_types": ["float"], **members}
        return WireRequest("POST", self._target.url, _HEADERS, encode_body(body))


def _titan_vector(body: Mapping[str, Any]) -> Found:
    vector = body.get("embedding")
    by_type = body.get("embeddingsByType")
    if vector is None and isinstance(by_type, dict):
        vector = by_type.get("float")
    return [vector], whole_number(body.get("inputTextTokenCount"))


def _cohere_vectors(body: Mapping[str, Any]) -> Found:
    """Return the vectors of one answer; their tokens are counted in a header. Raises `UnreadableError`."""
    found = body.get("embeddings")
    vectors = found.get("float") if isinstance(found, dict) else found
    if not isinstance(vectors, list):
        raise UnreadableError("answered without a list of embeddings")
    return vectors, whole_number(body.get("inputTextTokenCount"))


def _counted(reply: WireReply) -> int | None:
    text = reply.headers.get(_COUNT, "")
    return int(text) if text.isascii() and text.isdigit() else None
