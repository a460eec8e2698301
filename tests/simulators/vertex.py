"""A simulator of Vertex AI: a real HTTP server on loopback that gives out tokens, checks them, answers and streams.

It knows nothing of the code under test. Gemini's calls are checked by `vertex_rules`, those to Claude by the rules of
Anthropic's simulator. What it answers follows from the request alone: lines `call NAME {…}` of the user's last text
become calls, results of functions are told back, any other text is echoed. Models named after a failure fail.

    async with simulator() as upstream:
        …  # upstream.url, upstream.seen, upstream.tokens
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from tests.simulators import anthropic, anthropic_rules
from tests.simulators.google_tokens import Tokens
from tests.simulators.vertex_rules import SIGNATURE, BadRequestError, camel, check_content, needs_signatures

PROJECT = "my-project"
REGION = "europe-west4"
VERSION = "vertex-2023-10-16"
DIMENSIONS = 4

_PUBLISHED = re.compile(r"/v1/projects/([^/]+)/locations/([^/]+)/publishers/([^/]+)/models/([^/:]+):(\w+)(\?.*)?")
_OPENAPI = re.compile(r"/v1/projects/([^/]+)/locations/([^/]+)/endpoints/openapi/(chat/completions|embeddings)")
_CALL = re.compile(r"^call (\S+)(?: (\{.*\}))?$", re.MULTILINE)
_BETAS = {"context-1m-2025-08-07", "interleaved-thinking-2025-05-14", "computer-use-2025-01-24"}
_FAILURES = {
    "gemini-2-denied": (403, "PERMISSION_DENIED", "Permission 'aiplatform.endpoints.predict' denied on resource"),
    "gemini-2-nope": (404, "NOT_FOUND", "Publisher Model was not found or your project does not have access to it."),
    "gemini-2-limited": (429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later."),
    "gemini-2-failed": (500, "INTERNAL", "Internal error encountered."),
    "gemini-2-down": (503, "UNAVAILABLE", "The service is currently unavailable."),
    "gemini-2-late": (504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}
HANGS = "gemini-2-hangs"
"""A model whose stream begins and never ends."""


@dataclass
class Seen:
    """A request as it arrived. `path` as it stood on the wire; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Simulator:
    """A running simulator. `at_once`: how many requests were under way together, at most; `left`: a client has."""

    url: str = ""
    tokens: Tokens = field(default_factory=Tokens)
    seen: list[Seen] = field(default_factory=list)
    at_once: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    slow_s: float = 0.0
    _now: int = 0

    @property
    def token_uri(self) -> str:
        return f"{self.url}/token"

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/token":
            return await self.tokens.answer(request)
        self._now += 1
        self.at_once = max(self.at_once, self._now)
        try:
            if self.slow_s:
                await asyncio.sleep(self.slow_s)
            return await self._answer(request)
        finally:
            self._now -= 1

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = json.loads(await request.read() or b"null")
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.raw_path, headers, body))
        if headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens.valid:
            return failed(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        published, openapi = _PUBLISHED.fullmatch(request.raw_path), _OPENAPI.fullmatch(request.raw_path)
        found = published or openapi
        if found is None or (found[1], found[2]) != (PROJECT, REGION):
            return web.Response(status=404, text="<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>")
        if published is None:
            return await _open(request, found[3], body)
        model, verb, query = unquote(published[4]), published[5], published[6] or ""
        try:
            return await self._published(request, f"{published[3]}:{verb}", model, query, headers, body)
        except (BadRequestError, anthropic_rules.BadRequestError) as error:
            if published[3] == "anthropic":
                return anthropic._error(400, "invalid_request_error", str(error))
            return failed(400, "INVALID_ARGUMENT", str(error), as_list=verb.startswith("stream"))

    async def _published(  # noqa: PLR0913, PLR0917 - what was asked for
        self, request: web.BaseRequest, what: str, model: str, query: str, headers: dict[str, str], body: Any
    ) -> web.StreamResponse:
        match what:
            case "google:generateContent" | "google:streamGenerateContent":
                return await self._generate(request, model, query, body, streams=what.endswith("streamGenerateContent"))
            case "google:predict":
                return web.json_response(_predict(model, body))
            case "google:embedContent":
                return web.json_response(_embed(model, body))
            case "anthropic:rawPredict" | "anthropic:streamRawPredict":
                return await _claude(request, model, headers, body, streams=what.endswith("streamRawPredict"))
        return failed(404, "NOT_FOUND", f"no such operation: {what}")

    async def _generate(
        self, request: web.BaseRequest, model: str, query: str, body: Any, *, streams: bool
    ) -> web.StreamResponse:
        if model in _FAILURES:
            return failed(*_FAILURES[model], as_list=streams)
        body = camel(body)
        check_content(model, body)
        answer = say(model, body)
        if not streams:
            return web.json_response(answer)
        events = list(_events(answer))
        if query != "?alt=sse":
            return web.json_response(events)
        reply = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await reply.prepare(request)
        if model == HANGS:
            try:
                while True:
                    await reply.write(_written(events[0]))
                    await asyncio.sleep(0.01)
            except (ConnectionError, asyncio.CancelledError):
                self.left.set()
                raise
        for event in events[:1] if model in {"gemini-2-breaks", "gemini-2-cut"} else events:
            await reply.write(_written(event))
        if model == "gemini-2-breaks":
            await reply.write(_written(_error(429, "RESOURCE_EXHAUSTED", "Resource exhausted.")))
        await reply.write_eof()
        return reply


@asynccontextmanager
async def simulator() -> AsyncIterator[Simulator]:
    """Run a simulator on a port of its own."""
    running = Simulator()
    runner = web.ServerRunner(web.Server(running.answer), handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    running.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield running
    finally:
        await runner.cleanup()


def failed(status: int, name: str, message: str, *, as_list: bool = False) -> web.Response:
    body = _error(status, name, message)
    return web.json_response([body] if as_list else body, status=status)


def _error(status: int, name: str, message: str) -> dict[str, Any]:
    reason = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": name,
        "domain": "aiplatform.googleapis.com",
    }
    return {"error": {"code": status, "message": message, "status": name, "details": [reason]}}


# --- Gemini ----------------------------------------------------------------------------------------------------------


def say(model: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return a whole answer."""
    head = {"modelVersion": model, "responseId": "resp-1", "createTime": "2026-11-01T10:00:00Z"}
    counted: dict[str, Any] = {"promptTokenCount": len(json.dumps(body["contents"])), "trafficType": "ON_DEMAND"}
    if model == "gemini-2-blocked":
        blocked = {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "The prompt was blocked."}
        counted["totalTokenCount"] = counted["promptTokenCount"]
        return {**head, "promptFeedback": blocked, "usageMetadata": counted}
    config = body.get("generationConfig") or {}
    candidates = []
    for index in range(config.get("candidateCount", 1)):
        candidate: dict[str, Any] = (
            {"finishReason": "SAFETY"} if model == "gemini-2-unsafe" else _candidate(model, body)
        )
        candidates.append({**candidate, **({"index": index} if index else {})})
    counted["candidatesTokenCount"] = len(json.dumps(candidates))
    thought = 11 if (config.get("thinkingConfig") or {}).get("includeThoughts") else 0
    if thought:
        counted["thoughtsTokenCount"] = thought
    counted["totalTokenCount"] = counted["promptTokenCount"] + counted["candidatesTokenCount"] + thought
    return {**head, "candidates": candidates, "usageMetadata": counted}


def _candidate(model: str, body: dict[str, Any]) -> dict[str, Any]:
    config = body.get("generationConfig") or {}
    last = body["contents"][-1]["parts"]
    results = [part["functionResponse"] for part in last if "functionResponse" in part]
    text = "\n".join(part["text"] for part in last if "text" in part)
    names = {one["name"] for tool in body.get("tools", ()) for one in tool["functionDeclarations"]}
    parts: list[dict[str, Any]] = []
    if (config.get("thinkingConfig") or {}).get("includeThoughts"):
        parts.append({"text": "Let me see … åäö.", "thought": True})
    calls = [found.groups() for found in _CALL.finditer(text) if found[1] in names]
    if calls:
        parts.append({"text": "Checking."})
        for number, (name, given) in enumerate(calls):
            call: dict[str, Any] = {"name": name, **({"args": json.loads(given)} if given else {})}
            signed = number == 0 and needs_signatures(model)
            if needs_signatures(model):
                call["id"] = f"fc-{number}"
            parts.append({"functionCall": call, **({"thoughtSignature": SIGNATURE} if signed else {})})
        return {"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}
    said = "; ".join(f"{one['name']}: {json.dumps(one['response'])}" for one in results) or f"Echo 🦌: {text}"
    if config.get("responseMimeType") == "application/json":
        said = json.dumps({"city": "Oslo"} if "responseJsonSchema" in config else {"said": said})
    words = said.split(" ")
    limit = config.get("maxOutputTokens")
    finish = "STOP" if limit is None or len(words) <= limit else "MAX_TOKENS"
    parts.append({"text": " ".join(words[:limit])})
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "finishReason": finish}
    if config.get("responseLogprobs"):
        chosen = [{"token": word, "tokenId": 1, "logProbability": -0.5} for word in words[:limit]]
        tops = [{"candidates": [one][: config.get("logprobs", 0)]} for one in chosen]
        candidate["logprobsResult"] = {"chosenCandidates": chosen, "topCandidates": tops}
    return candidate


def _events(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Tell an answer in pieces: calls whole, text in words, the end in an event of its own."""
    head = {key: answer[key] for key in ("modelVersion", "responseId", "createTime")}
    early = {**head, "usageMetadata": {"trafficType": "ON_DEMAND"}}
    ends: list[dict[str, Any]] = []
    for candidate in answer.get("candidates", ()):
        index = {"index": candidate["index"]} if "index" in candidate else {}
        for part in (candidate.get("content") or {}).get("parts", ()):
            for piece in _pieces(part):
                yield {**early, "candidates": [{**index, "content": {"role": "model", "parts": [piece]}}]}
        rest = {key: value for key, value in candidate.items() if key != "content"}
        ends.append({**rest, "content": {"role": "model", "parts": [{"text": ""}]}})
    last = {**head, "usageMetadata": answer["usageMetadata"]}
    yield {**last, "candidates": ends} if ends else {**last, "promptFeedback": answer["promptFeedback"]}


def _pieces(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "text" not in part:
        yield part
    else:
        for text in re.findall(r"\s*\S+|\s+$", part["text"]):
            yield {**part, "text": text}


def _written(event: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(event, ensure_ascii=False)}\r\n\r\n".encode()


# --- embeddings ------------------------------------------------------------------------------------------------------


def _predict(model: str, body: Any) -> dict[str, Any]:
    instances, config = body.get("instances"), body.get("parameters") or {}
    if set(body) - {"instances", "parameters"} or set(config) - {"outputDimensionality", "autoTruncate"}:
        raise BadRequestError("Invalid JSON payload received. Unknown name.")
    if not isinstance(instances, list) or not 1 <= len(instances) <= (1 if "gemini" in model else 250):
        raise BadRequestError(f"{len(instances)} instance(s) is allowed per prediction.")
    if any(set(one) - {"content", "task_type", "title"} or not one.get("content") for one in instances):
        raise BadRequestError("The text content is empty.")
    size = config.get("outputDimensionality", DIMENSIONS)
    predictions = []
    for one in instances:
        counted = {"token_count": float(len(one["content"].split())), "truncated": False}
        predictions.append({"embeddings": {"values": vector(one["content"], size), "statistics": counted}})
    return {"predictions": predictions, "metadata": {"billableCharacterCount": 1}}


def _embed(model: str, body: Any) -> dict[str, Any]:
    config = body.get("embedContentConfig") or {}
    known = {"taskType", "title", "outputDimensionality", "autoTruncate"}
    if "gemini" not in model or set(body) - {"content", "embedContentConfig"} or set(config) - known:
        raise BadRequestError("Invalid JSON payload received. Unknown name.")
    text = "".join(part["text"] for part in body["content"]["parts"])  # several become one vector
    if not text:
        raise BadRequestError("The text content is empty.")
    size = config.get("outputDimensionality", DIMENSIONS)
    count = len(text.split())
    usage = {"promptTokenCount": count, "totalTokenCount": count}
    return {"embedding": {"values": vector(text, size)}, "usageMetadata": usage, "truncated": False}


def vector(text: str, size: int) -> list[float]:
    return [len(text) / 2.0, *([0.25] * (size - 1))]


# --- Claude, and models of partners ----------------------------------------------------------------------------------


async def _claude(
    request: web.BaseRequest, model: str, headers: dict[str, str], body: Any, *, streams: bool
) -> web.StreamResponse:
    if "model" in body:
        raise anthropic_rules.BadRequestError("model: Extra inputs are not permitted")
    if body.get("anthropic_version") != VERSION:
        raise anthropic_rules.BadRequestError(f"anthropic_version: Input should be '{VERSION}'")
    if bool(body.get("stream")) is not streams:
        raise anthropic_rules.BadRequestError("stream: does not fit the method")
    betas = {name.strip() for name in headers.get("anthropic-beta", "").split(",") if name}
    if betas - _BETAS:
        raise anthropic_rules.BadRequestError(f"Unexpected value(s) `{min(betas - _BETAS)}` for `anthropic-beta`")
    rest = {key: value for key, value in body.items() if key != "anthropic_version"}
    anthropic_rules.check_request({**rest, "model": model}, "2023-06-01", betas)
    if model == "claude-nope":  # what Google itself refuses is in Google's form
        return failed(404, "NOT_FOUND", "Publisher Model `claude-nope` was not found.")
    if model == "claude-limited":
        return anthropic._error(429, "rate_limit_error", "Rate limited.")
    message = {**anthropic._message({**rest, "model": model}), "id": "msg_vrtx_01"}
    if not streams:
        return web.json_response(message)
    reply = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await reply.prepare(request)
    await reply.write(anthropic._written({"type": "ping"}))
    for event in anthropic._events(message):
        await reply.write(anthropic._written(event))
    await reply.write_eof()
    return reply


async def _open(request: web.BaseRequest, route: str, body: Any) -> web.StreamResponse:
    """Answer in OpenAI's form, with the faults that Google's has."""
    if "/" not in str(body.get("model", "")):
        return failed(400, "INVALID_ARGUMENT", "The model must be PUBLISHER/MODEL.", as_list=True)
    if route == "embeddings":
        given = [body["input"]] if isinstance(body["input"], str) else body["input"]
        rows = [
            {"object": "embedding", "index": i, "embedding": vector(one, DIMENSIONS)} for i, one in enumerate(given)
        ]
        usage = {"prompt_tokens": len(given), "total_tokens": len(given)}
        return web.json_response({"object": "list", "data": rows, "model": body["model"], "usage": usage})
    if not body.get("messages") or "prompt" in body:
        return failed(400, "INVALID_ARGUMENT", "messages is required.", as_list=True)
    head = {"id": "resp-5", "created": 1_762_000_000, "model": body["model"], "system_fingerprint": ""}
    last = body["messages"][-1]
    names = {tool["function"]["name"] for tool in body.get("tools", ())}
    calls = [found.groups() for found in _CALL.finditer(str(last["content"])) if found[1] in names]
    usage = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
    told = [one["content"] for one in body["messages"] if one["role"] == "tool"]
    text = "Results: " + "; ".join(told) if last["role"] == "tool" else f"Echo: {last['content']}"
    made = [
        {"index": i, "id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": given or "{}"}}
        for i, (name, given) in enumerate(calls)
    ]
    message: dict[str, Any] = {"role": "assistant", **({"tool_calls": made} if made else {"content": text})}
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if made else "stop"}
        return web.json_response({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
    reply = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await reply.prepare(request)
    deltas = [{"tool_calls": [one]} for one in made] or [{"content": piece} for piece in re.findall(r"\s*\S+", text)]
    for number, delta in enumerate(deltas):
        finish = "stop" if number == len(deltas) - 1 else None  # also where it calls tools
        choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish}
        chunk = {**head, "object": "chat.completion.chunk", "choices": [choice], "usage": usage}
        await reply.write(f"data: {json.dumps(chunk)}\n\n".encode())
    await reply.write(b"data: [DONE]\n\n")
    await reply.write_eof()
    return reply
