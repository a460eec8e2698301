"""A simulator of serving endpoints of a Databricks workspace: strict about keys, and sparing with its answers.

It knows nothing of the code under test. What it answers follows from the request alone: lines `call NAME {…}` of the
last message become tool calls, results of tools are told back, any other text is echoed; `think …` is answered in parts
of reasoning and text. Endpoints named after a failure fail: see `_FAILURES`; `cut` breaks its streams off.

    async with simulator() as workspace:
        …  # workspace.url, workspace.seen
"""

import inspect
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from databricks.sdk.service.serving import ServingEndpointsAPI

TOKEN = "simulator-token"
_CALL = re.compile(r"^call (\S+)(?: (\{.*\}))?$", re.MULTILINE)
_PATH = re.compile(r"/serving-endpoints/([^/]+)/invocations")
_FAILURES = {
    "limited": (429, "REQUEST_LIMIT_EXCEEDED", "Exceeded workspace output tokens per minute rate limit"),
    "nope": (404, "RESOURCE_DOES_NOT_EXIST", "The endpoint does not exist"),
    "down": (503, "TEMPORARILY_UNAVAILABLE", "The endpoint is scaling up"),
    "denied": (403, "PERMISSION_DENIED", "User does not have permission to query the endpoint"),
}
# What databricks-sdk can send, and what is documented for chat beside it.
_KNOWN = {
    *inspect.signature(ServingEndpointsAPI.query).parameters,
    *("tools", "tool_choice", "response_format", "top_p", "stream_options", "encoding_format", "dimensions"),
} - {"self", "name", "inputs", "instances", "dataframe_records", "dataframe_split"}
_USAGE = {"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10}


@dataclass
class Seen:
    """A request as it arrived. Header names in lower case."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Simulator:
    """A running simulator. `seen` are its requests, in order, also those that it refused."""

    token: str = TOKEN
    url: str = ""
    seen: list[Seen] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":  # databricks-sdk asks what kind of host this is
            return web.json_response({})
        body = await request.json()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.raw_path, headers, body))
        found = _PATH.fullmatch(request.raw_path)
        if found is None:
            return web.Response(text="<html><title>Not Found</title></html>", content_type="text/html", status=404)
        if headers.get("authorization") != f"Bearer {self.token}":
            return _failed(401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type")
        name = unquote(found[1])
        if name in _FAILURES:
            return _failed(*_FAILURES[name])
        if "model" in body:
            return _failed(400, "INVALID_PARAMETER_VALUE", "model is not allowed for this endpoint")
        for key in body.keys() - _KNOWN:
            return _failed(400, "BAD_REQUEST", f'Bad request: json: unknown field "{key}"')
        if "input" in body:
            return _embed(body)
        if body.get("stream"):
            return await _stream(request, body, cut=name == "cut")
        if "prompt" in body:
            return web.json_response({"choices": [{"text": _text(body), "index": 0}], "usage": {"total_tokens": 10}})
        return web.json_response(_whole(body))


@asynccontextmanager
async def simulator(token: str = TOKEN) -> AsyncIterator[Simulator]:
    """Run a simulator on a port of its own."""
    running = Simulator(token)
    runner = web.ServerRunner(web.Server(running.answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    running.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield running
    finally:
        await runner.cleanup()


def _failed(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error_code": code, "message": message}, status=status)


def _text(body: dict[str, Any]) -> str:
    if "prompt" in body:
        return str(body["prompt"])
    messages: list[dict[str, Any]] = list(body["messages"])
    results: list[str] = []
    while messages[-1]["role"] == "tool":
        last = messages.pop()
        results.insert(0, f"{last['tool_call_id']} said {last['content']}")
    return "; ".join(results) or str(messages[-1]["content"])


def _calls(body: dict[str, Any]) -> list[dict[str, Any]]:
    if not body.get("tools") or body["messages"][-1]["role"] == "tool":
        return []
    return [
        {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": given or "{}"}}
        for n, (name, given) in enumerate(_CALL.findall(_text(body)))
    ]


def _whole(body: dict[str, Any]) -> dict[str, Any]:
    """Answer as the documentation's examples do: no id, no object, no time, and a role of its own."""
    text, calls = _text(body), _calls(body)
    message: dict[str, Any] = {"role": "human", "content": text}
    if calls:
        message = {"role": "assistant", "content": None, "tool_calls": calls}
    elif text.startswith("think "):
        thought = [{"type": "summary_text", "text": "Thinking of it."}]
        message["content"] = [{"type": "reasoning", "summary": thought}, {"type": "text", "text": text[6:]}]
    choice = {"message": message, "finish_reason": "tool_calls" if calls else "stop", "index": 0}
    return {"choices": [choice], "usage": {"prompt_tokens": 8, "total_tokens": 10}}


async def _stream(request: web.BaseRequest, body: dict[str, Any], *, cut: bool) -> web.StreamResponse:
    """Stream with the role and the usage in every chunk, and `{}` before the arguments of a call."""
    reply = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await reply.prepare(request)
    pieces = re.findall(r"\s*\S+", _text(body))
    if "prompt" in body:
        parts: list[dict[str, Any]] = [{"text": piece} for piece in pieces]
    elif calls := _calls(body):
        parts = []
        for index, call in enumerate(calls):
            opening = {**call, "function": {**call["function"], "arguments": "{}"}}
            fragments = [{"index": index, **opening}]
            if call["function"]["arguments"] != "{}":
                fragments.append({"index": index, "function": {"arguments": call["function"]["arguments"]}})
            parts += [{"delta": {"role": "assistant", "tool_calls": [fragment]}} for fragment in fragments]
    else:
        parts = [{"delta": {"role": "assistant", "content": piece}} for piece in pieces]
    finish = "tool_calls" if "prompt" not in body and _calls(body) else "stop"
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if last and cut:
            break
        choice = {"index": 0, **part, "finish_reason": finish if last else None}
        chunk = {"id": "d1", "object": "chat.completion.chunk", "choices": [choice], "usage": _USAGE}
        await reply.write(f"data: {json.dumps(chunk)}\n\n".encode())
    if not cut:
        await reply.write(b"data: [DONE]\n\n")
    await reply.write_eof()
    return reply


def _embed(body: dict[str, Any]) -> web.Response:
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    rows = [{"object": "embedding", "index": 0, "embedding": [float(len(text)), 0.5]} for text in inputs]
    return web.json_response({"object": "list", "data": rows, "usage": {"prompt_tokens": len(inputs)}})
