"""A simulator of Azure OpenAI and of Entra ID's token endpoint: a real HTTP server on loopback, with Azure's oddities.

It knows nothing of the code under test. Requests are checked against the types of OpenAI's own client. What it answers
follows from the request alone: lines `call NAME {…}` of the last message become tool calls, results of tools are told
back, the word `forbidden` is filtered, any other text is echoed. Deployments named after a failure fail: see
`_FAILURES`; the deployment `cut` breaks its streams off.

    async with simulator() as upstream:
        …  # upstream.url, upstream.seen, upstream.tokens
"""

import base64
import json
import re
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from aiohttp import web
from openai.types import completion_create_params, embedding_create_params
from openai.types.chat import completion_create_params as chat_create_params
from pydantic import TypeAdapter, ValidationError

KEY = "simulator-key"
TENANT, CLIENT, SECRET = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222", "s3cret+/="
SCOPE = "https://cognitiveservices.azure.com/.default"
MODEL = "gpt-4o-2024-08-06"

_CALL = re.compile(r"^call (\S+)(?: (\{.*\}))?$", re.MULTILINE)
_PATH = re.compile(r"/openai/(?:deployments/([^/]+)|v1)/(chat/completions|completions|embeddings)")
_PARAMS: dict[str, tuple[Any, ...]] = {
    "chat/completions": (
        chat_create_params.CompletionCreateParamsNonStreaming,
        chat_create_params.CompletionCreateParamsStreaming,
    ),
    "completions": (
        completion_create_params.CompletionCreateParamsNonStreaming,
        completion_create_params.CompletionCreateParamsStreaming,
    ),
    "embeddings": (embedding_create_params.EmbeddingCreateParams,) * 2,
}
_CHECKS = {route: tuple(map(TypeAdapter, kinds)) for route, kinds in _PARAMS.items()}
_FAILURES = {
    "limited": (429, "429", "Requests have exceeded call rate limit. Please retry after 7 seconds."),
    "nope": (404, "DeploymentNotFound", "The API deployment for this resource does not exist."),
    "down": (503, "ServiceUnavailable", "The service is overloaded."),
}
_SAFE = {kind: {"filtered": False, "severity": "safe"} for kind in ("hate", "self_harm", "sexual", "violence")}
_USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
_HEAD = {"id": "chatcmpl-sim", "created": 1_763_800_000, "model": MODEL, "system_fingerprint": "fp_sim"}
_NO_HEAD = {"id": "", "object": "", "created": 0, "model": ""}


@dataclass
class Seen:
    """A request as it arrived. Header names in lower case."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Simulator:
    """A running simulator. `seen` are the requests for models, `forms` those for tokens, in order.

    `token_failures` are answered, first to last, before any token is given; `valid` are the tokens that models take.
    """

    key: str = KEY
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    token_failures: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    secret: str = SECRET

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        parts = urlsplit(request.raw_path)
        if parts.path == f"/{TENANT}/oauth2/v2.0/token":
            return self._token(await request.read(), request.headers.get("content-type", ""))
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.json()
        self.seen.append(Seen(request.raw_path, headers, body))
        found = _PATH.fullmatch(parts.path)
        version = parse_qs(parts.query).get("api-version", [""])[0]
        if found is None or (found[1] is not None and not re.fullmatch(r"\d{4}-\d{2}-\d{2}(-preview)?", version)):
            return _failed(404, "404", "Resource not found")
        if not self._may(headers):
            return _failed(401, "401", "Access denied due to invalid subscription key or wrong API endpoint.")
        deployment = unquote(found[1]) if found[1] is not None else body.get("model", "")
        wrong = _check(found[2], body, version)
        if wrong is not None:
            return _failed(400, None, wrong)
        if deployment in _FAILURES:
            return _failed(*_FAILURES[deployment])
        if found[2] == "embeddings":
            return _embed(body)
        return await _say(request, found[2], body, cut=deployment == "cut")

    def _may(self, headers: dict[str, str]) -> bool:
        if "api-key" in headers:
            return headers["api-key"] == self.key
        return headers.get("authorization", "").removeprefix("Bearer ") in self.valid

    def _token(self, raw: bytes, content_type: str) -> web.Response:
        form = parse_qs(raw.decode(), strict_parsing=True)
        self.forms.append(form)
        self.bodies.append(raw)
        if self.token_failures:
            status, body = self.token_failures.pop(0)
            return web.json_response(body, status=status)
        expected = {"grant_type": "client_credentials", "client_id": CLIENT, "scope": SCOPE}
        for name, value in expected.items():
            if form.get(name) != [value] or not content_type.startswith("application/x-www-form-urlencoded"):
                return _no_token(400, "invalid_request", 900144, f"The request body must contain: '{name}'.")
        if form.get("client_secret") != [self.secret]:
            return _no_token(401, "invalid_client", 7000215, f"Invalid client secret provided for app '{CLIENT}'.")
        token = f"token.{len(self.forms)}"
        self.valid.add(token)
        return web.json_response(
            {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token}
        )


@asynccontextmanager
async def simulator(key: str = KEY, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Simulator]:
    """Run a simulator on a port of its own."""
    running = Simulator(key)
    runner = web.ServerRunner(web.Server(running.answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    running.url = f"{'https://localhost' if tls else 'http://127.0.0.1'}:{runner.addresses[0][1]}"
    try:
        yield running
    finally:
        await runner.cleanup()


def _failed(status: int, code: str | None, message: str, **more: Any) -> web.Response:
    headers = {"retry-after": "7"} if status == 429 else {}
    headers["apim-request-id"] = "req-sim"
    return web.json_response({"error": {"code": code, "message": message, **more}}, status=status, headers=headers)


def _no_token(status: int, error: str, code: int, text: str) -> web.Response:
    told = {"error_description": f"AADSTS{code}: {text}", "error_codes": [code], "correlation_id": "c0ffee"}
    return web.json_response({"error": error, **told}, status=status)


def _check(route: str, body: dict[str, Any], version: str) -> str | None:
    """Return what is wrong as Azure says it, or None."""
    streams = bool(body.get("stream"))
    known = _PARAMS[route][streams].__annotations__
    for name in body:
        if name not in known or (name == "stream_options" and version and version < "2024-09-01"):
            return f"Unrecognized request argument supplied: {name}"
    try:
        _CHECKS[route][streams].validate_python(body)
    except ValidationError as error:
        return str(error.errors()[0]["msg"])
    return None


async def _say(request: web.BaseRequest, route: str, body: dict[str, Any], *, cut: bool) -> web.StreamResponse:
    messages = body.get("messages") or [{"role": "user", "content": body.get("prompt", "")}]
    text, calls = _reply(messages, body)
    if "forbidden" in text:
        filtered = {**_SAFE, "violence": {"filtered": True, "severity": "medium"}}
        inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": filtered}
        message = "The prompt was filtered by the content management policy."
        return _failed(400, "content_filter", message, type=None, param="prompt", innererror=inner)
    words = text.split(" ")
    limit = body.get("max_tokens", body.get("max_completion_tokens", len(words)))
    finish = "tool_calls" if calls else "stop" if limit >= len(words) else "length"
    text = " ".join(words[:limit])
    if body.get("stream"):
        return await _stream(request, route, body, (text, calls, finish), cut=cut)
    said: dict[str, Any] = {"index": 0, "finish_reason": finish, "logprobs": None, "content_filter_results": _SAFE}
    if route == "completions":
        said["text"] = text
    elif calls:
        said["message"] = {"role": "assistant", "content": None, "refusal": None, "tool_calls": calls}
    else:
        said["message"] = {"role": "assistant", "content": text, "refusal": None}
    kind = "text_completion" if route == "completions" else "chat.completion"
    prompt = [{"prompt_index": 0, "content_filter_results": _SAFE}]
    answer = {**_HEAD, "object": kind, "choices": [said], "usage": _USAGE, "prompt_filter_results": prompt}
    return web.json_response(answer, headers={"apim-request-id": "req-sim"})


def _reply(messages: list[dict[str, Any]], body: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    results: list[str] = []
    while messages[-1]["role"] == "tool":
        results.insert(0, f"{messages[-1]['tool_call_id']} said {messages[-1]['content']}")
        messages = messages[:-1]
    if results:
        return "; ".join(results), []
    text = messages[-1]["content"]
    found = _CALL.findall(text) if body.get("tools") else []
    made = [
        {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": given or "{}"}}
        for n, (name, given) in enumerate(found)
    ]
    return ("", made) if made else (text, [])


async def _stream(
    request: web.BaseRequest, route: str, body: dict[str, Any], said: tuple[str, list[Any], str], *, cut: bool
) -> web.StreamResponse:
    """Stream as Azure does: first a chunk without choices or head, and filter results after the finish."""
    text, calls, finish = said
    reply = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await reply.prepare(request)
    prompt = [{"prompt_index": 0, "content_filter_results": _SAFE}]
    chunks: list[dict[str, Any]] = [{**_NO_HEAD, "choices": [], "prompt_filter_results": prompt}]
    kind = "text_completion" if route == "completions" else "chat.completion.chunk"
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None if calls else "", "refusal": None}]
    for index, call in enumerate(calls):
        arguments = call["function"]["arguments"]
        head = {**call, "function": {**call["function"], "arguments": ""}}
        deltas.append({"tool_calls": [{"index": index, **head}]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in (arguments[:5], arguments[5:])
            if piece
        ]
    deltas += [{"content": piece} for piece in re.findall(r"\s*\S+|\s+$", text)]
    for delta in deltas:
        part: dict[str, Any] = {"index": 0, "finish_reason": None, "logprobs": None, "content_filter_results": {}}
        part |= {"text": delta.get("content") or ""} if route == "completions" else {"delta": delta}
        chunks.append({**_HEAD, "object": kind, "choices": [part]})
    if not cut:
        nothing: dict[str, Any] = {"text": ""} if route == "completions" else {"delta": {}}
        end = {"index": 0, "finish_reason": finish, "logprobs": None, **nothing}
        chunks.append({**_HEAD, "object": kind, "choices": [end]})
        offsets = {"check_offset": 44, "start_offset": 44, "end_offset": 48}
        late = {"index": 0, "finish_reason": None, "content_filter_results": _SAFE, "content_filter_offsets": offsets}
        chunks.append({**_NO_HEAD, "choices": [late]})
        if (body.get("stream_options") or {}).get("include_usage"):
            chunks.append({**_HEAD, "object": kind, "choices": [], "usage": _USAGE})
    for chunk in chunks:
        await reply.write(f"data: {json.dumps(chunk)}\n\n".encode())
    if not cut:
        await reply.write(b"data: [DONE]\n\n")
    await reply.write_eof()
    return reply


def _embed(body: dict[str, Any]) -> web.Response:
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    rows = []
    for index, text in enumerate(inputs):
        numbers = [float(len(text)), float(index), 0.5]
        packed = base64.b64encode(struct.pack("<3f", *numbers)).decode()
        shown = packed if body.get("encoding_format") == "base64" else numbers
        rows.append({"object": "embedding", "index": index, "embedding": shown})
    usage = {"prompt_tokens": len(inputs), "total_tokens": len(inputs)}
    return web.json_response({"object": "list", "model": "text-embedding-3-small", "data": rows, "usage": usage})
