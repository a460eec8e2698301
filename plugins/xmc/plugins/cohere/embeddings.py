"""Embeddings: up to 96 texts a call, in their order; vectors are asked for as numbers and encoded here.

Source: Cohere API reference, "Embed (v2)"; OpenAI API reference, "Embeddings".
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from xmc.plugins.cohere.error import error_from_answer
from xmc.plugins.openai_family.embedding import encode_embedding
from xmc.plugins.openai_family.field import UnreadableError, whole_number
from xmc.plugins.translation.answer import decode_answer, with_usage
from xmc.plugins.translation.parameter import encode_body, pass_rest, set_parameters
from xmc.plugins.translation.refused import Dropped, RefusedError, unsupported
from xmc.schema import Context, Exchange, JsonObject, ProviderError, Refusal, Response, Target, WireReply, WireRequest

BATCH = 96
"""Texts of one call."""

_HEADERS = (("Content-Type", "application/json"), ("Accept", "application/json"))
_TRANSLATED = frozenset({"dimensions", "encoding_format", "input", "input_type", "model", "stream", "user"})
_NATIVE = frozenset({"max_tokens", "priority", "truncate"})
_TYPES = ("search_document", "search_query", "classification", "clustering")


class EmbeddingsAdapter:
    """Translates the embeddings requests of one target."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._input_type = target.options["input_type"]

    def prepare(self, request: JsonObject, context: Context) -> Exchange | Refusal:
        """Translate one canonical request into a call for each 96 texts."""
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
        rest = pass_rest(given, _TRANSLATED, dropped)
        unknown = next((name for name in rest if name not in _NATIVE), None)
        if unknown is not None:
            raise unsupported(unknown, f"Cohere does not know `{unknown}`, and refuses what it does not know")
        body = {"model": self._target.model, "input_type": self._type(given), "embedding_types": ["float"], **rest}
        if "dimensions" in given:
            body["output_dimension"] = given["dimensions"]
        batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        calls = tuple(
            WireRequest("POST", self._target.url, _HEADERS, encode_body({**body, "texts": batch})) for batch in batches
        )
        answers = _Answers(self._target.model, tuple(map(len, batches)), encoding)
        return Exchange(calls=calls, decode=answers.decode, dropped=dropped.names)

    def _type(self, given: Mapping[str, Any]) -> str:
        kind = given.get("input_type", self._input_type)
        if not isinstance(kind, str) or kind not in _TYPES:
            raise RefusedError(f"`input_type` is {kind!r}, and none of {', '.join(_TYPES)}", "input_type")
        return kind


def _texts(value: Any) -> list[str]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not given:
        raise RefusedError("`input` is neither text nor a list of texts", "input")
    if not all(isinstance(one, str) for one in given):
        raise unsupported("input", "Cohere takes `input` as text; tokens of other models mean nothing to it")
    if not all(given):
        raise RefusedError("`input` holds an empty text", "input")
    return given


class _Answers(msgspec.Struct, frozen=True):
    """How the answers to one request are read. `sizes` are how many vectors each of them owes."""

    model: str
    sizes: tuple[int, ...]
    encoding: str

    def decode(self, replies: Sequence[WireReply]) -> Response | ProviderError:
        rows: list[dict[str, Any]] = []
        tokens: int | None = 0
        for reply, size in zip(replies, self.sizes, strict=False):
            found = decode_answer(reply, partial(self._read, size), read_error=error_from_answer)
            if isinstance(found, ProviderError):
                return found
            rows += [
                {"object": "embedding", "index": len(rows) + place, "embedding": vector}
                for place, vector in enumerate(found.body["vectors"])
            ]
            count = found.body["tokens"]
            tokens = None if tokens is None or count is None else tokens + count
        usage = None if tokens is None else {"prompt_tokens": tokens, "total_tokens": tokens}
        return Response(with_usage({"object": "list", "data": rows, "model": self.model}, usage))

    def _read(self, size: int, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the vectors of one answer and its tokens, if it counts them. Raises `UnreadableError`."""
        given = body.get("embeddings")
        vectors = given.get("float", given.get("base64")) if isinstance(given, dict) else given
        if not isinstance(vectors, list):
            raise UnreadableError("answered without a list of embeddings")
        if len(vectors) != size:
            raise UnreadableError("answered with another number of embeddings than it was given texts")
        meta = body.get("meta")
        billed = meta.get("billed_units") if isinstance(meta, dict) else None
        tokens = whole_number(billed.get("input_tokens")) if isinstance(billed, dict) else None
        return {"vectors": [encode_embedding(vector, self.encoding) for vector in vectors], "tokens": tokens}
