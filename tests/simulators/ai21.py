"""A simulator of AI21's chat completions: a real HTTP server on loopback that checks, calls tools, streams.

It knows nothing of the code under test. What it answers follows from the request alone: lines `call NAME {…}` of the
last message become tool calls, results of tools are told back, any other text is echoed. Models named after a failure
fail: see `_FAILURES`; `jamba-cut` breaks its stream off.

    async with simulator() as upstream:
        …  # upstream.url, upstream.seen
"""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from ai21.models.chat import ChatMessage, ToolDefinition
from ai21.models.chat.chat_message import AssistantMessage, SystemMessage, ToolMessage, UserMessage
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

KEY = "simulator-key"
_CALL = re.compile(r"^call (\S+)(?: (\{.*\}))?$", re.MULTILINE)
_FAILURES = {
    "jamba-limited": (429, "Too many requests"),
    "jamba-down": (503, "Service unavailable"),
    "jamba-nope": (404, "Model not found"),
}
_KNOWN = frozenset({
    "model", "messages", "max_tokens", "temperature", "top_p", "stop", "n", "stream", "tools", "documents",
    "response_format",
})  # fmt: skip
_TOOLS = TypeAdapter(list[ToolDefinition])
_MESSAGES: dict[str, type[ChatMessage]] = {
    "user": UserMessage,
    "assistant": AssistantMessage,
    "system": SystemMessage,
    "tool": ToolMessage,
}


@dataclass
class Seen:
    """A request as it arrived. Header names in lower case."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Simulator:
    """A running simulator. `seen` are its requests, in order, also those that it refused."""

    key: str = KEY
    url: str = ""
    seen: list[Seen] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.json()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.raw_path, headers, body))
        if request.raw_path != "/studio/v1/chat/completions":
            return _failed(404, "Not Found")
        if headers.get("authorization") != f"Bearer {self.key}":
            return _failed(401, "Forbidden: Bad or missing API token.")
        wrong = _check(body)
        if wrong is not None:
            return _failed(422, wrong)
        if body["model"] in _FAILURES:
            return _failed(*_FAILURES[body["model"]])
        message, finish = _say(body)
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        if body.get("stream"):
            return await _stream(request, message["content"], finish, usage, cut=body["model"] == "jamba-cut")
        choices = [
            {"index": index, "message": message, "logprobs": None, "finish_reason": finish}
            for index in range(body.get("n", 1))
        ]
        return web.json_response({"id": "chat-sim", "choices": choices, "usage": usage})


@asynccontextmanager
async def simulator(key: str = KEY) -> AsyncIterator[Simulator]:
    """Run a simulator on a port of its own."""
    running = Simulator(key)
    runner = web.ServerRunner(web.Server(running.answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    running.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield running
    finally:
        await runner.cleanup()


def _failed(status: int, detail: Any) -> web.Response:
    return web.json_response({"detail": detail}, status=status)


def _check(body: Any) -> list[dict[str, Any]] | None:
    """Return what is wrong as the API says it, or None."""
    for name in body.keys() - _KNOWN:
        return _wrong([name], "Extra inputs are not permitted")
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        return _wrong(["messages"], "Field required")
    for index, message in enumerate(body["messages"]):
        known = _MESSAGES.get(message.get("role"))
        if known is None:
            return _wrong(["messages", index, "role"], "Input should be 'user', 'assistant', 'system' or 'tool'")
        try:
            known.model_validate(message)
        except ValidationError as error:
            return _wrong(["messages", index], str(error.errors()[0]["msg"]))
    try:
        _TOOLS.validate_python(body.get("tools") or [])
    except ValidationError as error:
        return _wrong(["tools"], str(error.errors()[0]["msg"]))
    if body.get("max_tokens", 1) > 4096:
        return _wrong(["max_tokens"], "Input should be less than or equal to 4096")
    if body.get("stream") and (body.get("tools") or body.get("n", 1) > 1):
        return _wrong(["stream"], "streaming is supported neither with tools nor with several choices")
    return None


def _wrong(place: list[Any], text: str) -> list[dict[str, Any]]:
    return [{"loc": ["body", *place], "msg": text, "type": "value_error"}]


def _say(body: dict[str, Any]) -> tuple[dict[str, Any], str]:
    messages = body["messages"]
    results: list[str] = []
    while messages and messages[-1]["role"] == "tool":
        results.insert(0, f"{messages[-1]['tool_call_id']} said {messages[-1]['content']}")
        messages = messages[:-1]
    if results:
        return {"role": "assistant", "content": "; ".join(results)}, "stop"
    text = messages[-1]["content"]
    calls = _CALL.findall(text) if body.get("tools") else []
    if calls:
        made = [
            {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": given or "{}"}}
            for n, (name, given) in enumerate(calls)
        ]
        return {"role": "assistant", "content": None, "tool_calls": made}, "tool_calls"
    words = text.split(" ")
    limit = body.get("max_tokens", len(words))
    return {"role": "assistant", "content": " ".join(words[:limit])}, "stop" if limit >= len(words) else "length"


async def _stream(
    request: web.BaseRequest, text: str, finish: str, usage: dict[str, int], *, cut: bool
) -> web.StreamResponse:
    reply = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await reply.prepare(request)
    pieces = [{"role": "assistant"}, *({"content": piece} for piece in re.findall(r"\s*\S+|\s+$", text))]
    for delta in pieces:
        chunk = {"id": "chat-sim", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        await reply.write(f"data: {json.dumps(chunk)}\n\n".encode())
    if not cut:
        last = {"id": "chat-sim", "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": finish}]}
        await reply.write(f"data: {json.dumps({**last, 'usage': usage})}\n\ndata: [DONE]\n\n".encode())
    await reply.write_eof()
    return reply
