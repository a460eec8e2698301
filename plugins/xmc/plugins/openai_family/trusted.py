"""Stream decoder for an upstream whose chunks are canonical as they are: it looks, and changes nothing.

But for one thing: usage beside choices gets a chunk of its own, so that the host can withhold it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from xmc.plugins.openai_family.error import DECODE_ERRORS, error_from_value, garbled, is_error_body
from xmc.schema import Chunk, Event, ProviderError

DONE = b"[DONE]"


def read_event(event: Event) -> dict[str, Any] | ProviderError:
    """Decode the payload of one event; an error in a stream of status 200 comes out as such."""
    try:
        value = msgspec.json.decode(event.data)
    except DECODE_ERRORS:
        return garbled(0, "sent an event in its stream that is not JSON")
    if event.kind == "error" or (isinstance(value, dict) and is_error_body(value)):
        return error_from_value(value, 0) or garbled(0, "sent an error in its stream that cannot be read")
    if not isinstance(value, dict):
        return garbled(0, "sent an event in its stream that is not a JSON object")
    return value


def unfinished() -> ProviderError:
    """Return the error for a stream that ended before its choices did."""
    return ProviderError(
        status=0,
        message="the upstream ended its stream before every choice had a finish reason",
        type="upstream_error",
        code="stream_incomplete",
    )


class TrustedDecoder:
    """Passes chunks unchanged, counts finish reasons, and ends at `[DONE]`."""

    __slots__ = ("_choices", "_done", "_finished")

    def __init__(self, choices: int) -> None:
        self._choices = choices
        self._finished: set[Any] = set()
        self._done = False

    def feed(self, event: Event) -> Sequence[Chunk | ProviderError]:
        """Pass one chunk on."""
        if self._done:
            return ()
        if event.data.strip() == DONE:
            self._done = True
            return ()
        value = read_event(event)
        if isinstance(value, ProviderError):
            return (value,)
        choices = value.get("choices")
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            return (garbled(0, "sent a chunk without a list of choices"),)
        for choice in choices:
            index = choice.get("index")
            if choice.get("finish_reason") and isinstance(index, int):
                self._finished.add(index)
        if choices and isinstance(value.get("usage"), dict):
            return ({**value, "usage": None}, {**value, "choices": []})
        return (value,)

    def finish(self) -> Sequence[Chunk | ProviderError]:
        """Return an error if a choice has no finish reason."""
        return () if len(self._finished) >= self._choices else (unfinished(),)
