"""A simulator of Amazon Bedrock's runtime: a real HTTP server on loopback that checks signatures and shapes.

It knows nothing of the code under test. Signatures are computed anew by botocore from what arrived, bodies are checked
against botocore's service model and the rules of `bedrock_rules`. What it answers follows from the request alone: lines
`call NAME {…}` of the user's last text become tool calls, results of tools are told back, any other text is echoed.
Models named after a failure fail: see `_FAILURES` and `_BREAKS`.

    async with simulator() as upstream:
        …  # upstream.url, upstream.seen
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from tests import event_streams
from tests.simulators.bedrock_rules import BadRequestError, check_converse, check_signature

ACCESS_KEY, SECRET_KEY, API_KEY = "AKIDSIMULATOR", "secret-of-the-simulator", "api-key-of-the-simulator"
EXPIRED_TOKEN = "token-that-ran-out"
DIMENSIONS = 4

_PATH = re.compile(r"/model/([^/]+)/(converse|converse-stream|invoke)")
_CALL = re.compile(r"^call (\S+)(?: (\{.*\}))?$", re.MULTILINE)
_FAILURES = {
    "test.denied": (403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
    "test.throttled": (429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "test.not-ready": (429, "ModelNotReadyException", "The model is not ready for inference."),
    "test.timeout": (408, "ModelTimeoutException", "The model took too long."),
    "test.quota": (400, "ServiceQuotaExceededException", "Your request exceeds the service quota."),
    "test.missing": (404, "ResourceNotFoundException", "The model was not found."),
    "test.model-error": (424, "ModelErrorException", "The model failed."),
    "test.down": (503, "ServiceUnavailableException", "The service is unavailable."),
}
# Models whose streams break after the first words, and what breaks them.
_BREAKS = {
    "test.breaks-throttling": event_streams.event("throttlingException", {"message": "Slow down."}, sort="exception"),
    "test.breaks-validation": event_streams.event("validationException", {"message": "Too long."}, sort="exception"),
    "test.breaks-model": event_streams.event(
        "modelStreamErrorException",
        {"message": "The model broke.", "originalStatusCode": 500, "originalMessage": "boom"},
        sort="exception",
    ),
    "test.breaks-server": event_streams.event("internalServerException", {"message": "Broken."}, sort="exception"),
    "test.breaks-down": event_streams.event("serviceUnavailableException", {"message": "Gone."}, sort="exception"),
    "test.breaks-error": event_streams.failure("InternalError", "An internal error occurred."),
    "test.breaks-checksum": event_streams.event("contentBlockStop", {"contentBlockIndex": 0})[:-1] + b"!",
    "test.breaks-cut": event_streams.event("contentBlockStop", {"contentBlockIndex": 0})[:-5],
}
HANGS = "test.hangs"
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
    seen: list[Seen] = field(default_factory=list)
    at_once: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    slow_s: float = 0.0
    _now: int = 0

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self._now += 1
        self.at_once = max(self.at_once, self._now)
        try:
            if self.slow_s:
                await asyncio.sleep(self.slow_s)
            return await self._answer(request)
        finally:
            self._now -= 1

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        data = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.raw_path, headers, json.loads(data or b"null")))
        matched = _PATH.fullmatch(request.raw_path)
        if matched is None:
            return _failed(404, "UnknownOperationException", "no such operation")
        model, operation = unquote(matched[1]), matched[2]
        refused = self._refuse(request, headers, data)
        if refused is not None:
            return refused
        if model in _FAILURES:
            return _failed(*_FAILURES[model])
        try:
            if operation == "invoke":
                return _embed(model, json.loads(data))
            body = check_converse(model, json.loads(data))
        except BadRequestError as error:
            return _failed(400, "ValidationException", str(error))
        blocks, stop = _say(body)
        if operation == "converse":
            message = {"role": "assistant", "content": blocks}
            answer = {"output": {"message": message}, "stopReason": stop, "usage": _usage(body, blocks)}
            return web.json_response({**answer, "metrics": {"latencyMs": 1}}, headers={"x-amzn-RequestId": "sim-1"})
        return await self._stream(request, model, blocks, stop, _usage(body, blocks))

    def _refuse(self, request: web.BaseRequest, headers: dict[str, str], data: bytes) -> web.Response | None:
        authorization = headers.get("authorization", "")
        if authorization.startswith("Bearer "):
            if authorization == f"Bearer {API_KEY}" and "x-amz-date" not in headers:
                return None
            return _failed(
                403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid."
            )
        if headers.get("x-amz-security-token") == EXPIRED_TOKEN:
            return _failed(403, "ExpiredTokenException", "The security token included in the request is expired")
        wrong = check_signature(
            request.method, f"http://{headers['host']}{request.raw_path}", headers, data, ACCESS_KEY, SECRET_KEY
        )
        return None if wrong is None else _failed(403, *wrong)

    async def _stream(
        self, request: web.BaseRequest, model: str, blocks: list[dict[str, Any]], stop: str, usage: dict[str, int]
    ) -> web.StreamResponse:
        reply = web.StreamResponse(headers={
            "Content-Type": "application/vnd.amazon.eventstream", "x-amzn-RequestId": "sim-1",
        })  # fmt: skip
        await reply.prepare(request)
        frames = list(_frames(blocks, stop, usage))
        if model in _BREAKS:
            await reply.write(b"".join(frames[:2]) + _BREAKS[model])
        elif model == HANGS:
            try:
                while True:
                    await reply.write(frames[1])
                    await asyncio.sleep(0.01)
            except (ConnectionError, asyncio.CancelledError):
                self.left.set()
                raise
        else:
            for frame in frames:
                await reply.write(frame)
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


def _failed(status: int, kind: str, message: str) -> web.Response:
    headers = {"x-amzn-ErrorType": f"{kind}:http://internal.amazon.com/coral/", "x-amzn-RequestId": "sim-1"}
    return web.json_response({"message": message}, status=status, headers=headers)


def _say(body: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Return the blocks of the answer and its stop reason."""
    last = body["messages"][-1]["content"]
    results = [block["toolResult"] for block in last if "toolResult" in block]
    text = "\n".join(block["text"] for block in last if "text" in block)
    fields = body.get("additionalModelRequestFields") or {}
    blocks: list[dict[str, Any]] = []
    if "thinking" in fields and fields["thinking"].get("type") != "disabled":
        blocks.append({"reasoningContent": {"reasoningText": {"text": "Let me see.", "signature": "c2lnbmVk"}}})
    calls = _CALL.findall(text)
    if calls:
        uses = [
            {"toolUseId": f"tooluse_{number}", "name": name, "input": json.loads(given or "{}")}
            for number, (name, given) in enumerate(calls)
        ]
        return [*blocks, {"text": "Calling."}, *({"toolUse": use} for use in uses)], "tool_use"
    said = "; ".join(_told(result) for result in results) or text
    limit = (body.get("inferenceConfig") or {}).get("maxTokens")
    words = said.split(" ")
    if limit is not None and len(words) > limit:
        return [*blocks, {"text": " ".join(words[:limit])}], "max_tokens"
    return [*blocks, {"text": said}], "end_turn"


def _told(result: dict[str, Any]) -> str:
    parts = [part.get("text") or json.dumps(part.get("json")) for part in result["content"]]
    return f"{result['toolUseId']} said {' '.join(parts)}"


def _usage(body: dict[str, Any], blocks: list[dict[str, Any]]) -> dict[str, int]:
    given, said = len(json.dumps(body["messages"])) // 4, len(json.dumps(blocks)) // 4
    return {"inputTokens": given, "outputTokens": said, "totalTokens": given + said}


def _frames(blocks: list[dict[str, Any]], stop: str, usage: dict[str, int]) -> list[bytes]:
    frames = [event_streams.event("messageStart", {"role": "assistant", "p": "abcd"})]
    for index, block in enumerate(blocks):
        where = {"contentBlockIndex": index}
        deltas: list[dict[str, Any]]
        if "toolUse" in block:
            use = {key: block["toolUse"][key] for key in ("toolUseId", "name")}
            frames.append(event_streams.event("contentBlockStart", {**where, "start": {"toolUse": use}}))
            given = json.dumps(block["toolUse"]["input"]) if block["toolUse"]["input"] else ""
            deltas = [{"toolUse": {"input": given[at : at + 5]}} for at in range(0, len(given), 5)]
        elif "text" in block:
            deltas = [{"text": piece} for piece in re.findall(r"\s*\S+|\s+$", block["text"])]
        else:
            told = block["reasoningContent"]["reasoningText"]
            deltas = [{"reasoningContent": {key: told[key]}} for key in ("text", "signature")]
        frames += [event_streams.event("contentBlockDelta", {**where, "delta": delta, "p": "ab"}) for delta in deltas]
        frames.append(event_streams.event("contentBlockStop", where))
    frames.append(event_streams.event("messageStop", {"stopReason": stop}))
    return [*frames, event_streams.event("metadata", {"usage": usage, "metrics": {"latencyMs": 1}})]


def _embed(model: str, body: dict[str, Any]) -> web.Response:
    """Answer as Titan or Cohere do: a vector follows from the length of its text."""
    if "titan" in model:
        text = body.get("inputText")
        known = {"inputText", "dimensions", "normalize", "embeddingTypes"} if "v1" not in model else {"inputText"}
        if not isinstance(text, str) or not text.strip() or body.keys() - known:
            raise BadRequestError("Malformed input request, please reformat your input and try again.")
        size = body.get("dimensions", DIMENSIONS)
        return _embedded({"embedding": _vector(text, size), "inputTextTokenCount": len(text.split())})
    texts = body.get("texts")
    if not isinstance(texts, list) or not 1 <= len(texts) <= 96 or "input_type" not in body:
        raise BadRequestError("Malformed input request: texts and input_type are required, at most 96 texts")
    vectors = [_vector(text, body.get("output_dimension", DIMENSIONS)) for text in texts]
    found: Any = {"float": vectors} if "embedding_types" in body else vectors
    kind = "embeddings_by_type" if "embedding_types" in body else "embeddings_floats"
    tokens = sum(len(text.split()) for text in texts)
    return _embedded({"id": "e-1", "response_type": kind, "embeddings": found, "texts": texts}, tokens)


def _embedded(body: dict[str, Any], tokens: int | None = None) -> web.Response:
    headers = {"x-amzn-RequestId": "sim-1"}
    if tokens is not None:
        headers["X-Amzn-Bedrock-Input-Token-Count"] = str(tokens)
    return web.json_response(body, headers=headers)


def _vector(text: str, size: int) -> list[float]:
    return [len(text) / 2.0, *([0.25] * (size - 1))]
