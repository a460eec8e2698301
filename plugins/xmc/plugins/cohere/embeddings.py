"""Embeddings: up to 96 texts a call, in their order; vectors are asked for as numbers and encoded here.

Source: Cohere API reference, "Embed (v2)"; OpenAI API reference, "Embeddings".
"""

from collections.abc import Mapping
from typing import Any

from xmc.plugins.cohere.error import error_from_answer
from xmc.plugins.openai_family.field import UnreadableError, whole_number
from xmc.plugins.translation.parameter import encode_body, pass_rest, set_parameters
from xmc.plugins.translation.refused import Dropped, RefusedError, unsupported
from xmc.plugins.translation.vectors import Found, Vectors, read_asked
from xmc.schema import Context, Exchange, JsonObject, Refusal, Target, WireRequest

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
        asked = read_asked(given, dropped, blank=True)
        rest = pass_rest(given, _TRANSLATED, dropped)
        unknown = next((name for name in rest if name not in _NATIVE), None)
        if unknown is not None:
            raise unsupported(unknown, f"Cohere does not know `{unknown}`, and refuses what it does not know")
        body = {"model": self._target.model, "input_type": self._type(given), "embedding_types": ["float"], **rest}
        if "dimensions" in given:
            body["output_dimension"] = given["dimensions"]
        batches = asked.batches(BATCH)
        calls = tuple(
            WireRequest("POST", self._target.url, _HEADERS, encode_body({**body, "texts": batch})) for batch in batches
        )
        sizes = tuple(map(len, batches))
        answers = Vectors(self._target.model, sizes, asked.encoding, _read, error_from_answer)
        return Exchange(calls=calls, decode=answers.decode, dropped=dropped.names)

    def _type(self, given: Mapping[str, Any]) -> str:
        kind = given.get("input_type", self._input_type)
        if not isinstance(kind, str) or kind not in _TYPES:
            raise RefusedError(f"`input_type` is {kind!r}, and none of {', '.join(_TYPES)}", "input_type")
        return kind


def _read(body: Mapping[str, Any]) -> Found:
    """Return the vectors of one answer and its tokens, if it counts them. Raises `UnreadableError`."""
    given = body.get("embeddings")
    vectors = given.get("float", given.get("base64")) if isinstance(given, dict) else given
    if not isinstance(vectors, list):
        raise UnreadableError("answered without a list of embeddings")
    meta = body.get("meta")
    billed = meta.get("billed_units") if isinstance(meta, dict) else None
    return vectors, whole_number(billed.get("input_tokens")) if isinstance(billed, dict) else None
