"""The made-up server of the example plugin: it checks signatures, answers, streams lines, and makes vectors.

It knows nothing of the plugin; what it does is what the plugin's README says of its API.
"""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

_LATE_S = 60


@dataclass
class Box:
    """A running server. `seen` are the bodies of its calls."""

    secret: bytes
    url: str = ""
    seen: list[Any] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = await request.read()
        sent_at = request.headers.get("X-Box-Time", "0")
        wanted = hmac.new(self.secret, f"{sent_at}\n".encode() + raw, hashlib.sha256).hexdigest()
        fresh = abs(time.time() - int(sent_at)) < _LATE_S
        if (
            not fresh
            or request.headers.get("X-Box-Signature") != wanted
            or request.headers.get("X-Box-Key") != "reader"
        ):
            return web.json_response({"problem": "wrong signature"}, status=401)
        body = json.loads(raw)
        self.seen.append(body)
        if request.path == "/vector":
            words = body["text"].split()
            return web.json_response({"vector": [float(len(word)) for word in words], "words": len(words)})
        words = f"You asked: {body['question']}".split()
        kept = words[: body.get("limit", len(words))]
        end = {"cut": len(kept) < len(words), "words": {"read": 3, "written": len(kept)}}
        if not body["stream"]:
            return web.json_response({"answer": " ".join(kept), **end})
        reply = web.StreamResponse(headers={"Content-Type": "application/x-answer-box-lines"})
        await reply.prepare(request)
        for number, word in enumerate(kept):
            await reply.write(json.dumps({"piece": word if number == 0 else f" {word}"}).encode() + b"\n")
        await reply.write(json.dumps({"end": end}).encode() + b"\n")
        await reply.write_eof()
        return reply


@asynccontextmanager
async def simulator(secret: bytes) -> AsyncIterator[Box]:
    """Run a server on a port of its own."""
    running = Box(secret)
    runner = web.ServerRunner(web.Server(running.answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    running.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield running
    finally:
        await runner.cleanup()
