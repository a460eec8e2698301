"""Plugins that are broken on purpose, each in one way: the check that names the fault finds it, and no other does.

All are the example plugin with one thing changed.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import pytest

import answer_box
from answer_box import adapter as box
from answer_box.lines import LineReader, Lines
from answer_box.provider import CAPABILITIES, CONFIG_SCHEMA, DROPPED, REFUSED, AnswerBox
from answer_box.signature import BoxSignature
from xmc.plugins import (
    Adapter,
    AuthError,
    AuthIO,
    AuthScheme,
    Clock,
    Credential,
    EntitySpec,
    Framing,
    Link,
    Provider,
    Specimen,
    auth,
    build_plugins,
    hookimpl,
)
from xmc.runtime.conformance import CHECKS, cases
from xmc.schema import Auth, Event, Exchange, ProviderError, Refusal, Response, Secret, Target, Task, WireReply


class Plugin:
    """The example plugin, with some of its parts replaced."""

    XMC_CONTRACT = 1

    def __init__(
        self,
        provider: Provider | None = None,
        *,
        ask: Callable[[Target], Adapter] | None = None,
        vector: type[box.VectorAdapter] | None = None,
        scheme: AuthScheme | None = None,
        framing: Framing | None = None,
    ) -> None:
        self._provider = provider or Adapted(ask, vector)
        self._scheme = scheme or BoxSignature()
        self._framing = framing or Lines()

    @hookimpl
    def xmc_providers(self) -> Iterable[Provider]:
        return (self._provider,)

    @hookimpl
    def xmc_auth_schemes(self) -> Iterable[AuthScheme]:
        return (self._scheme,)

    @hookimpl
    def xmc_framings(self) -> Iterable[Framing]:
        return (self._framing,)

    @hookimpl
    def xmc_specimens(self) -> Iterable[Specimen]:
        return answer_box.xmc_specimens()


class Adapted(AnswerBox):
    """The provider, with other adapters."""

    def __init__(self, ask: Callable[[Target], Adapter] | None, vector: type[box.VectorAdapter] | None) -> None:
        super().__init__()
        self._ask, self._vector = ask, vector

    def adapter(self, target: Target) -> Adapter:
        if target.task is Task.EMBEDDINGS and self._vector:
            return self._vector(target, ("dimensions", "input_type", "stream"), ("user",))
        return self._ask(target) if target.task is Task.CHAT and self._ask else super().adapter(target)


class Ask(box.AskAdapter):
    """The adapter for questions; each broken one below changes one method."""

    def __init__(self, target: Target) -> None:
        super().__init__(target, REFUSED, DROPPED)


def schema(change: Mapping[str, Any]) -> Provider:
    return AnswerBox({**CONFIG_SCHEMA, **change})


def cell(parameter: str, **change: Any) -> Provider:
    column = CAPABILITIES[Task.CHAT]
    changed = {**column, parameter: msgspec.structs.replace(column[parameter], **change)}
    return AnswerBox(capabilities={**CAPABILITIES, Task.CHAT: changed})


class LinksTheClock(AnswerBox):
    """Its targets hold something new each time."""

    _counter = itertools.count()

    def link(self, entity: EntitySpec) -> Link:
        link = super().link(entity)
        assert link.target is not None
        return Link(msgspec.structs.replace(link.target, options={"linked": next(self._counter)}))


class LinksAsciiOnly(AnswerBox):
    """It stumbles over names of models that it did not think of."""

    def link(self, entity: EntitySpec) -> Link:
        entity.model.encode("ascii")
        return super().link(entity)


class Marks(Ask):
    """It writes into the client's request."""

    def prepare(self, request: Any, context: Any) -> Exchange | Refusal:
        prepared = super().prepare(request, context)
        if isinstance(request, dict):
            request["seen"] = True
        return prepared


class Trusts(Ask):
    """It takes for granted that there are messages."""

    def prepare(self, request: Any, context: Any) -> Exchange | Refusal:
        _ = request["messages"][0]
        return super().prepare(request, context)


class Crashes(Ask):
    """It takes for granted that a good status brings a good answer."""

    def decode(self, reply: WireReply, context: Any) -> Response | ProviderError:
        if reply.status == 200:
            _ = json.loads(reply.body)["answer"]
        return super().decode(reply, context)


class Undated(Ask):
    """Its whole answers have no time."""

    def decode(self, reply: WireReply, context: Any) -> Response | ProviderError:
        result = super().decode(reply, context)
        if isinstance(result, Response):
            return Response({name: value for name, value in result.body.items() if name != "created"})
        return result


class Swallows(Ask):
    """It makes one of all statuses."""

    def decode(self, reply: WireReply, context: Any) -> Response | ProviderError:
        result = super().decode(reply, context)
        return (
            msgspec.structs.replace(result, status=500)
            if isinstance(result, ProviderError) and result.status
            else result
        )


class Expects(Ask):
    """It announces a choice that never comes."""

    def prepare(self, request: Any, context: Any) -> Exchange | Refusal:
        prepared = super().prepare(request, context)
        if isinstance(prepared, Refusal):
            return prepared
        return msgspec.structs.replace(prepared, choices=2)


class Decoding(Ask):
    """It decodes streams in another way."""

    def __init__(self, target: Target, kind: "type[box.PieceDecoder]") -> None:
        super().__init__(target)
        self._kind = kind

    def decoder(self, context: Any) -> box.PieceDecoder:
        return self._kind(box.head(context, self.target, "chat.completion.chunk"))


def streaming(kind: type[box.PieceDecoder]) -> Plugin:
    return Plugin(ask=partial(Decoding, kind=kind))


class Headless(box.PieceDecoder):
    """Its chunks have no time."""

    def __init__(self, opening: Mapping[str, Any]) -> None:
        super().__init__({name: value for name, value in opening.items() if name != "created"})


class Miscounts(box.PieceDecoder):
    """It counts other tokens in streams."""

    def feed(self, event: Event) -> Sequence[Any]:
        items = super().feed(event)
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        return [{**item, "usage": usage} if isinstance(item, dict) and "usage" in item else item for item in items]


class Pretends(box.PieceDecoder):
    """It takes any end for a good one."""

    def finish(self) -> Sequence[Any]:
        return () if self.ended else (self.chunk({}, "stop"),)


class Stumbles(box.PieceDecoder):
    """It takes for granted that every line is an object."""

    def feed(self, event: Event) -> Sequence[Any]:
        _ = json.loads(event.data).keys()
        return super().feed(event)


class Gathers(box.PieceDecoder):
    """It gives the chunks out when it has them all."""

    def __init__(self, opening: Mapping[str, Any]) -> None:
        super().__init__(opening)
        self._kept: list[Any] = []

    def feed(self, event: Event) -> Sequence[Any]:
        items = super().feed(event)
        self._kept += items
        return self._kept if self.ended or any(isinstance(item, ProviderError) for item in items) else ()


class Backwards(box.VectorAdapter):
    """It puts the vectors together in the wrong order."""

    def in_order(self, replies: Sequence[WireReply]) -> Sequence[WireReply]:
        return list(reversed(replies))


class TellsSecrets(BoxSignature):
    """It repeats the secret that it cannot use."""

    async def acquire(self, auth: Auth, secrets: Mapping[str, Secret], io: AuthIO, clock: Clock) -> Credential:
        value = secrets["secret"].reveal()
        if value != value.strip():
            raise AuthError(f"{value!r} is no good secret")
        return await super().acquire(auth, secrets, io, clock)


class Forgets(LineReader):
    """It forgets what a read left over."""

    def feed(self, data: bytes) -> Sequence[Event]:
        self.kept.clear()
        return super().feed(data)


class Decodes(LineReader):
    """It takes for granted that lines are text."""

    def feed(self, data: bytes) -> Sequence[Event]:
        events = super().feed(data)
        for event in events:
            event.data.decode()
        return events


class Hoards(LineReader):
    """It keeps a line whatever its length."""

    def feed(self, data: bytes) -> Sequence[Event]:
        self.kept += data
        *lines, rest = self.kept.split(b"\n")
        self.kept = rest
        return [Event(bytes(line)) for line in lines if line.strip()]


def framed(kind: type[LineReader]) -> Plugin:
    class Own(Lines):
        def reader(self) -> LineReader:
            return kind()

    return Plugin(framing=Own())


BROKEN: dict[str, Callable[[], Plugin]] = {
    "config-schema": lambda: Plugin(schema({"additionalProperties": True})),
    "capabilities": lambda: Plugin(cell("seed", source=" ")),
    "documentation": lambda: Plugin(
        schema({"properties": {**CONFIG_SCHEMA["properties"], "colour": {"type": "string"}}})
    ),
    "link-pure": lambda: Plugin(LinksTheClock()),
    "link-total": lambda: Plugin(LinksAsciiOnly()),
    "prepare-pure": lambda: Plugin(ask=Marks),
    "prepare-total": lambda: Plugin(ask=Trusts),
    "several-calls": lambda: Plugin(vector=Backwards),
    "answer-canonical": lambda: Plugin(ask=Undated),
    "answer-total": lambda: Plugin(ask=Crashes),
    "stream-canonical": lambda: streaming(Headless),
    "stream-equals-whole": lambda: streaming(Miscounts),
    "stream-split": lambda: framed(Forgets),
    "stream-cut": lambda: streaming(Pretends),
    "stream-total": lambda: streaming(Stumbles),
    "framing-total": lambda: framed(Decodes),
    "framing-bounded": lambda: framed(Hoards),
    "served": lambda: Plugin(ask=Expects),
    "error-table": lambda: Plugin(ask=Swallows),
    "cancellation": lambda: streaming(Gathers),
    "redaction": lambda: Plugin(scheme=TellsSecrets()),
    "cells": lambda: Plugin(cell("temperature", status="yes")),
}


def failures(plugin: object) -> dict[str, str]:
    plugins = build_plugins({"answer-box": plugin, "auth": auth})
    outcomes = {case.check.id: case.outcome() for case in cases("answer-box", plugins)}
    return {check: outcome.said for check, outcome in outcomes.items() if outcome.status == "failed"}


def test_the_example_itself_is_whole() -> None:
    assert failures(answer_box) == {}
    assert failures(Plugin()) == {}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_fails_the_check_that_names_its_fault_and_no_other(fault: str) -> None:
    found = failures(BROKEN[fault]())
    assert set(found) == {fault}, found
    assert found[fault]


def test_there_is_a_broken_plugin_for_every_check() -> None:
    assert set(BROKEN) == {check.id for check in CHECKS}
