"""The adapters: which translation serves which task."""

from xmc.plugins.amazon_bedrock.embeddings import EmbeddingsAdapter
from xmc.plugins.amazon_bedrock.request import Encoded, Settings, encode_chat, encode_completions
from xmc.plugins.amazon_bedrock.response import chat_response, completions_response, decode_converse
from xmc.plugins.amazon_bedrock.stream import ConverseDecoder
from xmc.plugins.contract import Adapter
from xmc.plugins.translation.answers import Answers, Translation
from xmc.plugins.translation.guarded import Guarded
from xmc.plugins.translation.refused import RefusedError
from xmc.schema import (
    Context,
    Exchange,
    JsonObject,
    Refusal,
    Target,
    Task,
    WireRequest,
)

_HEADERS = (("Content-Type", "application/json"),)


def adapter_of(target: Target) -> Adapter:
    """Return the adapter of a target."""
    return Guarded(EmbeddingsAdapter(target) if target.task is Task.EMBEDDINGS else ConverseAdapter(target))


class ConverseAdapter:
    """Translates the chat or completions requests of one target into Converse calls."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._settings = Settings.of(target)
        self._encode = encode_chat if target.task is Task.CHAT else encode_completions
        stem, mark, query = target.url.partition("?")
        self._stream_url = f"{stem}-stream{mark}{query}"

    def prepare(self, request: JsonObject, context: Context) -> Exchange | Refusal:
        """Translate one canonical request."""
        try:
            encoded = self._encode(request, self._settings)
        except RefusedError as error:
            return error.refusal
        return self._exchange(encoded, context)

    def _exchange(self, encoded: Encoded, context: Context) -> Exchange:
        target = self._target
        url = self._stream_url if encoded.stream else target.url
        answers = Answers(_TRANSLATION, context, target.model, encoded.names, target.task is Task.CHAT)
        return Exchange(
            calls=tuple(WireRequest("POST", url, _HEADERS, body) for body in encoded.bodies),
            decode=answers.decode,
            decoder=answers.decoder if encoded.stream else None,
            choices=len(encoded.bodies),
            dropped=encoded.dropped,
        )


_TRANSLATION = Translation(decode_converse, chat_response, completions_response, ConverseDecoder)
