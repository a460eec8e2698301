"""Embeddings by InvokeModel: Titan takes one text a call, Cohere up to 96.

What OpenAI has no word for (`input_type`, `truncate`, `normalize`, …) goes to the model as it is. Vectors are asked for
as numbers, and turned into base64 here where the client wants that.
Source: Amazon Bedrock User Guide, "Amazon Titan Embeddings", "Cohere Embed"; OpenAI API reference, "Embeddings".
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from xmc.plugins.amazon_bedrock.error import error_from_answer
from xmc.plugins.amazon_bedrock.models import EMBEDDERS_BY_NAME
from xmc.plugins.openai_family.embedding import encode_embedding
from xmc.plugins.openai_family.field import UnreadableError, whole_number
from xmc.plugins.translation.answer import decode_answer, with_usage
from xmc.plugins.translation.parameter import encode_body, pass_rest, set_parameters
from xmc.plugins.translation.refused import Dropped, RefusedError, unsupported
from xmc.schema import Context, Exchange, ProviderError, Refusal, Response, Target, WireReply, WireRequest

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
        if given.get("stream"):
            raise unsupported("stream", "embeddings are not streamed")
        if "user" in given:
            dropped.note("user")
        encoding = given.get("encoding_format", "float")
        if encoding not in ("float", "base64"):
            raise RefusedError(f"`encoding_format` is {encoding!r}, and neither float nor base64", "encoding_format")
        texts = _texts(request.get("input"))
        members = {**self._dimensions(given), **pass_rest(given, _OWN, dropped)}
        size = self._embedder.batch
        batches = [texts[start : start + size] for start in range(0, len(texts), size)]
        answers = _Answers(self._target.model, tuple(map(len, batches)), encoding, self._embedder.family)
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


def _texts(value: Any) -> list[str]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not given:
        raise RefusedError("`input` is neither text nor a list of texts", "input")
    if not all(isinstance(one, str) for one in given):
        raise unsupported("input", "this model takes `input` as text; tokens of other models mean nothing to it")
    if not all(one.strip() for one in given):
        raise RefusedError("`input` holds a blank text", "input")
    return given


class _Answers(msgspec.Struct, frozen=True):
    """How the answers to one request are read. `sizes` are how many vectors each of them owes."""

    model: str
    sizes: tuple[int, ...]
    encoding: str
    family: str

    def decode(self, replies: Sequence[WireReply]) -> Response | ProviderError:
        rows: list[dict[str, Any]] = []
        tokens: int | None = 0
        for reply, size in zip(replies, self.sizes, strict=False):
            found = decode_answer(reply, partial(self._read, size), read_error=error_from_answer)
            if isinstance(found, ProviderError):
                return found
            for vector in found.body["vectors"]:
                rows.append({"object": "embedding", "index": len(rows), "embedding": vector})
            count = found.body["tokens"]
            if count is None:
                text = reply.headers.get(_COUNT, "")
                count = int(text) if text.isascii() and text.isdigit() else None
            tokens = None if tokens is None or count is None else tokens + count
        usage = None if tokens is None else {"prompt_tokens": tokens, "total_tokens": tokens}
        return Response(with_usage({"object": "list", "data": rows, "model": self.model}, usage))

    def _read(self, size: int, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the vectors of one answer and its tokens, if it counts them. Raises `UnreadableError`."""
        vectors = [_titan_vector(body)] if self.family == "amazon" else _cohere_vectors(body)
        if not isinstance(vectors, list) or len(vectors) != size:
            raise UnreadableError("answered with another number of embeddings than it was given texts")
        encoded = [encode_embedding(vector, self.encoding) for vector in vectors]
        return {"vectors": encoded, "tokens": whole_number(body.get("inputTextTokenCount"))}


def _titan_vector(body: Mapping[str, Any]) -> Any:
    vector = body.get("embedding")
    by_type = body.get("embeddingsByType")
    return vector if vector is not None or not isinstance(by_type, dict) else by_type.get("float")


def _cohere_vectors(body: Mapping[str, Any]) -> Any:
    found = body.get("embeddings")
    return found.get("float") if isinstance(found, dict) else found
