"""A simulator of Cohere's chat and embed of version 2: it checks, calls tools, streams.

It knows nothing of the code under test. Requests are checked against the types of Cohere's own client, and keys that
these do not have are refused, as the API does. What it answers follows from the request alone: lines `call NAME {…}` of
the last message become tool calls with a plan before them, results of tools are told back, `think …` is thought about,
any other text is echoed. Models named after a failure fail: see `_FAILURES`; `cut` breaks its streams off, `error` ends
them with one.

    async with simulator() as upstream:
        …  # upstream.url, upstream.seen
"""

import inspect
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cohere import types
from cohere.v2.client import V2Client
from pydantic import BaseModel, ValidationError

KEY = "simulator-key"
_CALL = re.compile(r"^call (\S+)(?: (\{.*\}))?$", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FAILURES = {
    "limited": (429, "You are past the per minute request limit, please wait and try again later."),
    "nope": (404, "model 'nope' not found, make sure the correct model ID was used"),
    "down": (503, "service unavailable"),
    "blocked": (498, "blocked input: please contact support"),
}
_CHAT = set(inspect.signature(V2Client.chat).parameters) - {"self", "request_options"} | {"stream"}
_EMBED = set(inspect.signature(V2Client.embed).parameters) - {"self", "request_options"}
_MESSAGES: Mapping[str, type[BaseModel]] = {
    "system": types.SystemChatMessageV2,
    "user": types.UserChatMessageV2,
    "assistant": types.AssistantChatMessageV2,
    "tool": types.ToolChatMessageV2,
}
_PARTS = {"text": {"type", "text"}, "image_url": {"type", "image_url"}, "document": {"type", "document"}}
_USAGE = {
    "billed_units": {"input_tokens": 4.0, "output_tokens": 3.0},
    "tokens": {"input_tokens": 7.0, "output_tokens": 3.0},
}
_MOST_TEXTS = 96


class _WrongError(ValueError):
    """What the API says of a wrong request."""


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
        if headers.get("authorization") != f"Bearer {self.key}":
            return _failed(401, "invalid api token")
        if body.get("model") in _FAILURES:
            return _failed(*_FAILURES[body["model"]])
        try:
            match request.raw_path:
                case "/v2/chat":
                    _check_chat(body)
                case "/v2/embed":
                    return _embed(body)
                case _:
                    return _failed(404, "not found")
        except _WrongError as wrong:
            return _failed(400, str(wrong))
        message, finish = _say(body)
        if body.get("stream"):
            return await _stream(request, message, finish, body["model"])
        return web.json_response({"id": "c-sim", "message": message, "finish_reason": finish, "usage": _USAGE})


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


def _failed(status: int, message: str) -> web.Response:
    return web.json_response({"id": "r-sim", "message": message}, status=status)


def _known(value: Mapping[str, Any], known: set[str]) -> None:
    for name in value.keys() - known:
        raise _WrongError(f"unknown field: parameter '{name}' is not a valid field.")


def _validated(model: type[BaseModel], value: Mapping[str, Any]) -> None:
    _known(value, {*model.model_fields, "role"})
    try:
        model.model_validate(value)
    except ValidationError as error:
        raise _WrongError(str(error.errors()[0]["msg"])) from error


def _check_chat(body: dict[str, Any]) -> None:
    _known(body, _CHAT)
    if not body.get("messages"):
        raise _WrongError("invalid request: messages is required")
    ids: set[str] = set()
    for message in body["messages"]:
        model = _MESSAGES.get(message.get("role"))
        if model is None:
            raise _WrongError("invalid type: parameter messages.role is of an unknown role")
        _validated(model, message)
        for part in message["content"] if isinstance(message.get("content"), list) else ():
            _known(part, _PARTS.get(part.get("type"), set()))
        if message.get("tool_calls") and message.get("content"):
            raise _WrongError("text content is not allowed when tool_calls are provided, use tool_plan")
        for call in message.get("tool_calls") or ():
            _validated(types.ToolCallV2, call)
            _known(call["function"], {"name", "arguments"})
            ids.add(call["id"])
        if message["role"] == "tool" and message["tool_call_id"] not in ids:
            raise _WrongError("tool_call_id is not the id of a tool call")
    for tool in body.get("tools") or ():
        _validated(types.ToolV2, tool)
        _known(tool["function"], {"name", "description", "parameters"})
        if not _NAME.fullmatch(tool["function"]["name"]) or "parameters" not in tool["function"]:
            raise _WrongError("tools: a name of letters, digits and _ and its parameters are required")
    _check_numbers(body)


def _check_numbers(body: dict[str, Any]) -> None:
    for name, low, high in (
        ("temperature", 0, 1), ("p", 0.01, 0.99), ("k", 0, 500), ("frequency_penalty", 0, 1),
        ("presence_penalty", 0, 1),
    ):  # fmt: skip
        if name in body and not low <= body[name] <= high:
            raise _WrongError(f"{name} must be between {low} and {high} inclusive")
    if len(body.get("stop_sequences") or ()) > 5:
        raise _WrongError("too many stop_sequences: at most 5")
    if body.get("tool_choice") not in (None, "REQUIRED", "NONE"):
        raise _WrongError("tool_choice must be REQUIRED or NONE")


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", f"<{part['type']}>") for part in content or ())


def _say(body: dict[str, Any]) -> tuple[dict[str, Any], str]:
    messages: list[dict[str, Any]] = list(body["messages"])
    results: list[str] = []
    while messages[-1]["role"] == "tool":
        last = messages.pop()
        results.insert(0, f"{last['tool_call_id']} said {_text(last['content'])}")
    if results:
        plan = messages[-1].get("tool_plan", "")
        return _told(f"{'; '.join(results)} ({plan})"), "COMPLETE"
    text = _text(messages[-1]["content"])
    offered = {tool["function"]["name"] for tool in body.get("tools") or ()}
    calls = [found for found in _CALL.findall(text) if found[0] in offered and body.get("tool_choice") != "NONE"]
    if calls:
        made = [
            {"id": f"{name}_{n}", "type": "function", "function": {"name": name, "arguments": given or "{}"}}
            for n, (name, given) in enumerate(calls)
        ]
        return {"role": "assistant", "tool_plan": "I will look it up.", "tool_calls": made}, "TOOL_CALL"
    words = text.removeprefix("think ").split(" ")
    limit = body.get("max_tokens", len(words))
    message = _told(" ".join(words[:limit]))
    if text.startswith("think "):
        message["content"].insert(0, {"type": "thinking", "thinking": "Let me think."})
    return message, "COMPLETE" if limit >= len(words) else "MAX_TOKENS"


def _told(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def _events(message: dict[str, Any]) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    for index, part in enumerate(message.get("content") or ()):
        kind = part["type"]
        events.append(_part("content-start", index, content={"type": kind, kind: ""}))
        events += [
            _part("content-delta", index, content={kind: piece}) for piece in re.findall(r"\s*\S+|\s+$", part[kind])
        ]
        events.append({"type": "content-end", "index": index})
    if message.get("tool_plan"):
        pieces = (message["tool_plan"][:6], message["tool_plan"][6:])
        events += [{"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}} for piece in pieces]
    for index, call in enumerate(message.get("tool_calls") or ()):
        arguments = call["function"]["arguments"]
        opening = {**call, "function": {**call["function"], "arguments": ""}}
        events.append(_part("tool-call-start", index, tool_calls=opening))
        # A call without parameters has no delta.
        for piece in (arguments[:5], arguments[5:]) if arguments != "{}" else ():
            events.append(_part("tool-call-delta", index, tool_calls={"function": {"arguments": piece}}))
        events.append({"type": "tool-call-end", "index": index})
    return events


def _part(kind: str, index: int, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


async def _stream(request: web.BaseRequest, message: dict[str, Any], finish: str, model: str) -> web.StreamResponse:
    reply = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await reply.prepare(request)
    ending: dict[str, Any] = {"finish_reason": finish, "usage": _USAGE}
    if model == "error":
        ending = {"finish_reason": "ERROR", "error": "internal error while generating"}
    events = [{"type": "message-start", "id": "c-sim", "delta": {"message": {"role": "assistant"}}}, *_events(message)]
    if model != "cut":
        events.append({"type": "message-end", "delta": ending})
    for event in events:
        await reply.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
    if model != "cut":
        await reply.write(b"data: [DONE]\n\n")
    await reply.write_eof()
    return reply


def _embed(body: dict[str, Any]) -> web.Response:
    _known(body, _EMBED)
    if "input_type" not in body:
        raise _WrongError("invalid request: valid input_type must be provided with the provided model")
    if not isinstance(body.get("embedding_types"), list):
        raise _WrongError("invalid request: embedding_types parameter is required")
    texts = body.get("texts") or []
    if len(texts) > _MOST_TEXTS:
        raise _WrongError(f"invalid request: total number of texts must be at most {_MOST_TEXTS}")
    vectors = [[float(len(text)), 0.5] for text in texts]
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": float(len(texts))}}
    told = {"id": "e-sim", "embeddings": {"float": vectors}, "texts": texts, "meta": meta}
    return web.json_response({**told, "response_type": "embeddings_by_type"})
