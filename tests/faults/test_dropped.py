"""Parameters that a provider drops: the client and the access log are told of each, whatever their names are."""

from collections.abc import Iterable
from types import ModuleType
from typing import Any

import msgspec
import pytest
from tests.gateways import ASK, CHAT, endpoint, running, table, target
from tests.streams import compact, delta, opening
from tests.upstreams import END, json_answer, piece, scripted, stream_head

from xmc.plugins import Plugins, Provider, auth, build_plugins, hookimpl, openai, sse
from xmc.schema import Context, Exchange, JsonObject, Target

PATH = "/serving-endpoints/chat/invocations"
EVENTS = compact(opening(), delta(finish="stop")) + b"data: [DONE]\n\n"


class _Adapter:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def prepare(self, request: JsonObject, context: Context) -> Exchange:
        kept = {key: value for key, value in request.items() if not key.startswith("drop")}
        exchange: Exchange = self._inner.prepare(kept, context)
        return msgspec.structs.replace(exchange, dropped=tuple(key for key in request if key not in kept))


def _plugins() -> Plugins:
    (inner,) = openai.xmc_providers()

    class Dropping:
        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

        def adapter(self, target: Target) -> Any:
            return _Adapter(inner.adapter(target))

    @hookimpl
    def xmc_providers() -> Iterable[Provider]:
        dropping: Any = Dropping()
        return (dropping,)

    module = ModuleType("dropping")
    module.XMC_CONTRACT = 1  # type: ignore[attr-defined]  # as below
    module.xmc_providers = xmc_providers  # type: ignore[attr-defined]  # a module made at run time
    return build_plugins({"auth": auth, "sse": sse, "dropping": module})


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("stream", [False, True])
async def test_each_dropped_parameter_is_named_in_answers_errors_and_streams(stream: bool, status: int) -> None:
    names = ["drop_a", "drop b,c", "drop\r\nx-evil: 1", "dropé"]
    whole = json_answer(CHAT, status)
    script = [stream_head(), piece(EVENTS), END] if stream and status == 200 else [whole]
    async with (
        scripted(script) as upstream,
        running(table(endpoint("chat", target(upstream.url))), plugins=_plugins()) as gateway,
        gateway.client() as client,
    ):
        async with client.post(PATH, json={**ASK, "stream": stream, **dict.fromkeys(names, 1)}) as reply:
            await reply.read()
            assert reply.status == status
            assert reply.headers["x-xmc-dropped"] == "drop_a, drop%20b%2Cc, drop%0D%0Ax-evil%3A%201, drop%C3%A9"
            assert "x-evil" not in reply.headers
        async with client.post(PATH, json=ASK) as reply:
            assert "x-xmc-dropped" not in reply.headers
        await gateway.recorded(2)
    assert not [key for key in upstream.requests[0].json() if key.startswith("drop")]
    assert [record.dropped for record in gateway.records] == [tuple(names), ()]
