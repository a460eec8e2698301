"""Models of partners, which Vertex AI serves in OpenAI's form: chat and embeddings as they are, prompts as chats.

Answers and streams are repaired as those of any server that nearly speaks that form: known are `stop` as the end of
calls, and usage in every chunk.
Source: Google Cloud documentation, "OpenAI compatibility", "Call MaaS APIs for open models".
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from xmc.plugins.openai_family.field import Origin
from xmc.plugins.openai_family.response import completions_response, decode_reply
from xmc.plugins.openai_family.stream import completions_decoder
from xmc.plugins.translation.answer import add_up_usage, with_usage
from xmc.plugins.translation.parameter import (
    encode_body,
    is_harmless,
    pass_rest,
    read_prompts,
    read_stream,
    refuse_chat_only,
    set_parameters,
)
from xmc.plugins.translation.prompt import messages_of
from xmc.plugins.translation.refused import Dropped, RefusedError
from xmc.schema import (
    Context,
    Exchange,
    ProviderError,
    Refusal,
    Response,
    StreamDecoder,
    Target,
    WireReply,
    WireRequest,
)

_OWN = frozenset({"model", "prompt", "stream", "stream_options", "system_prompt"})
# A chat has no counterpart of these; whatever else a completion has, a chat has too.
_REFUSED: Mapping[str, tuple[Any, ...]] = {"best_of": (1,), "echo": (False,), "logprobs": (False,), "suffix": ("",)}


class PromptAdapter:
    """Translates the completions requests of one target into chats of one question."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._headers = {
            stream: (*target.headers, ("Content-Type", "application/json"), ("Accept", accept))
            for stream, accept in ((False, "application/json"), (True, "text/event-stream"))
        }

    def prepare(self, request: Mapping[str, Any], context: Context) -> Exchange | Refusal:
        """Translate one canonical request into a call for each prompt."""
        try:
            return self._prepare(request, context)
        except RefusedError as error:
            return error.refusal

    def _prepare(self, request: Mapping[str, Any], context: Context) -> Exchange:
        dropped = Dropped()
        given = set_parameters(request)
        refuse_chat_only(given)
        prompts = read_prompts(given.get("prompt"))
        n = given.get("n", 1)
        choices = len(prompts) * (n if isinstance(n, int) and not is_harmless(n, (True, False)) and n > 0 else 1)
        stream = read_stream(given) and len(prompts) == 1
        members = {"model": self._target.model, **pass_rest(given, _OWN, dropped, hints={}, refused=_REFUSED)}
        if stream:
            members |= {"stream": True, "stream_options": {"include_usage": True}}
        answers = _Answers(Origin(context, self._target.model, trusted=False), choices)
        bodies = [
            encode_body({**members, "messages": messages_of(prompt, given.get("system_prompt"))}) for prompt in prompts
        ]
        return Exchange(
            calls=tuple(WireRequest("POST", self._target.url, self._headers[stream], body) for body in bodies),
            decode=answers.decode,
            decoder=answers.decoder if stream else None,
            choices=choices,
            dropped=dropped.names,
        )


class _Answers(msgspec.Struct, frozen=True):
    """How the answers to one request are read."""

    origin: Origin
    choices: int

    def decode(self, replies: Sequence[WireReply]) -> Response | ProviderError:
        bodies: list[dict[str, Any]] = []
        for reply in replies:
            # A choice of a chat is read as text where text is what was asked for.
            found = decode_reply(reply, lambda body: completions_response(body, self.origin))
            if isinstance(found, ProviderError):
                return found
            bodies.append(found.body)
        choices = [choice for body in bodies for choice in body["choices"]]
        numbered = [{**choice, "index": index} for index, choice in enumerate(choices)]
        rest = {key: value for key, value in bodies[0].items() if key != "usage"}
        return Response(with_usage({**rest, "choices": numbered}, add_up_usage([body.get("usage") for body in bodies])))

    def decoder(self) -> StreamDecoder:
        return completions_decoder(self.origin, self.choices)
