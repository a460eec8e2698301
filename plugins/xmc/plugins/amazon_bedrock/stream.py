"""Stream decoder: ConverseStream's events to canonical chunks.

Only blocks of tools are announced; text and reasoning begin with their first delta. Block indexes may be used again, so
tools are numbered by their starts. Usage comes after `messageStop`, or never. A stream without `messageStop` is cut.
Source: Amazon Bedrock API reference, "ConverseStream".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from xmc.plugins.amazon_bedrock.error import error_from_event
from xmc.plugins.amazon_bedrock.usage import read_finish, read_usage
from xmc.plugins.openai_family.error import DECODE_ERRORS, garbled
from xmc.plugins.openai_family.field import UnreadableError
from xmc.plugins.translation.answer import call_head, head_of
from xmc.schema import Chunk, Context, Event, ProviderError

_UNFINISHED = {"finish_reason": None}
_decode = msgspec.json.Decoder().decode


class ConverseDecoder:
    """Decodes one stream. `chat` is false for completions, whose chunks hold text and an end, nothing else."""

    def __init__(self, context: Context, model: str, names: Mapping[str, str], *, chat: bool) -> None:
        self._stem = context.id
        self._names = names
        self._chat = chat
        kind, prefix = ("chat.completion.chunk", "chatcmpl") if chat else ("text_completion", "cmpl")
        self._head = head_of(kind, prefix, {}, context, model)
        self._opened = False
        self._tools: dict[Any, list[Any]] = {}  # index of an open block -> its number, whether it has arguments
        self._calls = 0
        self._thought: dict[str, Any] | None = None
        self._thoughts = 0
        self._stopped = False

    def feed(self, event: Event) -> Sequence[Chunk | ProviderError]:
        """Translate one event."""
        read = _READERS.get(event.kind)
        if read is None:
            error = error_from_event(event)
            return () if error is None else (error,)
        try:
            value = _decode(event.data)
        except DECODE_ERRORS:
            return (garbled(0, "sent an event in its stream that is not JSON"),)
        if not isinstance(value, dict):
            return (garbled(0, "sent an event in its stream that is not a JSON object"),)
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

    # --- events ----------------------------------------------------------------------------------------------------

    def _message_start(self, _: dict[str, Any]) -> Sequence[Chunk]:
        return self._open()

    def _block_start(self, event: dict[str, Any]) -> Sequence[Chunk]:
        start = event.get("start")
        use = start.get("toolUse") if isinstance(start, dict) else None
        if not isinstance(use, dict) or not self._chat or self._stopped:
            return ()
        number, self._calls = self._calls, self._calls + 1
        self._tools[event.get("contentBlockIndex")] = [number, False]
        call = call_head(use.get("name"), use.get("toolUseId"), f"{self._stem}_{number}", self._names)
        return [*self._end_thought(), *self._put({"tool_calls": [{"index": number, **call}]})]

    def _block_delta(self, event: dict[str, Any]) -> Sequence[Chunk]:
        delta = event.get("delta")
        if not isinstance(delta, dict):
            raise UnreadableError("sent a delta that holds nothing")
        if self._stopped:
            return ()
        if isinstance(delta.get("text"), str):
            return [*self._end_thought(), *(self._put({"content": delta["text"]}) if delta["text"] else ())]
        if isinstance(delta.get("toolUse"), dict):
            return self._argue(event, delta["toolUse"].get("input"))
        if isinstance(delta.get("reasoningContent"), dict) and self._chat:
            return self._think(delta["reasoningContent"])
        return ()

    def _block_stop(self, event: dict[str, Any]) -> Sequence[Chunk]:
        open_tool = self._tools.pop(event.get("contentBlockIndex"), None)
        if self._stopped:
            return ()
        chunks = [*self._end_thought()]
        return [*chunks, *self._close(open_tool)] if open_tool is not None else chunks

    def _message_stop(self, event: dict[str, Any]) -> Sequence[Chunk]:
        if self._stopped:
            return ()
        chunks = [*self._open(), *self._end_thought()]
        for open_tool in self._tools.values():
            chunks += self._close(open_tool)
        self._tools.clear()
        self._stopped = True
        return [*chunks, *self._put({}, read_finish(event.get("stopReason"), called=self._calls > 0))]

    def _metadata(self, event: dict[str, Any]) -> Sequence[Chunk]:
        usage = read_usage(event.get("usage"))
        return () if usage is None else ({**self._head, "choices": [], "usage": usage},)

    # --- what they come to -----------------------------------------------------------------------------------------

    def _open(self) -> Sequence[Chunk]:
        if self._opened:
            return ()
        self._opened = True
        return self._put({"role": "assistant", "content": ""}) if self._chat else ()

    def _argue(self, event: Mapping[str, Any], fragment: Any) -> Sequence[Chunk]:
        open_tool = self._tools.get(event.get("contentBlockIndex"))
        if not isinstance(fragment, str):
            raise UnreadableError("sent a delta whose `input` is no text")
        if open_tool is None or not fragment:
            return ()
        open_tool[1] = True
        return self._put({"tool_calls": [{"index": open_tool[0], "function": {"arguments": fragment}}]})

    def _close(self, open_tool: list[Any]) -> Sequence[Chunk]:
        """End a tool call; one that got no arguments has empty ones."""
        number, has_arguments = open_tool
        if has_arguments:
            return ()
        return self._put({"tool_calls": [{"index": number, "function": {"arguments": "{}"}}]})

    def _think(self, told: Mapping[str, Any]) -> Sequence[Chunk]:
        if isinstance(told.get("redactedContent"), str):
            chunks = [*self._end_thought()]
            return [*chunks, *self._put_thought({"type": "redacted_thinking", "data": told["redactedContent"]})]
        thought = self._thought = self._thought or {"type": "thinking", "thinking": ""}
        if isinstance(told.get("signature"), str):
            thought["signature"] = thought.get("signature", "") + told["signature"]
        text = told.get("text")
        if not isinstance(text, str) or not text:
            return ()
        thought["thinking"] += text
        return self._put({"reasoning_content": text})

    def _end_thought(self) -> Sequence[Chunk]:
        """Send the reasoning that ended as a block, with its signature, for the next turn."""
        thought, self._thought = self._thought, None
        return () if thought is None else self._put_thought(thought)

    def _put_thought(self, block: dict[str, Any]) -> Sequence[Chunk]:
        number, self._thoughts = self._thoughts, self._thoughts + 1
        return self._put({"thinking_blocks": [{"index": number, **block}]})

    def _put(self, delta: dict[str, Any], finish: Mapping[str, Any] | None = None) -> Sequence[Chunk]:
        """Return the chunk of a delta, after the opening one if that has not been sent."""
        opening = self._open()
        if not self._chat and finish is None and "content" not in delta:
            return opening
        key, said = ("delta", delta) if self._chat else ("text", delta.get("content", ""))
        part = {"index": 0, key: said, "logprobs": None, **(finish or _UNFINISHED)}
        return (*opening, {**self._head, "choices": [part]})


_READERS: Mapping[str, Callable[[ConverseDecoder, dict[str, Any]], Sequence[Chunk]]] = {
    "messageStart": ConverseDecoder._message_start,  # noqa: SLF001 - the table belongs to the class
    "contentBlockStart": ConverseDecoder._block_start,  # noqa: SLF001 - as above
    "contentBlockDelta": ConverseDecoder._block_delta,  # noqa: SLF001 - as above
    "contentBlockStop": ConverseDecoder._block_stop,  # noqa: SLF001 - as above
    "messageStop": ConverseDecoder._message_stop,  # noqa: SLF001 - as above
    "metadata": ConverseDecoder._metadata,  # noqa: SLF001 - as above
}
