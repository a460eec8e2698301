"""The yardstick: a pass-through as aiohttp's documentation has it, on uvloop. No JSON, no auth, no log.

usage: bare_aiohttp.py PORT UPSTREAM_BASE
"""

import sys
from collections.abc import AsyncIterator

import aiohttp
import uvloop
from aiohttp import web

SESSION = web.AppKey("session", aiohttp.ClientSession)
UPSTREAM = web.AppKey("upstream", str)
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer not-a-key"}


async def relay(request: web.Request) -> web.StreamResponse:
    body = await request.read()
    url = request.app[UPSTREAM] + request.path
    async with request.app[SESSION].post(url, data=body, headers=HEADERS) as reply:
        media_type = reply.headers.get("Content-Type", "application/json")
        headers = {"Content-Type": media_type}
        if not media_type.startswith("text/event-stream"):
            return web.Response(body=await reply.read(), status=reply.status, headers=headers)
        answer = web.StreamResponse(status=reply.status, headers=headers)
        await answer.prepare(request)
        async for part in reply.content.iter_any():
            await answer.write(part)
        await answer.write_eof()
        return answer


async def hold_session(app: web.Application) -> AsyncIterator[None]:
    app[SESSION] = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=300),
    )
    yield
    await app[SESSION].close()


def main(port: int, upstream: str) -> None:
    app = web.Application(client_max_size=32 << 20)
    app[UPSTREAM] = upstream
    app.router.add_post("/{path:.*}", relay)
    app.cleanup_ctx.append(hold_session)
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, loop=uvloop.new_event_loop())


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
