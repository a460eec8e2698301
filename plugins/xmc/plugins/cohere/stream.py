"""Stream decoder: Cohere's events to canonical chunks.

A message opens, says text and thoughts in blocks, or plans and calls tools one after the other, and ends with its
reason and its usage. `index` of an event is a place among blocks or calls, never the choice, of which there is one. A
call without parameters comes without a delta. A stream without `message-end` is cut.
Source: Cohere API reference, "Chat (v2)", streaming; cohere-python 7.3.1.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from xmc.plugins.cohere.response import FailedError, logprobs_of, read_finish, read_usage, text_of
from xmc.plugins.openai_family.error import DECODE_ERRORS, error_from_value, garbled
from xmc.plugins.openai_family.field import UnreadableError
from xmc.plugins.translation.answer import call_head, head_of
from xmc.schema import Chunk, Context, Event, ProviderError

_decode = msgspec.json.Decoder().decode
_KINDS = {True: ("chat.completion.chunk", "chatcmpl"), False: ("text_completion", "cmpl")}


class EventDecoder:
    """Decodes one stream. `chat` is false for completions, whose chunks hold text and an end, nothing else."""

    def __init__(self, context: Context, model: str, names: Mapping[str, str], *, chat: bool) -> None:
        self._context = context
        self._model = model
        self._names = names
        self._chat = chat
        self._head: dict[str, Any] = {}
        self._calls: dict[Any, int] = {}
        self._without_arguments: set[int] = set()
        self._citations = 0
        self._ended = False

    def feed(self, event: Event) -> Sequence[Chunk | ProviderError]:
        """Translate one event."""
        if self._ended:
            return ()
        try:
            value = _decode(event.data)
        except DECODE_ERRORS:
            return (garbled(0, "sent an event in its stream that is not JSON"),)
        if not isinstance(value, dict):
            return (garbled(0, "sent an event in its stream that is not a JSON object"),)
        kind = value.get("type")
        read = _READERS.get(kind) if isinstance(kind, str) else None
        if read is None:
            return self._stray(value, event)
        try:
            return read(self, value)
        except UnreadableError as error:
            return (garbled(0, str(error)),)
        except FailedError as failed:
            return (failed.error,)

    def finish(self) -> Sequence[Chunk | ProviderError]:
        """Return an error if the message was not ended."""
        if self._ended:
            return ()
        message = "the upstream ended its stream before its message was at its end"
        return (ProviderError(status=0, message=message, type="upstream_error", code="stream_incomplete"),)

    def _stray(self, value: dict[str, Any], event: Event) -> Sequence[Chunk | ProviderError]:
        """Tell an error from an event that came after this was written."""
        if event.kind != "error" and (value.get("type") or not (value.get("error") or value.get("message"))):
            return ()
        return (error_from_value(value, 0) or garbled(0, "sent an error in its stream that cannot be read"),)

    def _message_start(self, event: dict[str, Any]) -> Sequence[Chunk]:
        return self._open(event)

    def _content_start(self, event: dict[str, Any]) -> Sequence[Chunk]:
        content = _message(event).get("content")
        # A block may begin with its type alone.
        begun = isinstance(content, dict) and ("text" in content or "thinking" in content)
        return self._say(event) if begun else ()

    def _content_delta(self, event: dict[str, Any]) -> Sequence[Chunk]:
        return self._say(event)

    def _tool_plan(self, event: dict[str, Any]) -> Sequence[Chunk]:
        plan = _message(event).get("tool_plan")
        if not isinstance(plan, str):
            raise UnreadableError("sent a plan that is no text")
        return self._put({"reasoning_content": plan}) if plan and self._chat else ()

    def _call_start(self, event: dict[str, Any]) -> Sequence[Chunk]:
        if not self._chat:
            return ()
        call = _call(event)
        number = self._calls[_key(event)] = len(self._calls)
        function = _function(call)
        head = call_head(function.get("name"), call.get("id"), f"{self._context.id}_{number}", self._names)
        self._without_arguments.add(number)
        opening = self._put({"tool_calls": [{"index": number, **head}]})
        return (*opening, *self._argue(number, function.get("arguments")))

    def _call_delta(self, event: dict[str, Any]) -> Sequence[Chunk]:
        if not self._chat:
            return ()
        number = self._calls.get(_key(event))
        if number is None:
            raise UnreadableError("sent arguments of a call that had not begun")
        return self._argue(number, _function(_call(event)).get("arguments"))

    def _call_end(self, event: dict[str, Any]) -> Sequence[Chunk]:
        number = self._calls.get(_key(event))
        return () if number is None or number not in self._without_arguments else self._argue(number, "{}")

    def _citation(self, event: dict[str, Any]) -> Sequence[Chunk]:
        citation = _message(event).get("citations")
        if not isinstance(citation, dict) or not self._chat:
            return ()
        number, self._citations = self._citations, self._citations + 1
        return self._put({"citations": [{"index": number, **citation}]})

    def _message_end(self, event: dict[str, Any]) -> Sequence[Chunk]:
        delta = event.get("delta")
        if not isinstance(delta, dict):
            raise UnreadableError("ended its message without a reason")
        finish = read_finish(delta)
        chunks = [chunk for number in sorted(self._without_arguments) for chunk in self._argue(number, "{}")]
        chunks += self._put({}, finish)
        self._ended = True
        usage = read_usage(delta.get("usage"))
        if usage is not None:
            chunks.append({**self._head, "choices": [], "usage": usage})
        return chunks

    def _say(self, event: dict[str, Any]) -> Sequence[Chunk]:
        kind, text = text_of(_message(event).get("content"))
        logprobs = logprobs_of(event.get("logprobs"))
        if not text:
            return ()
        if kind == "thinking":
            return self._put({"reasoning_content": text}) if self._chat else ()
        return self._put({"content": text}, logprobs=logprobs)

    def _argue(self, number: int, fragment: Any) -> Sequence[Chunk]:
        if fragment is None or fragment == "":
            return ()
        if not isinstance(fragment, str):
            raise UnreadableError("sent arguments that are no text")
        self._without_arguments.discard(number)
        return self._put({"tool_calls": [{"index": number, "function": {"arguments": fragment}}]})

    def _open(self, event: Mapping[str, Any]) -> Sequence[Chunk]:
        if self._head:
            return ()
        kind, prefix = _KINDS[self._chat]
        self._head = head_of(kind, prefix, {"id": event.get("id")}, self._context, self._model)
        return self._put({"role": "assistant", "content": ""}) if self._chat else ()

    def _put(
        self, delta: dict[str, Any], finish: Mapping[str, Any] | None = None, *, logprobs: Any = None
    ) -> Sequence[Chunk]:
        """Return the chunk of a delta, after the opening one if that has not been sent."""
        opening = () if self._head else self._open({})
        ending = finish or {"finish_reason": None}
        key, said = ("delta", delta) if self._chat else ("text", delta.get("content", ""))
        part = {"index": 0, key: said, "logprobs": logprobs if self._chat else None, **ending}
        return (*opening, {**self._head, "choices": [part]})


_READERS: Mapping[str, Callable[[EventDecoder, dict[str, Any]], Sequence[Chunk]]] = {
    "message-start": EventDecoder._message_start,  # noqa: SLF001 - the table belongs to the class
    "content-start": EventDecoder._content_start,  # noqa: SLF001 - as above
    "content-delta": EventDecoder._content_delta,  # noqa: SLF001 - as above
    "tool-plan-delta": EventDecoder._tool_plan,  # noqa: SLF001 - as above
    "tool-call-start": EventDecoder._call_start,  # noqa: SLF001 - as above
    "tool-call-delta": EventDecoder._call_delta,  # noqa: SLF001 - as above
    "tool-call-end": EventDecoder._call_end,  # noqa: SLF001 - as above
    "citation-start": EventDecoder._citation,  # noqa: SLF001 - as above
    "message-end": EventDecoder._message_end,  # noqa: SLF001 - as above
}


def _message(event: Mapping[str, Any]) -> Mapping[str, Any]:
    delta = event.get("delta")
    message = delta.get("message") if isinstance(delta, dict) else None
    if not isinstance(message, dict):
        raise UnreadableError("sent an event that holds no part of a message")
    return message


def _call(event: Mapping[str, Any]) -> Mapping[str, Any]:
    call = _message(event).get("tool_calls")
    if not isinstance(call, dict):
        raise UnreadableError("sent an event of a call that holds none")
    return call


def _function(call: Mapping[str, Any]) -> Mapping[str, Any]:
    function = call.get("function")
    return function if isinstance(function, dict) else {}


def _key(event: Mapping[str, Any]) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else 0
