"""The adapter. Answers are OpenAI's in form, and lack some of it: the family's readers fill it in.

Source: AI21 Studio API reference, "Jamba chat completions", response and streaming.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from xmc.plugins.ai21labs.request import encode_chat, encode_completions
from xmc.plugins.openai_family.field import Origin
from xmc.plugins.openai_family.response import chat_response, completions_response, decode_reply
from xmc.plugins.openai_family.stream import chat_decoder, completions_decoder
from xmc.plugins.translation.answer import add_up_usage, with_usage
from xmc.plugins.translation.refused import RefusedError
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


class JambaAdapter:
    """Translates the requests of one target into chat completions."""

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
        if not isinstance(request, Mapping):
            return Refusal("the request is not a JSON object", code="invalid_request")
        try:
            encoded = self._encode(request, target.model)
        except RefusedError as error:
            return error.refusal
        except RecursionError:
            return Refusal("the request is nested too deeply", code="invalid_request")
        answers = _Answers(Origin(context, target.model, trusted=False), target.task)
        headers = self._headers[encoded.stream]
        return Exchange(
            calls=tuple(WireRequest("POST", target.url, headers, body) for body in encoded.bodies),
            decode=answers.decode,
            decoder=answers.decoder if encoded.stream else None,
            choices=encoded.choices,
            dropped=encoded.dropped,
        )


class _Answers(msgspec.Struct, frozen=True):
    """How the answers to one request are read."""

    origin: Origin
    task: Task

    def decode(self, replies: Sequence[WireReply]) -> Response | ProviderError:
        if self.task is Task.CHAT:
            return decode_reply(replies[0], lambda body: chat_response(body, self.origin))
        bodies: list[dict[str, Any]] = []
        for reply in replies:
            # A choice of a chat is read as text where text is what was asked for.
            found = decode_reply(reply, lambda body: completions_response(body, self.origin))
            if isinstance(found, ProviderError):
                return found
            bodies.append(found.body)
        return Response(_joined(bodies))

    def decoder(self) -> StreamDecoder:
        make = chat_decoder if self.task is Task.CHAT else completions_decoder
        return make(self.origin, 1)


def _joined(bodies: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Put text completions, one for each prompt, into one; usage is added up."""
    choices = [choice for body in bodies for choice in body["choices"]]
    numbered = [{**choice, "index": index} for index, choice in enumerate(choices)]
    rest = {key: value for key, value in bodies[0].items() if key != "usage"}
    return with_usage({**rest, "choices": numbered}, add_up_usage([body.get("usage") for body in bodies]))
