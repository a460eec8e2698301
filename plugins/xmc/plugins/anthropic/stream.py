"""Stream decoder: Anthropic's events to canonical chunks.

A message is a sequence of blocks, each started, extended by deltas, and stopped; text and arguments go on at once,
thinking as text at once and as a block with its signature when it is whole. Usage is cumulative: later counts replace
earlier ones. Pings and whatever is unknown (events, deltas, blocks) is ignored. A stream without `message_stop` is cut.
Source: Anthropic API documentation, "Streaming messages".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from xmc.plugins.anthropic.error import error_from_event
from xmc.plugins.anthropic.finish import read_finish, read_refusal
from xmc.plugins.anthropic.response import block_call
from xmc.plugins.anthropic.usage import merge_usage, read_usage
from xmc.plugins.openai_family.error import DECODE_ERRORS, garbled
from xmc.plugins.openai_family.field import UnreadableError, encode_text
from xmc.plugins.translation.answer import head_of
from xmc.schema import Chunk, Context, Event, ProviderError

_UNFINISHED = {"finish_reason": None}
_decode = msgspec.json.Decoder().decode


@dataclass(slots=True)
class _Block:
    """A block that has begun. `call` is the number of a tool call, -1 for other blocks; `pieces` are of thinking."""

    start: dict[str, Any]
    call: int = -1
    has_arguments: bool = False
    pieces: list[str] = field(default_factory=list)
    signature: str | None = None


class MessageDecoder:
    """Decodes one stream. `chat` is false for completions, whose chunks hold text and an end, nothing else."""

    def __init__(self, context: Context, model: str, names: Mapping[str, str], *, chat: bool) -> None:
        self._context = context
        self._model = model
        self._names = names
        self._chat = chat
        self._head: dict[str, Any] = {}
        self._blocks: dict[Any, _Block] = {}
        self._calls = 0
        self._counts = {"thinking_blocks": 0, "citations": 0}
        self._said = False
        self._finished = False
        self._stopped = False
        self._usage: dict[str, Any] = {}

    def feed(self, event: Event) -> Sequence[Chunk | ProviderError]:
        """Translate one event."""
        if self._stopped:
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

    def finish(self) -> Sequence[Chunk | ProviderError]:
        """Return an error if the message was not ended."""
        if self._stopped:
            return ()
        message = "the upstream ended its stream before its message was at its end"
        return (ProviderError(status=0, message=message, type="upstream_error", code="stream_incomplete"),)

    def _stray(self, value: dict[str, Any], event: Event) -> Sequence[Chunk | ProviderError]:
        """Tell an error, in whatever form, from an event that came after this was written."""
        if value.get("type") != "error" and event.kind != "error" and not value.get("error"):
            return ()
        return (error_from_event(value) or garbled(0, "sent an error in its stream that cannot be read"),)

    # --- events ----------------------------------------------------------------------------------------------------

    def _message_start(self, event: dict[str, Any]) -> Sequence[Chunk]:
        message = event.get("message")
        if not isinstance(message, dict):
            raise UnreadableError("began its stream with an event that holds no message")
        self._usage = merge_usage(self._usage, message.get("usage"))
        return self._open(message)

    def _block_start(self, event: dict[str, Any]) -> Sequence[Chunk]:
        start = event.get("content_block")
        if not isinstance(start, dict):
            raise UnreadableError("began a block that holds nothing")
        block = self._blocks[_key(event)] = _Block(start)
        kind = start.get("type")
        if kind == "text" and isinstance(start.get("text"), str):
            return self._text(start["text"])
        if kind == "thinking" and isinstance(start.get("thinking"), str):
            return self._think(block, start["thinking"])
        if kind != "tool_use" or not self._chat:
            return ()
        block.call, self._calls = self._calls, self._calls + 1
        call = block_call(start, f"{self._context.id}_{block.call}", self._names)
        return self._put({"tool_calls": [{"index": block.call, **call}]})

    def _block_delta(self, event: dict[str, Any]) -> Sequence[Chunk]:
        delta = event.get("delta")
        if not isinstance(delta, dict):
            raise UnreadableError("sent a delta that holds nothing")
        block = self._blocks.get(_key(event))
        match delta.get("type"):
            case "text_delta":
                return self._text(_piece(delta, "text"))
            case "input_json_delta" if block is not None and block.call >= 0:
                return self._argue(block, _piece(delta, "partial_json"))
            case "thinking_delta" if block is not None:
                return self._think(block, _piece(delta, "thinking"))
            case "signature_delta" if block is not None:
                block.signature = _piece(delta, "signature")
                return ()
            case "citations_delta" if isinstance(delta.get("citation"), dict):
                return self._put_item("citations", delta["citation"])
            case _:
                return ()

    def _block_stop(self, event: dict[str, Any]) -> Sequence[Chunk]:
        block = self._blocks.pop(_key(event), None)
        return () if block is None else self._close(block)

    def _message_delta(self, event: dict[str, Any]) -> Sequence[Chunk]:
        self._usage = merge_usage(self._usage, event.get("usage"))
        delta = event.get("delta")
        if not isinstance(delta, dict) or not isinstance(delta.get("stop_reason"), str):
            return ()
        return self._end(delta)

    def _message_stop(self, _: dict[str, Any]) -> Sequence[Chunk]:
        chunks = [*self._end({})]
        self._stopped = True
        usage = read_usage(self._usage)
        if usage is not None:
            chunks.append({**self._head, "choices": [], "usage": usage})
        return chunks

    # --- what they come to -----------------------------------------------------------------------------------------

    def _open(self, message: Mapping[str, Any]) -> Sequence[Chunk]:
        if self._head:
            return ()
        kind, prefix = ("chat.completion.chunk", "chatcmpl") if self._chat else ("text_completion", "cmpl")
        self._head = head_of(kind, prefix, message, self._context, self._model)
        return self._put({"role": "assistant", "content": ""}) if self._chat else ()

    def _text(self, text: str) -> Sequence[Chunk]:
        if not text:
            return ()
        self._said = True
        return self._put({"content": text})

    def _think(self, block: _Block, text: str) -> Sequence[Chunk]:
        if not text or not self._chat:
            return ()
        block.pieces.append(text)
        return self._put({"reasoning_content": text})

    def _argue(self, block: _Block, fragment: str) -> Sequence[Chunk]:
        if not fragment:
            return ()
        block.has_arguments = True
        return self._put({"tool_calls": [{"index": block.call, "function": {"arguments": fragment}}]})

    def _close(self, block: _Block) -> Sequence[Chunk]:
        kind = block.start.get("type")
        if block.call >= 0 and not block.has_arguments:
            # The start holds `{}` also where fragments follow, so it counts only now.
            given = block.start.get("input")
            return self._argue(block, encode_text({} if given is None else given))
        if kind == "thinking":
            signature = {} if block.signature is None else {"signature": block.signature}
            return self._put_item("thinking_blocks", {**block.start, "thinking": "".join(block.pieces), **signature})
        return self._put_item("thinking_blocks", block.start) if kind == "redacted_thinking" else ()

    def _put_item(self, name: str, item: dict[str, Any]) -> Sequence[Chunk]:
        """Send one item of a list, numbered as clients that put deltas together want it."""
        number = self._counts[name]
        self._counts[name] += 1
        return self._put({name: [{"index": number, **item}]})

    def _end(self, delta: Mapping[str, Any]) -> Sequence[Chunk]:
        """Finish the choice, once; blocks that were left open are closed first."""
        if self._finished:
            return ()
        chunks = [chunk for block in self._blocks.values() for chunk in self._close(block)]
        self._blocks.clear()
        refusal = read_refusal(delta) if delta.get("stop_reason") == "refusal" and not self._said else None
        if refusal is not None and self._chat:
            chunks += self._put({"refusal": refusal})
        self._finished = True
        return [*chunks, *self._put({}, read_finish(delta.get("stop_reason"), called=self._calls > 0))]

    def _put(self, delta: dict[str, Any], finish: Mapping[str, Any] | None = None) -> Sequence[Chunk]:
        """Return the chunk of a delta, after the opening one if that has not been sent."""
        opening = () if self._head else self._open({})
        if not self._chat and finish is None and "content" not in delta:
            return opening
        key, said = ("delta", delta) if self._chat else ("text", delta.get("content", ""))
        part = {"index": 0, key: said, "logprobs": None, **(finish or _UNFINISHED)}
        return (*opening, {**self._head, "choices": [part]})


_READERS: Mapping[str, Callable[[MessageDecoder, dict[str, Any]], Sequence[Chunk]]] = {
    "message_start": MessageDecoder._message_start,  # noqa: SLF001 - the table belongs to the class
    "content_block_start": MessageDecoder._block_start,  # noqa: SLF001 - as above
    "content_block_delta": MessageDecoder._block_delta,  # noqa: SLF001 - as above
    "content_block_stop": MessageDecoder._block_stop,  # noqa: SLF001 - as above
    "message_delta": MessageDecoder._message_delta,  # noqa: SLF001 - as above
    "message_stop": MessageDecoder._message_stop,  # noqa: SLF001 - as above
}


def _key(event: Mapping[str, Any]) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else 0


def _piece(delta: Mapping[str, Any], key: str) -> str:
    piece = delta.get(key)
    if not isinstance(piece, str):
        raise UnreadableError(f"sent a delta whose `{key}` is no text")
    return piece
