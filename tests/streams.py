"""Chunks, and exchanges of the shipped providers, for tests of streams."""

from collections.abc import Iterable
from typing import Any

import msgspec
from tests.upstreams import sse

from xmc.plugins import Plugins, build_plugins, custom, openai
from xmc.plugins import sse as sse_framing
from xmc.runtime.relay import NormaliseRelay, Progress, ScanRelay, StreamRelay
from xmc.runtime.relay_exact import ExactRelay
from xmc.schema import Auth, Context, Exchange, Refusal, Relay, Target, Task

PLUGINS: Plugins = build_plugins({"custom": custom, "openai": openai, "sse": sse_framing})


def exchange(provider: str = "openai", task: Task = Task.CHAT, *, n: int = 1, stream: bool = True) -> Exchange:
    """Return the exchange of a small request."""
    target = Target(
        provider=provider,
        task=task,
        model="m",
        url="http://127.0.0.1:1/v1/x",
        auth=Auth(scheme="none"),
        relay=Relay.EXACT,
    )
    request: dict[str, Any] = {"stream": stream, "n": n}
    if task is Task.CHAT:
        request["messages"] = [{"role": "user", "content": "hi"}]
    else:
        request["prompt"] = "hi"
    prepared = PLUGINS.providers[provider].adapter(target).prepare(request, Context("r1", "r1", 1_700_000_000))
    assert not isinstance(prepared, Refusal)
    return prepared


def make_relay(kind: Relay, one: Exchange, *, include_usage: bool = False) -> StreamRelay:
    """Return a fresh relay over SSE."""
    assert one.decoder is not None
    progress = Progress(one.choices, include_usage)
    reader = PLUGINS.framings["sse"].reader()
    if kind is Relay.EXACT:
        return ExactRelay(reader, one.decoder, progress)
    return {Relay.SCAN: ScanRelay, Relay.NORMALISE: NormaliseRelay}[kind](reader, one.decoder(), progress)


def delta(text: str | None = None, *, finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    """Return a chat chunk as OpenAI sends it."""
    content = {} if text is None else {"content": text}
    choice = {"index": index, "delta": content, "logprobs": None, "finish_reason": finish}
    return _chunk([choice], **more)


def opening(index: int = 0) -> dict[str, Any]:
    """Return the first chunk of a choice."""
    choice = {"index": index, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
    return _chunk([choice])


def usage_chunk() -> dict[str, Any]:
    """Return the chunk that ends a stream with usage."""
    return _chunk([], usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})


def hello() -> bytes:
    """Return a whole stream of a few chunks, compact as OpenAI writes it."""
    return compact(opening(), delta("Hel"), delta("lo"), delta(finish="stop"), usage_chunk()) + sse("[DONE]")


def compact(*values: Any) -> bytes:
    """Return events of JSON without spaces."""
    return b"".join(b"data: " + msgspec.json.encode(value) + b"\n\n" for value in values)


def events_of(data: bytes) -> list[Any]:
    """Read what a client got, strictly: every event one `data:` line of JSON or `[DONE]`, blank lines between."""
    found: list[Any] = []
    for block in data.split(b"\n\n"):
        text = block.strip(b"\n")
        if text:
            assert text.startswith(b"data: "), text
            assert b"\n" not in text
            assert b"\r" not in text
            found.append("[DONE]" if text == b"data: [DONE]" else msgspec.json.decode(text[6:]))
    return found


def run(relay: StreamRelay, pieces: Iterable[bytes]) -> bytes:
    """Feed everything and finish, as the host does: nothing more after a failure."""
    out = b""
    for piece in pieces:
        out += relay.feed(piece)
        if relay.progress.failure is not None:
            return out
    return out + relay.finish()


def split(data: bytes, size: int) -> list[bytes]:
    """Return the data in pieces of so many bytes."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def _chunk(choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m"}
    return {**head, "choices": choices, "usage": None, **more}
