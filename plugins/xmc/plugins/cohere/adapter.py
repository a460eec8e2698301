"""The adapters: which translation serves which task.

Source: Cohere API reference, "Chat (v2)", "Embed (v2)", "Errors".
"""

from collections.abc import Callable
from typing import Any

from xmc.plugins.cohere.embeddings import EmbeddingsAdapter
from xmc.plugins.cohere.error import error_from_answer
from xmc.plugins.cohere.request import encode_chat, encode_completions
from xmc.plugins.cohere.response import FailedError, chat_response, completions_response
from xmc.plugins.cohere.stream import EventDecoder
from xmc.plugins.contract import Adapter
from xmc.plugins.translation.answer import decode_answer
from xmc.plugins.translation.answers import Answers, Translation
from xmc.plugins.translation.guarded import Guarded
from xmc.plugins.translation.refused import RefusedError
from xmc.schema import (
    Context,
    Exchange,
    JsonObject,
    ProviderError,
    Refusal,
    Response,
    Target,
    Task,
    WireReply,
    WireRequest,
)


def adapter_of(target: Target) -> Adapter:
    """Return the adapter of a target."""
    return Guarded(EmbeddingsAdapter(target) if target.task is Task.EMBEDDINGS else ChatAdapter(target))


class ChatAdapter:
    """Translates the chat or completions requests of one target."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._encode = encode_chat if target.task is Task.CHAT else encode_completions
        self._headers = {
            stream: (("Content-Type", "application/json"), ("Accept", accept))
            for stream, accept in ((False, "application/json"), (True, "text/event-stream"))
        }

    def prepare(self, request: JsonObject, context: Context) -> Exchange | Refusal:
        """Translate one canonical request."""
        target = self._target
        try:
            encoded = self._encode(request, target.model)
        except RefusedError as error:
            return error.refusal
        answers = Answers(_TRANSLATION, context, target.model, encoded.names, target.task is Task.CHAT)
        headers = self._headers[encoded.stream]
        return Exchange(
            calls=tuple(WireRequest("POST", target.url, headers, body) for body in encoded.bodies),
            decode=answers.decode,
            decoder=answers.decoder if encoded.stream else None,
            choices=len(encoded.bodies),
            dropped=encoded.dropped,
        )


def _read(reply: WireReply, translate: Callable[[dict[str, Any]], dict[str, Any]]) -> Response | ProviderError:
    """Read one reply; one that says that it failed is an error, whatever its status."""
    try:
        return decode_answer(reply, translate, read_error=error_from_answer)
    except FailedError as failed:
        return failed.error


_TRANSLATION = Translation(_read, chat_response, completions_response, EventDecoder)
