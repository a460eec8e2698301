"""Stream decoder for upstreams that only nearly speak OpenAI's shape: every chunk is written anew.

One id, creation time and model for the whole stream; a role once per choice; a finish reason always present, null
until the end; usage never beside content but in one chunk of its own at the end. Chunks and choices without meaning
are dropped. What belongs to one choice (tool calls, text) is read by `ChatChoice` and `TextChoice`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from xmc.plugins.openai_family.error import garbled
from xmc.plugins.openai_family.field import Origin, UnreadableError, fill_head, read_usage, whole_number
from xmc.plugins.openai_family.stream_choice import ChatChoice, TextChoice
from xmc.plugins.openai_family.trusted import DONE, read_event, unfinished
from xmc.schema import Chunk, Event, ProviderError


class ChoiceReader(Protocol):
    """Reads the parts of one choice of a stream, in order."""

    finished: bool

    def read(self, choice: dict[str, Any]) -> Sequence[dict[str, Any]]:
        """Return the canonical parts, at most one with a finish reason. Raises `UnreadableError`."""
        ...


def chat_decoder(origin: Origin, choices: int) -> "NormalisingDecoder":
    """Return a decoder for `llm/v1/chat`."""
    stem = origin.context.id
    return NormalisingDecoder(
        "chat.completion.chunk", "chatcmpl", origin, choices, lambda index: ChatChoice(f"{stem}_{index}")
    )


def completions_decoder(origin: Origin, choices: int) -> "NormalisingDecoder":
    """Return a decoder for `llm/v1/completions`."""
    return NormalisingDecoder("text_completion", "cmpl", origin, choices, lambda _: TextChoice())


class NormalisingDecoder:
    """Decodes one stream. `kind` is the chunks' `object`, `prefix` begins an id that the upstream does not give."""

    def __init__(
        self, kind: str, prefix: str, origin: Origin, choices: int, new_choice: Callable[[int], ChoiceReader]
    ) -> None:
        self._kind = kind
        self._prefix = prefix
        self._origin = origin
        self._expected = choices
        self._new_choice = new_choice
        self._readers: dict[int, ChoiceReader] = {}
        self._head: dict[str, Any] = {}
        self._usage: dict[str, Any] | None = None
        self._usage_rest: dict[str, Any] = {}
        self._done = False

    def feed(self, event: Event) -> Sequence[Chunk | ProviderError]:
        """Translate one event."""
        if self._done:
            return ()
        if event.data.strip() == DONE:
            self._done = True
            return self._flush_usage()
        value = read_event(event)
        if isinstance(value, ProviderError):
            return (value,)
        try:
            return self._chunks(value)
        except UnreadableError as error:
            return (garbled(0, str(error)),)

    def finish(self) -> Sequence[Chunk | ProviderError]:
        """Return the usage chunk if it is still owed, and an error if a choice has no finish reason."""
        finished = sum(reader.finished for reader in self._readers.values())
        last: Sequence[Chunk | ProviderError] = self._flush_usage()
        return last if finished >= self._expected else (*last, unfinished())

    def _chunks(self, value: dict[str, Any]) -> list[Chunk]:
        choices = value.get("choices") or []
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise UnreadableError("sent a chunk whose `choices` are no list")
        usage = read_usage(value.get("usage"))
        rest = {key: item for key, item in value.items() if key not in {"choices", "usage", "error"}}
        if usage is not None:
            self._usage, self._usage_rest = usage, rest
        rounds: list[list[dict[str, Any]]] = []
        for position, choice in enumerate(choices):
            for turn, part in enumerate(self._read(choice, position)):
                if turn == len(rounds):
                    rounds.append([])
                rounds[turn].append(part)
        return [{**self._filled(rest), "choices": parts} for parts in rounds]

    def _read(self, choice: dict[str, Any], position: int) -> list[dict[str, Any]]:
        index = whole_number(choice.get("index"))
        index = position if index is None else index
        reader = self._readers.get(index)
        if reader is None:
            reader = self._readers[index] = self._new_choice(index)
        return [{**part, "index": index} for part in reader.read(choice)]

    def _filled(self, rest: dict[str, Any]) -> dict[str, Any]:
        """Fill in the head of a chunk; the first one with choices decides for the whole stream."""
        if not self._head:
            filled = fill_head(rest, self._kind, self._prefix, self._origin)
            self._head = {key: filled[key] for key in ("id", "object", "created", "model")}
        return {**rest, **self._head}

    def _flush_usage(self) -> Sequence[Chunk]:
        usage, self._usage = self._usage, None
        return () if usage is None else ({**self._filled(self._usage_rest), "choices": [], "usage": usage},)
