"""From OpenAI's messages to a system prompt and turns of blocks that alternate between user and assistant.

The blocks are those of Anthropic's Messages API, the richest of their kind; who speaks another language of blocks
translates from these.

System and developer messages, wherever they stand, become the system prompt, in order. Neighbours of the same role
become one turn. Results of tools are OpenAI messages of their own; here they all stand in the one user turn after the
calls, before any text. An assistant's thinking comes back from `thinking_blocks`, signatures and all.
Source: Anthropic API reference, "Messages", `messages` and `system`; "Tool use", parallel calls; "Extended thinking".
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from xmc.plugins.translation.arguments import decode_arguments
from xmc.plugins.translation.content import Block, Taken, blocks_from_content, with_cache_control
from xmc.plugins.translation.naming import wire_id, wire_name
from xmc.plugins.translation.refused import Dropped, RefusedError, list_at, mapping_at, text_at, unsupported

_THINKING = frozenset({"thinking", "redacted_thinking"})
_SYSTEM = frozenset({"system", "developer"})
_OPENING = "."
"""Stands before an assistant's turn that opens a conversation: the API wants the user to begin, and not blankly."""


@dataclass(slots=True)
class _Turn:
    role: str
    results: list[Block] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    calls: dict[str, Any] = field(default_factory=dict)  # id of a call -> the toolset it is of, or None

    def encode(self) -> dict[str, Any]:
        blocks = [*self.results, *self.blocks]
        only = blocks[0] if len(blocks) == 1 else None
        if only is not None and only.keys() == {"type", "text"}:
            return {"role": self.role, "content": only["text"]}
        return {"role": self.role, "content": blocks}


class Conversation(msgspec.Struct, frozen=True):
    """`unsigned`: an assistant turn has calls and no thinking, as another provider or an ordinary client leaves it."""

    system: tuple[Block, ...]
    turns: tuple[dict[str, Any], ...]
    unsigned: bool


def encode_conversation(
    messages: Any,
    dropped: Dropped,
    *,
    documents: Collection[str] = (),
    parts: Collection[str] = (),
    call_keys: Collection[str] = (),
) -> Conversation:
    """Translate the messages of a chat.

    `documents` are media types of files that are read beside PDF and text. `parts` are types of a user's parts, and
    `call_keys` members of calls, that pass as they are, for the provider to translate.

    Left out: blank texts, a second result of the same call, names of participants, reasoning without its signature.

    Raises:
        RefusedError: no message that could be sent, a result without its call, arguments that are no JSON object,
            old function calls, a part or role that Anthropic does not have.
    """
    reader = _Reader(dropped, Taken(frozenset(documents), frozenset(parts), frozenset(call_keys)))
    for index, message in enumerate(list_at(messages, "messages")):
        path = f"messages[{index}]"
        reader.read(mapping_at(message, path), path)
    return reader.finish()


@dataclass(slots=True)
class _Reader:
    dropped: Dropped
    taken: Taken
    system: list[Block] = field(default_factory=list)
    turns: list[_Turn] = field(default_factory=list)

    def read(self, message: Mapping[str, Any], path: str) -> None:
        role = message.get("role")
        if message.get("name") is not None and role != "tool":
            self.dropped.note("messages.name")
        if role == "user":
            self._add("user", self._content(message, "user", path))
        elif role == "assistant":
            self._read_assistant(message, path)
        elif role == "tool":
            self._read_result(message, path)
        elif isinstance(role, str) and role in _SYSTEM:
            self.system += self._content(message, "system", path)
        else:
            raise unsupported(f"{path}.role", f"this model's provider has no messages of role {role!r}")

    def finish(self) -> Conversation:
        turns = self.turns
        if not turns:
            raise RefusedError("`messages` holds nothing to answer: no text but that of the system", "messages")
        if turns[0].role == "assistant":
            turns.insert(0, _Turn("user", blocks=[{"type": "text", "text": _OPENING}]))
        if turns[-1].role == "assistant" and turns[-1].blocks[-1]["type"] == "text":
            last = turns[-1].blocks[-1]  # what the model is to go on from may not end in white space
            turns[-1].blocks[-1] = {**last, "text": last["text"].rstrip()}
        unsigned = any(turn.calls and turn.blocks[0]["type"] not in _THINKING for turn in turns)
        return Conversation(tuple(self.system), tuple(turn.encode() for turn in turns), unsigned)

    def _content(self, message: Mapping[str, Any], role: str, path: str) -> list[Block]:
        blocks = blocks_from_content(message.get("content"), role, f"{path}.content", self.dropped, self.taken)
        if blocks:
            blocks[-1] = with_cache_control(blocks[-1], message)
        return blocks

    def _add(self, role: str, blocks: list[Block]) -> None:
        if not blocks:
            return
        if not self.turns or self.turns[-1].role != role:
            self.turns.append(_Turn(role))
        self.turns[-1].blocks += blocks

    def _read_assistant(self, message: Mapping[str, Any], path: str) -> None:
        if message.get("function_call") is not None or message.get("audio") is not None:
            name = "audio" if message.get("function_call") is None else "function_call"
            raise unsupported(f"{path}.{name}", f"`{name}` in messages is not supported; calls go into `tool_calls`")
        thinking = self._thinking(message, path)
        blocks = self._content(message, "assistant", path)
        refusal = message.get("refusal")
        if not blocks and isinstance(refusal, str) and refusal.strip():
            blocks = [{"type": "text", "text": refusal}]
        calls = [
            _encode_call(mapping_at(call, f"{path}.tool_calls[{i}]"), f"{path}.tool_calls[{i}]", self.taken.call_keys)
            for i, call in enumerate(list_at(message.get("tool_calls") or [], f"{path}.tool_calls"))
        ]
        self._add("assistant", [*thinking, *blocks, *calls])
        if calls:
            self.turns[-1].calls |= {call["id"]: call.get("toolset_name") for call in calls}

    def _thinking(self, message: Mapping[str, Any], path: str) -> list[Block]:
        where = f"{path}.thinking_blocks"
        given = list_at(message.get("thinking_blocks") or [], where)
        if not given and message.get("reasoning_content"):
            self.dropped.note("messages.reasoning_content")
        blocks: list[Block] = []
        for index, item in enumerate(given):
            block = mapping_at(item, f"{where}[{index}]")
            kind = block.get("type")
            if not isinstance(kind, str) or kind not in _THINKING:
                raise RefusedError(f"`{where}[{index}]` is no thinking block", f"{where}[{index}].type")
            blocks.append({key: value for key, value in block.items() if key != "index"})
        return blocks

    def _read_result(self, message: Mapping[str, Any], path: str) -> None:
        where = f"{path}.tool_call_id"
        call_id = wire_id(text_at(message.get("tool_call_id"), where))
        asked = next((turn for turn in reversed(self.turns) if turn.role == "assistant"), None)
        if asked is None or call_id not in asked.calls:
            raise RefusedError(f"`{where}` names no call of the assistant's last turn", where)
        if self.turns[-1] is asked:
            self.turns.append(_Turn("user"))
        turn = self.turns[-1]
        if any(result["tool_use_id"] == call_id for result in turn.results):
            self.dropped.note(path)
            return
        result: Block = {"type": "tool_result", "tool_use_id": call_id}
        content = message.get("content")
        blocks = blocks_from_content(content, "tool", f"{path}.content", self.dropped, self.taken)
        if blocks:
            result["content"] = content if isinstance(content, str) else blocks
        if isinstance(message.get("is_error"), bool):
            result["is_error"] = message["is_error"]
        if asked.calls[call_id] is not None:
            result["toolset_name"] = asked.calls[call_id]
        turn.results.append(with_cache_control(result, message))


def _encode_call(call: Mapping[str, Any], path: str, kept: Collection[str]) -> Block:
    if call.get("type") not in {None, "function"} if isinstance(call.get("type"), str | None) else True:
        raise unsupported(f"{path}.type", "only calls of functions are supported")
    function = mapping_at(call.get("function"), f"{path}.function")
    name = text_at(function.get("name"), f"{path}.function.name")
    if not name:
        raise RefusedError(f"`{path}.function.name` is empty", f"{path}.function.name")
    call_id = wire_id(text_at(call.get("id"), f"{path}.id"))
    arguments = decode_arguments(function.get("arguments"), f"{path}.function.arguments")
    block: Block = {"type": "tool_use", "id": call_id, "name": wire_name(name), "input": arguments}
    if isinstance(call.get("toolset_name"), str):
        block["toolset_name"] = call["toolset_name"]
    block |= {key: call[key] for key in kept if call.get(key) is not None}
    return with_cache_control(block, call)
