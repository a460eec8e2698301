"""The adapters: which translation serves which target."""

from xmc.plugins.anthropic.adapter import MessagesAdapter
from xmc.plugins.anthropic.beta import allowed_betas
from xmc.plugins.contract import Adapter
from xmc.plugins.google_cloud_vertex_ai.embeddings import EmbeddingsAdapter
from xmc.plugins.google_cloud_vertex_ai.models import Protocol
from xmc.plugins.google_cloud_vertex_ai.partner import PromptAdapter
from xmc.plugins.google_cloud_vertex_ai.request import Encoded, Settings, encode_chat, encode_completions
from xmc.plugins.google_cloud_vertex_ai.response import chat_response, completions_response, decode_content
from xmc.plugins.google_cloud_vertex_ai.stream import ContentDecoder
from xmc.plugins.openai_family.adapter import FamilyAdapter
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

_PACKAGE = "xmc.plugins.google_cloud_vertex_ai"


def adapter_of(target: Target) -> Adapter:
    """Return the adapter of a target."""
    return Guarded(_by_protocol(target))


def _by_protocol(target: Target) -> Adapter:
    match Protocol(target.options["protocol"]):
        case Protocol.GEMINI:
            return GeminiAdapter(target)
        case Protocol.CLAUDE:
            return MessagesAdapter(
                target, stream_url=_with_verb(target.url, "streamRawPredict"), allowed=allowed_betas(_PACKAGE)
            )
        case Protocol.PARTNER:
            if target.task is Task.COMPLETIONS:
                return PromptAdapter(target)
            return FamilyAdapter(target, trusted=False)
        case Protocol.PREDICT | Protocol.EMBED:
            return EmbeddingsAdapter(target)


def _with_verb(url: str, verb: str, query: str = "") -> str:
    """Return the URL of another operation on the same model.

    >>> _with_verb("https://host/v1/models/m:rawPredict?tenant=7", "streamGenerateContent", "alt=sse")
    'https://host/v1/models/m:streamGenerateContent?tenant=7&alt=sse'
    """
    path, _, own = url.partition("?")
    both = "&".join(filter(None, (own, query)))
    return f"{path.rpartition(':')[0]}:{verb}{'?' if both else ''}{both}"


class GeminiAdapter:
    """Translates the chat or completions requests of one target into `generateContent` calls."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._settings = Settings.of(target)
        self._encode = encode_chat if target.task is Task.CHAT else encode_completions
        # Without `alt=sse` a stream is one JSON array, in pieces.
        self._stream_url = _with_verb(target.url, "streamGenerateContent", "alt=sse")
        self._headers = {
            stream: (("Content-Type", "application/json"), ("Accept", accept))
            for stream, accept in ((False, "application/json"), (True, "text/event-stream"))
        }

    def prepare(self, request: JsonObject, context: Context) -> Exchange | Refusal:
        """Translate one canonical request."""
        try:
            encoded = self._encode(request, self._settings)
        except RefusedError as error:
            return error.refusal
        return self._exchange(encoded, context)

    def _exchange(self, encoded: Encoded, context: Context) -> Exchange:
        target, stream = self._target, encoded.stream
        url = self._stream_url if stream else target.url
        answers = Answers(_TRANSLATION, context, target.model, encoded.names, target.task is Task.CHAT)
        return Exchange(
            calls=tuple(WireRequest("POST", url, self._headers[stream], body) for body in encoded.bodies),
            decode=answers.decode,
            decoder=answers.decoder if stream else None,
            # It may answer with fewer candidates than it was asked for; the decoder knows those that began.
            choices=1,
            dropped=encoded.dropped,
        )


_TRANSLATION = Translation(decode_content, chat_response, completions_response, ContentDecoder)
