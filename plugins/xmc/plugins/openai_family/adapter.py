"""The adapter of a provider that speaks OpenAI's shape."""

from collections.abc import Sequence

import msgspec

from xmc.plugins.openai_family.field import Origin
from xmc.plugins.openai_family.request import Encoded, encode_request
from xmc.plugins.openai_family.response import chat_response, completions_response, decode_reply, embeddings_response
from xmc.plugins.openai_family.stream import chat_decoder, completions_decoder
from xmc.plugins.openai_family.trusted import TrustedDecoder
from xmc.schema import (
    Context,
    Exchange,
    JsonObject,
    ProviderError,
    Refusal,
    Response,
    StreamDecoder,
    Target,
    Task,
    WireReply,
    WireRequest,
)


class FamilyAdapter:
    """Translates the requests of one target.

    `options`: `stream_usage` (default true) asks streams for usage; `own_encoding` (default true, where answers are
    normalised) asks for embeddings as floats and encodes them here; `model_in_url` (default false) leaves `model` out
    of the body.
    """

    def __init__(self, target: Target, *, trusted: bool) -> None:
        self._target = target
        self._trusted = trusted
        self._stream_usage = bool(target.options.get("stream_usage", True))
        self._own_encoding = not self._trusted and bool(target.options.get("own_encoding", True))
        self._model = None if target.options.get("model_in_url", False) else target.model
        common = (*target.headers, ("Content-Type", "application/json"))
        self._headers = (*common, ("Accept", "application/json"))
        self._stream_headers = (*common, ("Accept", "text/event-stream"))

    def prepare(self, request: JsonObject, context: Context) -> Exchange | Refusal:
        """Translate one canonical request."""
        target = self._target
        encoded = encode_request(
            request, target.task, self._model, stream_usage=self._stream_usage, own_encoding=self._own_encoding
        )
        if isinstance(encoded, Refusal):
            return encoded
        headers = self._stream_headers if encoded.stream else self._headers
        answers = _Answers(Origin(context, target.model, self._trusted), target.task, encoded)
        return Exchange(
            calls=(WireRequest("POST", target.url, headers, encoded.body),),
            decode=answers.decode,
            decoder=answers.decoder if encoded.stream else None,
            choices=encoded.choices,
        )


class _Answers(msgspec.Struct, frozen=True):
    """How the answers to one request are read."""

    origin: Origin
    task: Task
    encoded: Encoded

    def decode(self, replies: Sequence[WireReply]) -> Response | ProviderError:
        match self.task:
            case Task.CHAT:
                return decode_reply(replies[0], lambda body: chat_response(body, self.origin))
            case Task.COMPLETIONS:
                return decode_reply(replies[0], lambda body: completions_response(body, self.origin))
            case Task.EMBEDDINGS:
                encoding = self.encoded.encoding
                return decode_reply(replies[0], lambda body: embeddings_response(body, self.origin, encoding))

    def decoder(self) -> StreamDecoder:
        if self.origin.trusted:
            return TrustedDecoder(self.encoded.choices)
        make = chat_decoder if self.task is Task.CHAT else completions_decoder
        return make(self.origin, self.encoded.choices)
