"""Translation between the canonical form and that of the server. Pure: values in, values out."""

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from xmc.schema import (
    Chunk,
    Context,
    Event,
    Exchange,
    JsonObject,
    ProviderError,
    Refusal,
    Response,
    StreamDecoder,
    Target,
    WireReply,
    WireRequest,
)

OK = 200
NOTHING: tuple[Any, ...] = (None, [], {}, False, "")


def is_set(name: str, value: Any) -> bool:
    """Tell a parameter that says something from one that says what holds anyway."""
    if name == "n":
        return value not in (None, 1)
    if name == "parallel_tool_calls":
        return value is not None
    if name in {"frequency_penalty", "presence_penalty"}:
        return value not in (None, 0)
    return not any(value is nothing or (type(value) is type(nothing) and value == nothing) for nothing in NOTHING)


class BoxAdapter:
    """What both tasks share: parameters by name, and how a call is made."""

    def __init__(self, target: Target, refused: Sequence[str], dropped: Sequence[str]) -> None:
        self.target = target
        self.refused = refused
        self.hints = dropped

    def refuse(self, request: Any, context: Context) -> Refusal | None:
        """Refuse what the server has no word for."""
        del context
        if not isinstance(request, Mapping):
            return Refusal("the request is not a JSON object", code="invalid_request")
        for name in self.refused:
            if is_set(name, request.get(name)):
                return Refusal(f"answer-box has no `{name}`", param=name)
        return None

    def dropped(self, request: JsonObject) -> tuple[str, ...]:
        """Name the hints that have no effect."""
        return tuple(name for name in self.hints if is_set(name, request.get(name)))

    def call(self, body: Mapping[str, Any]) -> WireRequest:
        """Make a call; the scheme puts the signature on it."""
        headers = (("Content-Type", "application/json"), ("X-Box-Model", quote(self.target.model)))
        return WireRequest("POST", self.target.url, headers, json.dumps(body).encode())


class AskAdapter(BoxAdapter):
    """Questions and answers."""

    def prepare(self, request: JsonObject, context: Context) -> Exchange | Refusal:
        """Make one question of all messages."""
        refusal = self.refuse(request, context)
        if refusal is not None:
            return refusal
        stream, limit = request.get("stream") or False, request.get("max_completion_tokens", request.get("max_tokens"))
        texts = read_texts(request.get("messages"))
        if texts is None:
            return Refusal("answer-box understands messages of text only", param="messages", code="invalid_value")
        if not isinstance(stream, bool):
            return Refusal("`stream` is neither true nor false", param="stream", code="invalid_value")
        if limit is not None and (type(limit) is not int or limit < 1):
            return Refusal("`max_tokens` is not a positive number", param="max_tokens", code="invalid_value")
        body = {"question": "\n".join(texts), "stream": stream, **({"limit": limit} if limit else {})}
        return Exchange(
            calls=(self.call(body),),
            decode=lambda replies: self.decode(replies[0], context),
            decoder=(lambda: self.decoder(context)) if stream else None,
            dropped=self.dropped(request),
        )

    def decode(self, reply: WireReply, context: Context) -> Response | ProviderError:
        """Read a whole answer."""
        body = read(reply)
        if isinstance(body, ProviderError):
            return body
        usage = read_words(body.get("words"))
        if not isinstance(body.get("answer"), str) or usage is None:
            return ProviderError(0, "answer-box gave no answer", garbled=True)
        message = {"role": "assistant", "content": body["answer"]}
        choice = {"index": 0, "message": message, "finish_reason": finish_of(body), "logprobs": None}
        return Response({**head(context, self.target, "chat.completion"), "choices": [choice], "usage": usage})

    def decoder(self, context: Context) -> StreamDecoder:
        """Return a decoder for one stream."""
        return PieceDecoder(head(context, self.target, "chat.completion.chunk"))


class PieceDecoder:
    """Reads lines of pieces and the last line. State: whether the role was sent, and whether the end came."""

    def __init__(self, opening: Mapping[str, Any]) -> None:
        self.head = opening
        self.opened = False
        self.ended = False

    def feed(self, event: Event) -> Sequence[Chunk | ProviderError]:
        """Translate one line."""
        if self.ended:
            return ()
        try:
            line = json.loads(event.data)
        except (ValueError, RecursionError):
            line = None
        if isinstance(line, dict) and isinstance(line.get("piece"), str):
            role = {} if self.opened else {"role": "assistant"}
            self.opened = True
            return (self.chunk({**role, "content": line["piece"]}, None),)
        if isinstance(line, dict) and isinstance(line.get("problem"), str):
            return (ProviderError(0, line["problem"] or "answer-box has a problem"),)
        end = line.get("end") if isinstance(line, dict) else None
        usage = read_words(end.get("words")) if isinstance(end, dict) else None
        if not isinstance(end, dict) or usage is None:
            return (ProviderError(0, "answer-box sent a line that cannot be read", garbled=True),)
        self.ended = True
        return (self.chunk({}, finish_of(end)), {**self.head, "choices": [], "usage": usage})

    def finish(self) -> Sequence[Chunk | ProviderError]:
        """Say so if the last line never came."""
        return () if self.ended else (ProviderError(0, "answer-box ended in the middle", code="stream_incomplete"),)

    def chunk(self, delta: Mapping[str, Any], finish: str | None) -> Chunk:
        """Return a chunk of the only choice."""
        choice = {"index": 0, "delta": dict(delta), "finish_reason": finish, "logprobs": None}
        return {**self.head, "choices": [choice]}


class VectorAdapter(BoxAdapter):
    """Embeddings: a call for each text."""

    def prepare(self, request: JsonObject, context: Context) -> Exchange | Refusal:
        """Make as many calls as there are texts."""
        refusal = self.refuse(request, context)
        if refusal is not None:
            return refusal
        given, encoding = request.get("input"), request.get("encoding_format") or "float"
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            return Refusal("answer-box embeds texts only", param="input", code="invalid_value")
        if encoding not in ("float", "base64"):
            return Refusal("`encoding_format` is `float` or `base64`", param="encoding_format", code="invalid_value")
        return Exchange(
            calls=tuple(self.call({"text": text}) for text in texts),
            decode=lambda replies: self.decode(replies, str(encoding)),
            dropped=self.dropped(request),
        )

    def decode(self, replies: Sequence[WireReply], encoding: str) -> Response | ProviderError:
        """Put the vectors together, in the order of the texts."""
        rows: list[dict[str, Any]] = []
        words = 0
        for reply in self.in_order(replies):
            body = read(reply)
            if isinstance(body, ProviderError):
                return body
            vector, count = body.get("vector"), body.get("words")
            if not isinstance(vector, list) or not all(type(number) in (int, float) for number in vector):
                return ProviderError(0, "answer-box gave no vector", garbled=True)
            if type(count) is not int or count < 0:
                return ProviderError(0, "answer-box did not count the words", garbled=True)
            try:
                packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
            except (OverflowError, struct.error):
                return ProviderError(0, "answer-box gave a number that no vector can hold", garbled=True)
            row = packed if encoding == "base64" else [float(number) for number in vector]
            rows.append({"object": "embedding", "index": len(rows), "embedding": row})
            words += count
        usage = {"prompt_tokens": words, "total_tokens": words}
        return Response({"object": "list", "model": self.target.model, "data": rows, "usage": usage})

    def in_order(self, replies: Sequence[WireReply]) -> Sequence[WireReply]:
        """Return the replies in the order of their texts, in which they come anyway."""
        return replies


def read_texts(messages: Any) -> list[str] | None:
    """Return the texts of messages, or None if there is anything else."""
    if not isinstance(messages, list) or not messages:
        return None
    texts = [message.get("content") if isinstance(message, Mapping) else None for message in messages]
    return [text for text in texts if isinstance(text, str)] if all(isinstance(text, str) for text in texts) else None


def read(reply: WireReply) -> dict[str, Any] | ProviderError:
    """Return the body of a good reply, or the server's problem in its own words."""
    try:
        body = json.loads(reply.body)
    except (ValueError, RecursionError):
        body = None
    problem = body.get("problem") if isinstance(body, dict) else None
    if reply.status != OK or problem:
        said = problem if isinstance(problem, str) and problem else f"answer-box answered {reply.status}"
        return ProviderError(0 if reply.status == OK else reply.status, said)
    return body if isinstance(body, dict) else ProviderError(0, "answer-box did not answer in JSON", garbled=True)


def read_words(words: Any) -> dict[str, int] | None:
    """Return usage, or None if it cannot be read."""
    if not isinstance(words, dict):
        return None
    counted = [words.get(name) for name in ("read", "written")]
    if not all(type(count) is int and count >= 0 for count in counted):
        return None
    prompt, produced = int(words["read"]), int(words["written"])
    return {"prompt_tokens": prompt, "completion_tokens": produced, "total_tokens": prompt + produced}


def finish_of(body: Mapping[str, Any]) -> str:
    """Return the finish reason."""
    return "length" if body.get("cut") is True else "stop"


def head(context: Context, target: Target, kind: str) -> dict[str, Any]:
    """Return what all answers and chunks begin with. Ids and times come from the host."""
    return {"id": f"chatcmpl-{context.id}", "object": kind, "created": context.created, "model": target.model}
