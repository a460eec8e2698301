"""A simulator of Anthropic's Messages API: a real HTTP server on loopback that checks, thinks, calls tools, streams.

It knows nothing of the code under test. What it answers follows from the request alone: lines `call NAME {…}` of the
user's last text become tool calls, results of tools are told back, any other text is echoed. Models named after a
failure fail: `claude-overloaded`, `claude-limited`, `claude-broken` (an error within the stream), `claude-cut` (the
stream ends early), `claude-refuse`.

    async with simulator() as upstream:
        …  # upstream.url, upstream.seen
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from tests.simulators.anthropic_rules import BadRequestError, check_request, sign

KEY = "simulator-key"
BREAKS_AT = 3
"""The number of the event before which streams of the broken models break, from 0."""

_CALL = re.compile(r"^call (\S+)(?: (\{.*\}))?$", re.MULTILINE)
_VERSIONS = {"2023-06-01", "2026-10-21"}
_FAILURES = {
    "claude-overloaded": (529, "overloaded_error", "Overloaded"),
    "claude-limited": (429, "rate_limit_error", "Number of request tokens has exceeded your rate limit"),
    "claude-nope": (404, "not_found_error", "model: claude-nope"),
}


@dataclass
class Seen:
    """A request as it arrived. Header names in lower case."""

    headers: dict[str, str]
    body: Any


@dataclass
class Simulator:
    """A running simulator. `seen` are its requests, in order, also those that it refused."""

    key: str = KEY
    url: str = ""
    seen: list[Seen] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(headers, body))
        if self.key not in {headers.get("x-api-key"), headers.get("authorization", "").removeprefix("Bearer ")}:
            return _error(401, "authentication_error", "invalid x-api-key")
        if headers.get("anthropic-version") not in _VERSIONS:
            return _error(400, "invalid_request_error", "anthropic-version: header is required")
        betas = {name.strip() for name in headers.get("anthropic-beta", "").split(",") if name}
        try:
            check_request(body, headers["anthropic-version"], betas)
        except BadRequestError as error:
            return _error(400, "invalid_request_error", str(error))
        if body["model"] in _FAILURES:
            return _error(*_FAILURES[body["model"]])
        message = _message(body)
        if not body.get("stream"):
            return web.json_response(message, headers={"request-id": "req_sim"})
        return await _stream(request, message)


@asynccontextmanager
async def simulator(key: str = KEY) -> AsyncIterator[Simulator]:
    """Run a simulator that wants this key, on a free port."""
    running = Simulator(key)
    app = web.Application()
    app.router.add_post("/v1/messages", running.answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        running.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield running
    finally:
        await runner.cleanup()


def _error(status: int, kind: str, text: str) -> web.Response:
    body = {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_sim"}
    return web.json_response(body, status=status, headers={"request-id": "req_sim", "retry-after": "7"})


# --- what it says ----------------------------------------------------------------------------------------------------


def _message(body: dict[str, Any]) -> dict[str, Any]:
    last = body["messages"][-1]["content"]
    blocks = [{"type": "text", "text": last}] if isinstance(last, str) else last
    content, stop = _content(body, blocks)
    details = {"type": "refusal", "category": "bio", "explanation": "I will not."} if stop == "refusal" else None
    marked = json.dumps(body).count('"cache_control"')
    produced = len(json.dumps(content))
    usage = {
        "input_tokens": len(json.dumps(body["messages"])),
        "cache_creation_input_tokens": 10 * marked,
        "cache_read_input_tokens": 100 * marked,
        "output_tokens": produced,
        "output_tokens_details": {"thinking_tokens": produced // 2},
        "service_tier": "standard",
    }
    return {
        "id": f"msg_{produced}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "stop_details": details,
        "usage": usage,
    }


def _content(body: dict[str, Any], blocks: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    if body["model"] == "claude-refuse":
        return [], "refusal"
    results = [block for block in blocks if block["type"] == "tool_result"]
    text = "\n".join(block["text"] for block in blocks if block["type"] == "text")
    names = {tool.get("name") for tool in body.get("tools", ())}
    calls = [match.groups() for match in _CALL.finditer(text) if match[1] in names] if not results else []
    content: list[dict[str, Any]] = []
    if body.get("thinking", {}).get("type") in {"enabled", "adaptive"}:
        thought = f"There are {len(calls)} calls to make … åäö."
        content.append({"type": "thinking", "thinking": thought, "signature": sign(thought)})
        content.append({"type": "redacted_thinking", "data": "b3BhcXVl"})
    if results:
        told = "; ".join(f"{'!' * one.get('is_error', False)}{_plain(one.get('content'))}" for one in results)
        return [
            *content,
            {"type": "text", "text": f"Results: {told} "},
            {"type": "text", "text": "… klart."},
        ], "end_turn"
    if not calls:
        return [*content, {"type": "text", "text": f"Echo 🦌: {text}"}], "end_turn"
    content.append({"type": "text", "text": "Checking."})
    for number, (name, arguments) in enumerate(calls):
        call = {"id": f"toolu_{number}", "name": name, "input": json.loads(arguments or "{}")}
        content.append({"type": "tool_use", **call})
    return content, "tool_use"


def _plain(content: Any) -> str:
    if isinstance(content, list):
        return "+".join(block.get("text", block["type"]) for block in content)
    return content or "nothing"


# --- how it streams --------------------------------------------------------------------------------------------------


async def _stream(request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream", "request-id": "req_sim"})
    await response.prepare(request)
    for number, event in enumerate(_events(message)):
        if number == BREAKS_AT and message["model"] in {"claude-broken", "claude-cut"}:
            if message["model"] == "claude-broken":
                error = {"type": "overloaded_error", "message": "Overloaded"}
                await response.write(_written({"type": "error", "error": error}))
            break
        await response.write(_written(event))
        await asyncio.sleep(0)
    await response.write_eof()
    return response


def _written(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def _events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    usage = message["usage"]
    early = {**usage, "output_tokens": 1, "output_tokens_details": None}
    begun = {**message, "content": [], "stop_reason": None, "stop_details": None, "usage": early}
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(message["content"]):
        yield {"type": "content_block_start", "index": index, "content_block": _opened(block)}
        yield {"type": "ping"}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ending = {key: message[key] for key in ("stop_reason", "stop_sequence", "stop_details")}
    counts = {key: usage[key] for key in ("output_tokens", "output_tokens_details")}
    yield {"type": "message_delta", "delta": ending, "usage": counts}
    yield {"type": "message_stop"}


def _opened(block: dict[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {key: empty.get(key, value) for key, value in block.items()}


def _deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "text":
            yield from ({"type": "text_delta", "text": piece} for piece in _pieces(block["text"]))
        case "thinking":
            yield from ({"type": "thinking_delta", "thinking": piece} for piece in _pieces(block["thinking"]))
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "tool_use":
            yield {"type": "input_json_delta", "partial_json": ""}
            text = json.dumps(block["input"]) if block["input"] else ""
            yield from ({"type": "input_json_delta", "partial_json": piece} for piece in _pieces(text))


def _pieces(text: str, size: int = 5) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))
