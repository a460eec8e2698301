"""An upstream that speaks OpenAI's shape for the three tasks, as a client of the gateway never sees it.

What it does is asked for in the last user message (or prompt, or input): `error 429` answers that status, `error-once
503` does so the first time, `cut` breaks a stream off after two chunks, anything else is echoed word by word. With
`tools` it calls the first one. It checks the key and the model, so a gateway that sends its client's own token fails.
The vendor's SDK reads it directly in `test_openai_python.py`, which is what makes it believable.
"""

import asyncio
import base64
import json
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

DIMENSIONS = 8
USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
UPSTREAM_REQUEST_ID = "upstream-7"


@dataclass
class Simulator:
    """A running simulator. `seen` are the decoded bodies in order; `calls` counts them by the text that was asked."""

    key: str
    url: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any call."""
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return _error(401, "Incorrect API key provided", "invalid_api_key")
        body = await request.json()
        text = _asked(body)
        self.seen.append(body)
        self.calls[text] += 1
        word, _, number = text.partition(" ")
        if word == "error" or (word == "error-once" and self.calls[text] == 1):
            return _error(int(number), f"the upstream says {number}", f"upstream_{number}")
        match request.path:
            case "/v1/chat/completions":
                return await _chat(request, body, text)
            case "/v1/completions":
                return await _completion(request, body, text)
            case "/v1/embeddings":
                return web.json_response(_embeddings(body))
        return _error(404, f"no such path {request.path}", "not_found")


@contextmanager
def simulator(key: str, *, tls: ssl.SSLContext | None = None) -> Iterator[Simulator]:
    """Run a simulator on a free port, in a thread with a loop of its own."""
    running = Simulator(key)
    loop = asyncio.new_event_loop()
    started = threading.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", running.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        running.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
        stopping.append((asyncio.Event(), runner))
        started.set()
        await stopping[0][0].wait()
        await runner.cleanup()

    stopping: list[tuple[asyncio.Event, web.AppRunner]] = []
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield running
    finally:
        loop.call_soon_threadsafe(stopping[0][0].set)
        thread.join(10)
        loop.close()


def vector(text: str) -> list[float]:
    """Return the embedding of a text: eight numbers that a float32 holds exactly."""
    return [((len(text) + index) % 16) / 16 - 0.5 for index in range(DIMENSIONS)]


def _asked(body: dict[str, Any]) -> str:
    for message in reversed(body.get("messages", [])):
        if message["role"] == "user":
            content = message["content"]
            return str(content if isinstance(content, str) else content[0]["text"])
    text = body.get("prompt", body.get("input", ""))
    return str(text[0] if isinstance(text, list) else text)


def _error(status: int, message: str, code: str) -> web.Response:
    body = {"error": {"message": message, "type": "simulated_error", "code": code, "param": None}}
    headers = {"x-request-id": UPSTREAM_REQUEST_ID}
    if status in {429, 503}:
        headers["retry-after"] = "0"
    return web.json_response(body, status=status, headers=headers)


def _head(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "sim-1", "object": kind, "created": 1_700_000_000, "model": body["model"]}


async def _chat(request: web.Request, body: dict[str, Any], text: str) -> web.StreamResponse:
    if body.get("tools"):
        name = body["tools"][0]["function"]["name"]
        call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": json.dumps({"city": text})}}
        message: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [call]}
        reason = "tool_calls"
    else:
        message, reason = {"role": "assistant", "content": f"echo: {text}"}, "stop"
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": reason}
        return web.json_response(_head(body, "chat.completion") | {"choices": [choice], "usage": USAGE})
    head = _head(body, "chat.completion.chunk")
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": message["content"] and ""}]
    deltas += _tool_deltas(message) if body.get("tools") else [{"content": part} for part in _parts(text)]
    chunks = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    return await _stream(request, body, chunks, cut=text == "cut")


async def _completion(request: web.Request, body: dict[str, Any], text: str) -> web.StreamResponse:
    head = _head(body, "text_completion")
    if not body.get("stream"):
        choice = {"index": 0, "text": f"echo: {text}", "logprobs": None, "finish_reason": "stop"}
        return web.json_response(head | {"choices": [choice], "usage": USAGE})
    chunks = [
        head | {"choices": [{"index": 0, "text": part, "logprobs": None, "finish_reason": None}]}
        for part in _parts(text)
    ]
    chunks.append(head | {"choices": [{"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"}]})
    return await _stream(request, body, chunks, cut=text == "cut")


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = []
    for index, text in enumerate(texts):
        numbers: Any = vector(str(text))
        if body.get("encoding_format") == "base64":
            numbers = base64.b64encode(struct.pack(f"<{DIMENSIONS}f", *numbers)).decode()
        data.append({"object": "embedding", "index": index, "embedding": numbers})
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}


def _parts(text: str) -> list[str]:
    return ["echo:", *(f" {word}" for word in text.split(" "))]


def _tool_deltas(message: dict[str, Any]) -> list[dict[str, Any]]:
    (call,) = message["tool_calls"]
    arguments = call["function"]["arguments"]
    opening = call | {"index": 0, "function": {"name": call["function"]["name"], "arguments": ""}}
    pieces = [{"index": 0, "function": {"arguments": arguments[at : at + 4]}} for at in range(0, len(arguments), 4)]
    return [{"tool_calls": [piece]} for piece in (opening, *pieces)]


async def _stream(
    request: web.Request, body: dict[str, Any], chunks: list[dict[str, Any]], *, cut: bool
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream", "x-request-id": UPSTREAM_REQUEST_ID})
    await response.prepare(request)
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks = [*(chunk | {"usage": None} for chunk in chunks), chunks[0] | {"choices": [], "usage": USAGE}]
    for number, chunk in enumerate(chunks):
        if cut and number == 2:
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    return response
