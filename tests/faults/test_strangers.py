"""A stranger's plugin that breaks its word: the client still sees a failure, never half an answer taken for whole."""

from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

import msgspec
import pytest
from tests.faults.raw import ask
from tests.faults.test_streams import assert_cut
from tests.gateways import CANARY, CHAT, endpoint, running, table, target
from tests.streams import compact, delta, opening
from tests.upstreams import END, json_answer, piece, scripted, stream_head

from xmc.plugins import Plugins, Provider, auth, build_plugins, hookimpl, openai, sse
from xmc.schema import Chunk, Context, Event, Exchange, JsonObject, ProviderError, Refusal, Relay, Target


class _Decoder:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def feed(self, event: Event) -> Sequence[Chunk | ProviderError]:
        if b"bad" in event.data:
            raise KeyError(CANARY)
        found: Sequence[Chunk | ProviderError] = self._inner.feed(event)
        return found

    def finish(self) -> Sequence[Chunk | ProviderError]:
        raise KeyError(CANARY)


class _Adapter:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def prepare(self, request: JsonObject, context: Context) -> Exchange | Refusal:
        exchange: Exchange = self._inner.prepare(request, context)
        make = exchange.decoder
        return msgspec.structs.replace(exchange, decoder=make and (lambda: _Decoder(make())), decode=_decode)


def _decode(_: object) -> ProviderError:
    raise KeyError(CANARY)


def _plugins() -> Plugins:
    (inner,) = openai.xmc_providers()

    class Broken:
        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

        def adapter(self, target: Target) -> Any:
            return _Adapter(inner.adapter(target))

    @hookimpl
    def xmc_providers() -> Iterable[Provider]:
        broken: Any = Broken()
        return (broken,)

    broken = ModuleType("broken")
    broken.XMC_CONTRACT = 1  # type: ignore[attr-defined]  # as below
    broken.xmc_providers = xmc_providers  # type: ignore[attr-defined]  # a module made at run time
    return build_plugins({"auth": auth, "sse": sse, "broken": broken})


async def test_a_decoder_that_raises_mid_stream_is_one_error_event_and_a_cut() -> None:
    good = [opening(), delta(finish="stop")]
    async with (
        scripted([stream_head(), piece(compact(*good)), END]) as upstream,
        running(table(endpoint("chat", target(upstream.url, relay=Relay.NORMALISE))), plugins=_plugins()) as gateway,
    ):
        got = await ask(gateway.url)
    assert_cut(got, good, "internal_error")
    assert gateway.records[0].outcome == "cut"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_decoder_that_raises_at_once_is_500(stream: bool, capsys: pytest.CaptureFixture[str]) -> None:
    script = [stream_head(), piece(compact(delta("bad"))), END] if stream else [json_answer(CHAT)]
    async with (
        scripted(script) as upstream,
        running(table(endpoint("chat", target(upstream.url, relay=Relay.NORMALISE))), plugins=_plugins()) as gateway,
    ):
        got = await ask(gateway.url, stream=stream)
    assert got.status == 500
    assert got.json()["error_code"] == "INTERNAL_ERROR"
    assert CANARY not in str(got)
    assert CANARY not in "".join(capsys.readouterr())
