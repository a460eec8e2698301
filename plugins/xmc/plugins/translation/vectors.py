"""Embeddings for providers that take them in calls of their own size: what is asked, and many answers as one."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from xmc.plugins.openai_family.embedding import encode_embedding
from xmc.plugins.openai_family.field import UnreadableError
from xmc.plugins.translation.answer import decode_answer, with_usage
from xmc.plugins.translation.refused import Dropped, RefusedError, unsupported
from xmc.schema import ProviderError, Response, WireReply

Found = tuple[Sequence[Any], int | None]
"""The vectors of one answer, as they came, and its tokens, if it counts them."""


class Asked(msgspec.Struct, frozen=True):
    """What every embeddings request says: its texts, and how vectors are to be written (`float` or `base64`)."""

    texts: list[str]
    encoding: str

    def batches(self, size: int) -> list[list[str]]:
        """Return the texts in lists of at most `size`, in their order."""
        return [self.texts[start : start + size] for start in range(0, len(self.texts), size)]


def read_asked(given: Mapping[str, Any], dropped: Dropped, *, blank: bool = False) -> Asked:
    """Read the parameters that are set; `blank` lets texts through that are nothing but space.

    Raises:
        RefusedError: a stream, tokens in place of texts, a text without anything in it, or an unknown encoding.
    """
    if given.get("stream"):
        raise unsupported("stream", "embeddings are not streamed")
    if "user" in given:
        dropped.note("user")
    encoding = given.get("encoding_format", "float")
    if encoding not in ("float", "base64"):
        raise RefusedError(f"`encoding_format` is {encoding!r}, and neither float nor base64", "encoding_format")
    return Asked(_texts(given.get("input"), blank=blank), encoding)


def _texts(value: Any, *, blank: bool) -> list[str]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not given:
        raise RefusedError("`input` is neither text nor a list of texts", "input")
    if not all(isinstance(one, str) for one in given):
        raise unsupported("input", "this model takes `input` as text; tokens of other models mean nothing to it")
    if not all(one if blank else one.strip() for one in given):
        raise RefusedError("`input` holds a blank text", "input")
    return given


class Vectors(msgspec.Struct, frozen=True):
    """How the answers to one request become one. `sizes` are how many vectors each of them owes.

    `read` finds vectors and tokens in the body of an answer and may raise `UnreadableError`; `count` finds tokens that
    the body does not tell, in the headers of the reply. If one answer counts no tokens the whole tells no usage.
    """

    model: str
    sizes: tuple[int, ...]
    encoding: str
    read: Callable[[Mapping[str, Any]], Found]
    read_error: Callable[[WireReply], ProviderError]
    count: Callable[[WireReply], int | None] = lambda reply: None  # noqa: ARG005 - most have none there

    def decode(self, replies: Sequence[WireReply]) -> Response | ProviderError:
        """Join the answers, in their order; the first error among them is the answer."""
        rows: list[dict[str, Any]] = []
        tokens: int | None = 0
        for reply, size in zip(replies, self.sizes, strict=False):
            found = decode_answer(reply, partial(self._answer, size), read_error=self.read_error)
            if isinstance(found, ProviderError):
                return found
            for vector in found.body["vectors"]:
                rows.append({"object": "embedding", "index": len(rows), "embedding": vector})
            told = found.body["tokens"]
            told = self.count(reply) if told is None else told
            tokens = None if tokens is None or told is None else tokens + told
        usage = None if tokens is None else {"prompt_tokens": tokens, "total_tokens": tokens}
        return Response(with_usage({"object": "list", "data": rows, "model": self.model}, usage))

    def _answer(self, size: int, body: Mapping[str, Any]) -> dict[str, Any]:
        vectors, tokens = self.read(body)
        if len(vectors) != size:
            raise UnreadableError("answered with another number of embeddings than it was given texts")
        return {"vectors": [encode_embedding(vector, self.encoding) for vector in vectors], "tokens": tokens}
