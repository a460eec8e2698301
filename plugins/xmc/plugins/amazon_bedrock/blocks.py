"""From blocks of a conversation to Converse's blocks.

Images and documents are sent as bytes; what stands behind a URL is never fetched. A document needs a name of its own
and text beside it. A cache breakpoint is a block after the one that it marks.
Source: Amazon Bedrock API reference, "Converse", `ContentBlock`; botocore 1.44.5.
"""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from xmc.plugins.translation.naming import WORD, fit
from xmc.plugins.translation.refused import RefusedError, mapping_at, unsupported

Block = dict[str, Any]

DOCUMENTS = {
    "application/msword": "doc",
    "application/pdf": "pdf",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
}
"""Media types of documents beside plain text, and Converse's names for them."""

_UNNAMEABLE = re.compile(r"[^A-Za-z0-9 ()\[\]-]+")
_UNFIT_ID = re.compile(r"[^a-zA-Z0-9_.:-]")
_MAX_ID = 64
_MAX_NAME = 64
_MAX_DOCUMENT_NAME = 200
_COMPANION = "."
"""Stands beside a document in a turn that has no text: the API wants some, and not blank."""


def tool_name(name: str) -> str:
    """Return a tool's name as `^[a-zA-Z0-9_-]{1,64}$`."""
    return fit(name, limit=_MAX_NAME, unfit=WORD)


def call_id(text: str) -> str:
    """Return a call's id as `^[a-zA-Z0-9_.:-]{1,64}$`."""
    return fit(text, limit=_MAX_ID, unfit=_UNFIT_ID)


class BlockEncoder:
    """Translates the turns of one request; document names must differ within it."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def encode_turn(self, turn: Mapping[str, Any]) -> dict[str, Any]:
        """Translate a turn. Raises `RefusedError`."""
        content = turn["content"]
        if isinstance(content, str):
            return {"role": turn["role"], "content": [{"text": content}]}
        blocks = self._encode_all(content)
        if any("document" in block for block in blocks) and not any("text" in block for block in blocks):
            blocks.append({"text": _COMPANION})
        return {"role": turn["role"], "content": blocks}

    def _encode_all(self, given: Sequence[Mapping[str, Any]]) -> list[Block]:
        blocks: list[Block] = []
        for block in given:
            blocks.append(self._encode(block))
            blocks += cache_point(block)
        return blocks

    def _encode(self, block: Mapping[str, Any]) -> Block:
        match block["type"]:
            case "text":
                return {"text": block["text"]}
            case "image":
                return self._image(mapping_at(block.get("source"), "messages"))
            case "document":
                return self._document(block)
            case "tool_use":
                use = {"toolUseId": call_id(block["id"]), "name": tool_name(block["name"]), "input": block["input"]}
                return {"toolUse": use}
            case "tool_result":
                return self._result(block)
            case "thinking":
                signature = {} if block.get("signature") is None else {"signature": block["signature"]}
                return {"reasoningContent": {"reasoningText": {"text": block.get("thinking", ""), **signature}}}
            case "redacted_thinking":
                return {"reasoningContent": {"redactedContent": block.get("data", "")}}
            case kind:
                raise unsupported("messages", f"a part of type {kind!r} has no place in a Converse request")

    def _image(self, source: Mapping[str, Any]) -> Block:
        media = str(source.get("media_type", ""))
        if source.get("type") != "base64" or not media.startswith("image/"):
            raise unsupported("messages", "Bedrock takes images as data URLs only, and the gateway fetches none")
        return {"image": {"format": media.removeprefix("image/"), "source": {"bytes": source.get("data", "")}}}

    def _document(self, block: Mapping[str, Any]) -> Block:
        source = mapping_at(block.get("source"), "messages")
        kind, media = source.get("type"), source.get("media_type")
        data = source.get("data")
        if kind == "text" and isinstance(data, str):
            found, data = "txt", b64encode(data.encode("utf-8", "replace")).decode()
        elif kind == "base64" and isinstance(media, str) and media in DOCUMENTS:
            found = DOCUMENTS[media]
        else:
            raise unsupported("messages", "Bedrock takes documents as data URLs only, and the gateway fetches none")
        return {"document": {"format": found, "name": self._name(block.get("title")), "source": {"bytes": data}}}

    def _name(self, title: Any) -> str:
        """Return a name in the characters that the API takes, which no other document of the request has."""
        stem = title.rpartition(".")[0] or title if isinstance(title, str) else ""
        stem = " ".join(_UNNAMEABLE.sub(" ", stem).split())[: _MAX_DOCUMENT_NAME - 8] or "document"
        name, number = stem, 1
        while name in self._names:
            number += 1
            name = f"{stem} {number}"
        self._names.add(name)
        return name

    def _result(self, block: Mapping[str, Any]) -> Block:
        content = block.get("content")
        if isinstance(content, str):
            blocks: list[Block] = [{"text": content}]
        else:
            blocks = self._encode_all(content or [])
        if any(block.keys() - {"text", "image", "document"} for block in blocks):
            raise RefusedError("a result of a tool holds a part that Bedrock does not take there", "messages")
        # The API wants content, and not blank: nothing is an empty object.
        result: Block = {"toolUseId": call_id(block["tool_use_id"]), "content": blocks or [{"json": {}}]}
        if "is_error" in block:
            result["status"] = "error" if block["is_error"] else "success"
        return {"toolResult": result}


def cache_point(block: Mapping[str, Any]) -> list[Block]:
    """Return the block that marks a cache breakpoint after `block`, if it has one."""
    mark = block.get("cache_control")
    if not isinstance(mark, Mapping):
        return []
    ttl = {"ttl": mark["ttl"]} if mark.get("ttl") in {"5m", "1h"} else {}
    return [{"cachePoint": {"type": "default", **ttl}}]
