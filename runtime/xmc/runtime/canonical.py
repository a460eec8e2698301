"""Whether an upstream's whole answer is canonical as it stands, so that its bytes can go to the client unchanged.

Only for targets of relay class `exact`. The answer is decoded into a few typed fields, which is several times cheaper
than a full decode and a new encode; whatever does not fit takes the long way through the adapter, which repairs or
refuses it. Unknown fields pass, as they do on the long way.
"""

import re
from typing import Annotated, Any, Literal

import msgspec

from xmc.schema import Task, WireReply

_OK = 200


class Usage(msgspec.Struct, frozen=True):
    """Token counts, as far as they are recorded."""

    prompt_tokens: int
    total_tokens: int
    completion_tokens: int = 0


class _Message(msgspec.Struct):
    role: Literal["assistant"]
    content: str | None
    tool_calls: Annotated[list[Any], msgspec.Meta(min_length=1)] | None = None


class _ChatChoice(msgspec.Struct):
    index: int
    message: _Message
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


class _TextChoice(msgspec.Struct):
    index: int
    text: str
    finish_reason: Literal["stop", "length", "content_filter"]


class _Chat(msgspec.Struct):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: Annotated[list[_ChatChoice], msgspec.Meta(min_length=1)]
    usage: Usage


class _Text(msgspec.Struct):
    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: Annotated[list[_TextChoice], msgspec.Meta(min_length=1)]
    usage: Usage


class _FloatRow(msgspec.Struct):
    object: Literal["embedding"]
    index: int
    embedding: msgspec.Raw


class _Base64Row(msgspec.Struct):
    object: Literal["embedding"]
    index: int
    embedding: str


class _Floats(msgspec.Struct):
    object: Literal["list"]
    model: str
    data: Annotated[list[_FloatRow], msgspec.Meta(min_length=1)]
    usage: Usage


class _Base64(msgspec.Struct):
    object: Literal["list"]
    model: str
    data: Annotated[list[_Base64Row], msgspec.Meta(min_length=1)]
    usage: Usage


_CHAT = msgspec.json.Decoder(_Chat)
_TEXT = msgspec.json.Decoder(_Text)
_FLOATS = msgspec.json.Decoder(_Floats)
_BASE64 = msgspec.json.Decoder(_Base64)


# A string, an object, true, false and null all hold one of these; so does an exponent that some upstream spells in
# capitals, which then takes the long way.
_NOT_IN_NUMBERS = (b'"', b"{", b"u", b"a", b"E")
_LARGE = re.compile(rb"e[^-]")


def usage_if_canonical(reply: WireReply, task: Task, *, base64: bool = False) -> Usage | None:
    """Return the usage of an answer that may pass as it is, else None. `base64`: how the client wants embeddings."""
    if reply.status != _OK:
        return None
    try:
        match task:
            case Task.CHAT:
                return _CHAT.decode(reply.body).usage
            case Task.COMPLETIONS:
                return _TEXT.decode(reply.body).usage
            case Task.EMBEDDINGS:
                return _BASE64.decode(reply.body).usage if base64 else _usage_of_floats(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _usage_of_floats(body: bytes) -> Usage | None:
    answer = _FLOATS.decode(body)
    return answer.usage if all(_is_vector(bytes(row.embedding)) for row in answer.data) else None


def _is_vector(json: bytes) -> bool:
    """Tell whether a JSON text is a flat list of numbers that a double can hold, without making a float of each.

    It is known to be JSON, so a few characters decide: one opening bracket, nothing that begins a string, an object
    or a word, and exponents only below zero. Making 1,536 floats costs three times as much as all the rest of the look.

    >>> _is_vector(b"[0.1, -2, 3e-05]"), _is_vector(b"[[1]]"), _is_vector(b"[1e999]"), _is_vector(b'["1"]')
    (True, False, False, False)
    >>> [_is_vector(json) for json in (b"[]", b"[true]", b"[false]", b"[null]", b"[1E9]", b"[{}]", b"1")]
    [True, False, False, False, False, False, False]
    """
    if not json.startswith(b"[") or json.find(b"[", 1) != -1:
        return False
    return not any(mark in json for mark in _NOT_IN_NUMBERS) and _LARGE.search(json) is None
