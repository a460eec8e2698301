"""How the answers to one request are read, by providers with a message model of their own.

A chat is one reply. A text completion is a chat too, one for each prompt; the replies come together in the order of the
prompts, and the first that cannot be read is the answer to all.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from xmc.schema import Context, ProviderError, Response, StreamDecoder, WireReply

Body = dict[str, Any]


class Translation(msgspec.Struct, frozen=True):
    """A provider's own part, all of it pure.

    `read(reply, translate)` reads one reply and is total; `translate` may raise `UnreadableError`.
    `chat(body, context, model, names)` and `completions(bodies, context, model)` translate bodies into canonical
    responses; `decoder(context, model, names, chat=…)` makes the decoder of one stream.
    """

    read: Callable[[WireReply, Callable[[Body], Body]], Response | ProviderError]
    chat: Callable[[Body, Context, str, Mapping[str, str]], Body]
    completions: Callable[[Sequence[Body], Context, str], Body]
    decoder: Callable[..., StreamDecoder]


class Answers(msgspec.Struct, frozen=True):
    """The answers to one request. `names` gives rewritten tools their own names back."""

    by: Translation
    context: Context
    model: str
    names: Mapping[str, str]
    is_chat: bool

    def decode(self, replies: Sequence[WireReply]) -> Response | ProviderError:
        """Read whole answers. Total: any bytes give one of the two."""
        if self.is_chat:
            return self.by.read(replies[0], self._chat)
        bodies: list[Body] = []
        for reply in replies:
            found = self.by.read(reply, self._readable)
            if isinstance(found, ProviderError):
                return found
            bodies.append(found.body)
        return Response(self.by.completions(bodies, self.context, self.model))

    def _chat(self, body: Body) -> Body:
        return self.by.chat(body, self.context, self.model, self.names)

    def _readable(self, body: Body) -> Body:
        """Return the answer as it is, which can be translated. Raises `UnreadableError`."""
        self.by.completions([body], self.context, self.model)
        return body

    def decoder(self) -> StreamDecoder:
        """Return a decoder for one stream."""
        return self.by.decoder(self.context, self.model, self.names, chat=self.is_chat)
