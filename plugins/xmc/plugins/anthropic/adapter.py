"""The adapter: which translation serves which task."""

from collections.abc import Mapping

from xmc.plugins.anthropic.beta import allowed_betas
from xmc.plugins.anthropic.dialect import DIALECT
from xmc.plugins.anthropic.native import prepare_native
from xmc.plugins.anthropic.parameter import Settings
from xmc.plugins.anthropic.prompt import encode_completions
from xmc.plugins.anthropic.request import Encoded, encode_chat
from xmc.plugins.anthropic.response import chat_response, completions_response, decode_message
from xmc.plugins.anthropic.stream import MessageDecoder
from xmc.plugins.translation.answers import Answers, Translation
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


class MessagesAdapter:
    """Translates the requests of one target into Messages calls.

    `stream_url` is where streams are asked for, if not at the target's URL; `allowed` are the betas that a request may
    name, if not Anthropic's own.
    """

    def __init__(self, target: Target, *, stream_url: str | None = None, allowed: frozenset[str] | None = None) -> None:
        self._target = target
        self._stream_url = stream_url or target.url
        self._settings = Settings.of(target, allowed_betas() if allowed is None else allowed)
        self._encode = encode_chat if target.task is Task.CHAT else encode_completions
        common = (*target.headers, ("Content-Type", "application/json"))
        self._headers = {
            False: (*common, ("Accept", "application/json")),
            True: (*common, ("Accept", "text/event-stream")),
        }

    def prepare(self, request: JsonObject, context: Context) -> Exchange | Refusal:
        """Translate one canonical request."""
        if not isinstance(request, Mapping):
            return Refusal("the request is not a JSON object", code="invalid_request")
        if context.dialect == DIALECT:
            return prepare_native(request, context, self._target, self._settings, self._stream_url)
        try:
            encoded = self._encode(request, self._settings)
        except RefusedError as error:
            return error.refusal
        except RecursionError:
            return Refusal("the request is nested too deeply", code="invalid_request")
        return self._exchange(encoded, context)

    def _exchange(self, encoded: Encoded, context: Context) -> Exchange:
        target = self._target
        stream = encoded.stream and len(encoded.bodies) == 1
        url, headers = (self._stream_url if stream else target.url), self._headers[stream]
        if encoded.betas:
            headers = (*headers, ("anthropic-beta", ",".join(encoded.betas)))
        answers = Answers(_TRANSLATION, context, target.model, encoded.names, target.task is Task.CHAT)
        return Exchange(
            calls=tuple(WireRequest("POST", url, headers, body) for body in encoded.bodies),
            decode=answers.decode,
            decoder=answers.decoder if stream else None,
            choices=len(encoded.bodies),
            dropped=encoded.dropped,
        )


_TRANSLATION = Translation(decode_message, chat_response, completions_response, MessageDecoder)
