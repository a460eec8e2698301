"""From OpenAI's content parts to Anthropic's content blocks.

Text, images and files are translated; blocks of Anthropic's own types pass as they are. Blank texts are left out: the
API refuses them. `cache_control` stays where it stands.
Source: Anthropic API reference, "Messages", `messages.content`; OpenAI API reference, "Chat Completions", `messages`.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from xmc.plugins.translation.data_url import decode_text, is_remote, read_data_url
from xmc.plugins.translation.refused import Dropped, list_at, mapping_at, text_at, unsupported

Block = dict[str, Any]

# What a block of Anthropic's own may be, by the role of the message that it stands in.
_NATIVE = {
    "user": frozenset({"image", "document", "search_result", "container_upload"}),
    "tool": frozenset({"image", "document", "search_result", "tool_reference", "browser_state"}),
    "assistant": frozenset({
        "thinking", "redacted_thinking", "server_tool_use", "web_search_tool_result", "web_fetch_tool_result",
        "code_execution_tool_result", "bash_code_execution_tool_result", "text_editor_code_execution_tool_result",
        "tool_search_tool_result", "container_upload",
    }),
    "system": frozenset[str](),
}  # fmt: skip
_MEDIA = frozenset({"user", "tool"})
_TEXT_KEYS = frozenset({"type", "text", "cache_control", "citations"})
_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_NAME = re.compile(r"[A-Za-z0-9_]{1,40}")


class Taken(msgspec.Struct, frozen=True):
    """What a provider takes beyond what all do.

    `documents` are media types of files that are read beside PDF and text. `parts` are types of a user's parts, and
    `call_keys` members of calls, that pass as they are, for the provider to translate.
    """

    documents: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    call_keys: frozenset[str] = frozenset()


NOTHING_MORE = Taken()


def blocks_from_content(
    content: Any, role: str, path: str, dropped: Dropped, taken: Taken = NOTHING_MORE
) -> list[Block]:
    """Translate the content of a message of `role` (`system`, `user`, `assistant`, `tool`): text, parts, or null.

    Raises:
        RefusedError: a part that has no place there, e.g. audio.
    """
    if content is None:
        return []
    if isinstance(content, str):
        return [] if _is_blank(content) else [{"type": "text", "text": content}]
    blocks: list[Block] = []
    for index, part in enumerate(list_at(content, path)):
        block = _block_from_part(part, role, f"{path}[{index}]", dropped, taken)
        if block is not None:
            blocks.append(block)
    return blocks


def with_cache_control(block: Block, owner: Mapping[str, Any]) -> Block:
    """Copy the cache breakpoint of a message or part to its block, unless that has one."""
    mark = owner.get("cache_control")
    if mark is None or "cache_control" in block or block["type"] in {"thinking", "redacted_thinking"}:
        return block
    return {**block, "cache_control": mark}


def _block_from_part(part: Any, role: str, path: str, dropped: Dropped, taken: Taken) -> Block | None:
    if isinstance(part, str):
        part = {"type": "text", "text": part}
    part = mapping_at(part, path)
    kind = part.get("type")
    if kind == "text":
        return _text_block(part, path, dropped)
    if kind == "refusal" and role == "assistant":
        text = text_at(part.get("refusal"), f"{path}.refusal")
        return None if _is_blank(text) else {"type": "text", "text": text}
    if kind == "image_url" and role in _MEDIA:
        return with_cache_control(_image_block(part, path, dropped), part)
    if kind == "file" and role in _MEDIA:
        return with_cache_control(_file_block(part, path, taken.documents), part)
    if isinstance(kind, str) and (kind in _NATIVE[role] or (role == "user" and kind in taken.parts)):
        return {key: value for key, value in part.items() if key != "index"}
    raise unsupported(f"{path}.type", f"a part of type {kind!r} has no place in a message of role `{role}`")


def _text_block(part: Mapping[str, Any], path: str, dropped: Dropped) -> Block | None:
    text = text_at(part.get("text"), f"{path}.text")
    if _is_blank(text):
        return None
    for key in (key for key in part if key not in _TEXT_KEYS):
        # The name goes into a header, so it must be one.
        dropped.note(f"messages.content.{key}" if _NAME.fullmatch(key) else "messages.content")
    return {key: value for key, value in part.items() if key in _TEXT_KEYS and value is not None}


def _image_block(part: Mapping[str, Any], path: str, dropped: Dropped) -> Block:
    image = part.get("image_url")
    given = {"url": image} if isinstance(image, str) else mapping_at(image, f"{path}.image_url")
    where = f"{path}.image_url.url"
    url = text_at(given.get("url"), where)
    if given.get("detail") not in {None, "auto"} if isinstance(given.get("detail"), str | None) else True:
        dropped.note("messages.content.image_url.detail")
    if is_remote(url):
        return {"type": "image", "source": {"type": "url", "url": url}}
    media, data = read_data_url(url, where)
    if media not in _IMAGES:
        raise unsupported(where, f"images of type {media!r} are not read; JPEG, PNG, GIF and WebP are")
    return {"type": "image", "source": {"type": "base64", "media_type": media, "data": data}}


def _file_block(part: Mapping[str, Any], path: str, documents: Collection[str]) -> Block:
    file = mapping_at(part.get("file"), f"{path}.file")
    name = file.get("filename")
    title = {"title": name} if isinstance(name, str) and name else {}
    if file.get("file_id") is not None:
        source = {"type": "file", "file_id": text_at(file["file_id"], f"{path}.file.file_id")}
        return {"type": "document", "source": source, **title}
    where = f"{path}.file.file_data"
    media, data = read_data_url(text_at(file.get("file_data"), where), where)
    if media == "application/pdf" or media in documents:
        return {"type": "document", "source": {"type": "base64", "media_type": media, "data": data}, **title}
    if media in _IMAGES:
        return {"type": "image", "source": {"type": "base64", "media_type": media, "data": data}}
    if media.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": decode_text(data, where)}
        return {"type": "document", "source": source, **title}
    raise unsupported(where, f"files of type {media!r} are not read; PDF, text and images are")


def _is_blank(text: str) -> bool:
    return not text or text.isspace()
