"""The upstream calls of one request: signed, sent, and sent again where a credential turned out to be out of date."""

import asyncio
import time

from xmc.plugins import Credential
from xmc.runtime.call import Call
from xmc.runtime.error_text import header_text
from xmc.runtime.generation import BoundEndpoint, BoundEntity
from xmc.runtime.stream import MAX_ANSWER_BYTES
from xmc.runtime.upstream import UpstreamReply
from xmc.schema import WireReply, WireRequest

# One request may need many calls (an input per call); so many of them run at once.
_CONCURRENT_CALLS = 8
_REFUSALS = frozenset({401, 403})
_ERROR = 400
_PASSED = ("retry-after", "retry-after-ms")
_REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id")


class Sender:
    """Signs and sends the calls of one request, and notes in its record how the upstream answered."""

    __slots__ = ("_call", "_entity", "_timeouts", "_upstream")

    def __init__(self, call: Call, endpoint: BoundEndpoint, entity: BoundEntity) -> None:
        self._call = call
        self._entity = entity
        self._timeouts = endpoint.serving.timeouts
        self._upstream = entity.upstream

    async def open(self, wire: WireRequest) -> UpstreamReply:
        """Send one call; the reply is the caller's to close."""
        holder = self._entity.credential
        signed, credential = await holder.sign(wire)
        reply = await self._upstream.send(signed, self._timeouts)
        if reply.status in _REFUSALS and await self._replaced(credential, reply):
            signed, _ = await holder.sign(wire)
            reply = await self._upstream.send(signed, self._timeouts)
        self._note(reply)
        return reply

    async def _replaced(self, credential: Credential, reply: UpstreamReply) -> bool:
        """Tell whether the call is worth sending again; then its reply is closed, as it is if the attempt is broken."""
        replaced = True
        try:
            replaced = await self._entity.credential.replace(credential, reply)
        finally:
            if replaced:
                reply.close()
        return replaced

    async def send_all(self, wires: tuple[WireRequest, ...]) -> list[WireReply]:
        """Send all calls, some at once, and return their whole replies in order.

        The first that fails ends the others: its exception is raised, or its reply returned alone.
        """
        began = time.perf_counter()
        try:
            if len(wires) == 1:
                return [await self._send(wires[0])]
            return await self._send_several(wires)
        finally:
            self._call.record.upstream_s = time.perf_counter() - began

    async def _send(self, wire: WireRequest) -> WireReply:
        reply = await self.open(wire)
        try:
            return WireReply(reply.status, reply.headers, await reply.read(MAX_ANSWER_BYTES))
        finally:
            reply.close()

    async def _send_several(self, wires: tuple[WireRequest, ...]) -> list[WireReply]:
        free = asyncio.Semaphore(_CONCURRENT_CALLS)

        async def send(wire: WireRequest) -> WireReply:
            async with free:
                return await self._send(wire)

        tasks = [asyncio.ensure_future(send(wire)) for wire in wires]
        try:
            for task in asyncio.as_completed(tasks):
                reply = await task
                if reply.status >= _ERROR:
                    return [reply]
            return [task.result() for task in tasks]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _note(self, reply: UpstreamReply) -> None:
        record, headers, secrets = self._call.record, reply.headers, self._entity.credential.secrets
        record.upstream_status = reply.status
        found = next((headers[name] for name in _REQUEST_IDS if name in headers), None)
        record.upstream_request_id = header_text(found, secrets)
        self._call.passed += tuple(
            (name, value)
            for name, value in headers.items()
            if ("ratelimit-" in name or name in _PASSED) and header_text(value, secrets) is not None
        )
