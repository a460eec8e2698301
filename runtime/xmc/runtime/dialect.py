"""How the clients of a family of paths speak: what their requests hold, how answers, streams and errors are written.

Everything that depends on the path a request came by is a member of its dialect; the rest of the runtime only asks.
`DATABRICKS` and `OPENAI` are the canonical form with two ways to write errors. In any other dialect request and answer
pass as they are, to and from a target that takes it (`Target.dialects`): nothing goes through the canonical form.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from xmc.plugins import FrameReader, Framing
from xmc.runtime import messages
from xmc.runtime.error_table import BAD_GATEWAY, INTERNAL
from xmc.runtime.errors import GatewayError
from xmc.runtime.relay import DONE, NormaliseRelay, Progress, ScanRelay, StreamRelay
from xmc.runtime.relay_exact import ExactRelay
from xmc.runtime.relay_messages import MessagesRelay
from xmc.runtime.replay import replay
from xmc.runtime.request_body import canonical_request, check_body
from xmc.schema import CANONICAL, JsonObject, Relay, StreamDecoder, Task

_SSE = "text/event-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One dialect.

    `name` is what targets and adapters know it by. `use` is how a client reaches it, for messages. `id_headers` carry
    the request's id. `bad_gateway` is the status of an upstream that failed to be one, `kept` are statuses of upstreams
    that are passed on although the error table has another one.
    `check` raises `InvalidRequestError` for a body that is no request of the task, and `request` gives what adapters
    see of it. `usage` reads (prompt, completion) tokens from a whole answer. `replay` writes a whole answer as a stream
    without its end, and `ending` is the end of a complete stream, where the upstream's own is not kept.
    """

    name: str
    use: str
    error_body: Callable[[GatewayError, int, str], dict[str, Any]]
    error_event: Callable[[GatewayError, int, str], bytes]
    check: Callable[[Mapping[str, Any], Task], None]
    request: Callable[[dict[str, Any]], dict[str, Any]]
    usage: Callable[[Mapping[str, Any]], tuple[int | None, int | None]]
    make_relay: Callable[[Framing, Relay, Callable[[], StreamDecoder], Progress], StreamRelay]
    replay: Callable[[JsonObject, Task, Progress], bytes]
    ending: bytes
    id_headers: tuple[str, ...] = ("x-request-id",)
    bad_gateway: int = BAD_GATEWAY
    kept: frozenset[int] = frozenset()

    def status_of(self, error: GatewayError) -> int:
        """Return the HTTP status of an error."""
        if error.upstream_status in self.kept:
            return error.upstream_status or error.status
        return self.bad_gateway if error.status == BAD_GATEWAY else error.status


def _plain_error(error: GatewayError, status: int, request_id: str) -> dict[str, Any]:  # noqa: ARG001 - as all dialects
    """There must be no `error` key: the databricks-sdk would show it in place of the message."""
    return {"error_code": error.error_code, "message": error.message}


def _openai_error(error: GatewayError, status: int, request_id: str) -> dict[str, Any]:
    inner: dict[str, Any] = {"message": error.message, "type": error.type, "code": error.code, "param": error.param}
    if error.details is not None:
        inner["innererror"] = error.details
    return {**_plain_error(error, status, request_id), "error": inner}


def _openai_event(error: GatewayError, status: int, request_id: str) -> bytes:  # noqa: ARG001 - as all dialects
    inner = {"message": error.message, "type": error.type, "code": error.code}
    body = {"error": inner, "error_code": error.error_code, "message": error.message}
    return b"data: " + msgspec.json.encode(body) + b"\n\n"


def _usage(body: Mapping[str, Any]) -> tuple[int | None, int | None]:
    usage = body.get("usage")
    if not isinstance(usage, dict):
        return None, None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return prompt if isinstance(prompt, int) else None, completion if isinstance(completion, int) else None


def _make_relay(
    framing: Framing, relay: Relay, decoder: Callable[[], StreamDecoder], progress: Progress
) -> StreamRelay:
    reader: FrameReader = framing.reader()
    # Only server-sent events can pass as bytes: that is what the client speaks.
    if relay is Relay.EXACT and framing.accept == _SSE:
        return ExactRelay(reader, decoder, progress)
    if relay is Relay.SCAN:
        return ScanRelay(reader, decoder(), progress)
    return NormaliseRelay(reader, decoder(), progress)


def _make_messages_relay(
    framing: Framing, relay: Relay, decoder: Callable[[], StreamDecoder], progress: Progress
) -> StreamRelay:
    # The relay class is about the canonical form; here nothing is normalised.
    del relay
    return MessagesRelay(framing.reader(), decoder(), progress)


OPENAI = Dialect(
    name=CANONICAL,
    use="POST /serving-endpoints/chat/completions",
    error_body=_openai_error,
    error_event=_openai_event,
    check=check_body,
    request=canonical_request,
    usage=_usage,
    make_relay=_make_relay,
    replay=replay,
    ending=DONE,
)
"""OpenAI's paths, and their errors as OpenAI's clients read them."""

DATABRICKS = Dialect(
    name=CANONICAL,
    use="POST /serving-endpoints/{name}/invocations",
    error_body=_plain_error,
    error_event=_openai_event,
    check=check_body,
    request=canonical_request,
    usage=_usage,
    make_relay=_make_relay,
    replay=replay,
    ending=DONE,
    bad_gateway=INTERNAL,
)
"""All other paths: the same form, with Databricks' errors. Its clients re-send a POST on 502."""

MESSAGES = Dialect(
    name="messages",
    use="POST /ai-gateway/anthropic/v1/messages",
    error_body=messages.error_body,
    error_event=messages.error_event,
    check=messages.check,
    request=lambda body: body,
    usage=messages.usage,
    make_relay=_make_messages_relay,
    replay=messages.replay,
    ending=messages.ENDING,
    id_headers=("x-request-id", "request-id"),
    kept=messages.KEPT,
)
"""The Messages API, for whichever targets speak it."""

DIALECTS = (OPENAI, DATABRICKS, MESSAGES)
