"""Stream decoder: Gemini's events to canonical chunks.

Every event is an answer of its own that holds the next parts. A call comes whole, in one part. Usage is cumulative, in
any event, and often without numbers: the last one that has some counts. There is no mark at the end: a stream is
complete when every candidate that began has a reason to finish.
Source: Vertex AI API reference, "streamGenerateContent".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from xmc.plugins.google_cloud_vertex_ai.candidate import (
    call_of,
    candidates_of,
    citations_of,
    logprobs_of,
    pieces_of,
)
from xmc.plugins.google_cloud_vertex_ai.response import blocked, head_source
from xmc.plugins.google_cloud_vertex_ai.usage import read_block, read_finish, read_usage
from xmc.plugins.openai_family.error import DECODE_ERRORS, error_from_value, garbled
from xmc.plugins.openai_family.field import UnreadableError
from xmc.plugins.translation.answer import head_of
from xmc.schema import Chunk, Context, Event, ProviderError

_UNFINISHED = {"finish_reason": None}
_decode = msgspec.json.Decoder().decode


@dataclass(slots=True)
class _Choice:
    """A candidate that has begun."""

    index: int
    opened: bool = False
    calls: int = 0
    citations: int = 0
    finished: bool = False


class ContentDecoder:
    """Decodes one stream. `chat` is false for completions, whose chunks hold text and an end, nothing else."""

    def __init__(self, context: Context, model: str, names: Mapping[str, str], *, chat: bool) -> None:
        self._context = context
        self._model = model
        self._names = names
        self._chat = chat
        self._head: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._usage: dict[str, Any] | None = None

    def feed(self, event: Event) -> Sequence[Chunk | ProviderError]:
        """Translate one event."""
        try:
            value = _decode(event.data)
        except DECODE_ERRORS:
            return (garbled(0, "sent an event in its stream that is not JSON"),)
        if event.kind == "error" or not isinstance(value, dict) or value.get("error"):
            # Also a list of one error, as it answers to calls that do not stream.
            return (error_from_value(value, 0) or garbled(0, "sent an event in its stream that cannot be read"),)
        try:
            return self._chunks(value)
        except UnreadableError as error:
            return (garbled(0, str(error)),)

    def finish(self) -> Sequence[Chunk | ProviderError]:
        """Return the usage chunk, or an error if a candidate was not finished."""
        if not self._choices or not all(choice.finished for choice in self._choices.values()):
            message = "the upstream ended its stream before its answer was at its end"
            return (ProviderError(status=0, message=message, type="upstream_error", code="stream_incomplete"),)
        return () if self._usage is None else ({**self._head, "choices": [], "usage": self._usage},)

    def _chunks(self, body: dict[str, Any]) -> list[Chunk]:
        if not self._head:
            kind, prefix = ("chat.completion.chunk", "chatcmpl") if self._chat else ("text_completion", "cmpl")
            self._head = head_of(kind, prefix, head_source(body), self._context, self._model)
        self._usage = read_usage(body.get("usageMetadata")) or self._usage
        chunks: list[Chunk] = []
        for index, candidate in candidates_of(body):
            choice = self._choices.setdefault(index, _Choice(index))
            if not choice.finished:
                chunks += self._parts(choice, candidate)
        block = read_block(body)
        if block is not None and not self._choices:
            choice = self._choices[0] = _Choice(0)
            if block[1] is not None and self._chat:
                chunks += self._put(choice, {"refusal": block[1]})
            chunks += self._end(choice, blocked(block[0]))
        return chunks

    def _parts(self, choice: _Choice, candidate: Mapping[str, Any]) -> list[Chunk]:
        chunks: list[Chunk] = []
        logprobs = logprobs_of(candidate)
        for kind, piece in pieces_of(candidate):
            if kind == "text":
                chunks += self._put(choice, {"content": piece}, logprobs=logprobs)
                logprobs = None
            elif self._chat:
                chunks += self._put(
                    choice, {"reasoning_content": piece} if kind == "thought" else self._call(choice, piece)
                )
        for citation in citations_of(candidate) if self._chat else ():
            chunks += self._put(choice, {"citations": [{"index": choice.citations, **citation}]})
            choice.citations += 1
        reason = candidate.get("finishReason")
        if isinstance(reason, str) and reason:
            chunks += self._end(choice, read_finish(reason, called=choice.calls > 0), logprobs)
        elif logprobs is not None and self._chat:
            chunks += self._put(choice, {}, logprobs=logprobs)
        return chunks

    def _call(self, choice: _Choice, part: Mapping[str, Any]) -> dict[str, Any]:
        """Return the delta of a whole call. Raises `UnreadableError`."""
        call, arguments = call_of(part, f"{self._context.id}_{choice.index}_{choice.calls}", self._names)
        number, choice.calls = choice.calls, choice.calls + 1
        return {"tool_calls": [{"index": number, **call, "function": {**call["function"], "arguments": arguments}}]}

    def _end(self, choice: _Choice, finish: Mapping[str, Any], logprobs: Any = None) -> list[Chunk]:
        choice.finished = True
        return self._put(choice, {}, finish, logprobs=logprobs)

    def _put(
        self, choice: _Choice, delta: dict[str, Any], finish: Mapping[str, Any] = _UNFINISHED, *, logprobs: Any = None
    ) -> list[Chunk]:
        """Return the chunk of a delta, after the opening one if that has not been sent."""
        if not self._chat:
            return [self._chunk(choice, {"text": delta.get("content", "")}, finish, None)]
        opening: list[Chunk] = []
        if not choice.opened:
            choice.opened = True
            opening = [self._chunk(choice, {"delta": {"role": "assistant", "content": ""}}, _UNFINISHED, None)]
        return [*opening, self._chunk(choice, {"delta": delta}, finish, logprobs)]

    def _chunk(self, choice: _Choice, said: dict[str, Any], finish: Mapping[str, Any], logprobs: Any) -> Chunk:
        return {**self._head, "choices": [{"index": choice.index, **said, "logprobs": logprobs, **finish}]}
