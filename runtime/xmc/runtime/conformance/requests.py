"""Checks of `prepare`: a pure function of the request, total over whatever clients send."""

import copy
from functools import partial
from typing import Any

from xmc.runtime.conformance.answers import decoded, reply
from xmc.runtime.conformance.cells import parameter_of
from xmc.runtime.conformance.check import CONTEXT, Check, Failed, NotApplicable, Subject, expect, shown
from xmc.runtime.conformance.law import holds, json_values, near
from xmc.runtime.conformance.parameters import VALUES
from xmc.schema import Exchange, JsonObject, Refusal, WireReply


def prepare_pure(subject: Subject) -> None:
    """Prepare each sample's request twice."""
    for sample in subject.specimen.samples:
        adapter = subject.adapter(sample)
        request = {**sample.request, "stream": sample.stream is not None}
        before = copy.deepcopy(request)
        first, second = adapter.prepare(request, CONTEXT), adapter.prepare(request, CONTEXT)
        expect(request == before, f"it changed the request into {shown(request)}")
        expect(
            isinstance(first, Exchange), f"it refuses the request of a sample: {shown(getattr(first, 'message', ''))}"
        )
        if isinstance(first, Exchange) and isinstance(second, Exchange):
            expect(first.calls == second.calls, "the same request gives other calls each time")
            expect(first.calls, "an exchange without calls")
            expect(first.decoder is None or len(first.calls) == 1, "a stream has exactly one call")


def prepare_total(subject: Subject) -> None:
    """Prepare arbitrary requests, most of them nearly right."""
    for sample in subject.specimen.samples:
        adapter = subject.adapter(sample)

        def law(request: Any, adapter: Any = adapter) -> None:
            prepared = adapter.prepare(request, CONTEXT)
            expect(isinstance(prepared, Exchange | Refusal), f"{shown(request)} gave {type(prepared).__name__}")
            if isinstance(prepared, Refusal):
                expect(bool(prepared.message), f"{shown(request)} is refused without a word")

        values = {name: value for name, value in VALUES[sample.task].items() if parameter_of(name) == name}
        words = near(sample.request, values)
        holds(words.map(partial(_with, sample.request)) | words | json_values, law)


def _with(request: JsonObject, more: Any) -> Any:
    return {**request, **more} if isinstance(more, dict) else more


def several_calls(subject: Subject) -> None:
    """Mix up the replies to several calls, and let one of them fail."""
    several = [sample for sample in subject.specimen.samples if len(sample.replies) > 1]
    if not several:
        raise NotApplicable("no sample takes several calls")
    for sample in several:
        exchange, replies = subject.exchange(sample), [reply(body) for body in sample.replies]
        expect(len(exchange.calls) == len(replies), f"{len(exchange.calls)} calls for {len(replies)} replies")
        parts = _parts(exchange, replies)
        expect(len(parts) >= len(replies), f"{len(replies)} replies came to {len(parts)} parts")
        expect(parts != _parts_or_none(exchange, replies[::-1]), "the replies in another order give the same answer")
        size, odd = divmod(len(parts), len(replies))
        for place, one in enumerate(replies if not odd else ()):
            # The same reply to all calls, where the provider takes that, shows which parts come from this one.
            alike = _parts_or_none(exchange, [one] * len(replies))
            mine = slice(place * size, (place + 1) * size)
            if alike is not None and len(alike) == len(parts):
                expect(parts[mine] == alike[mine], f"part {place} of the answer is not from reply {place}")


CHECKS = (
    Check(
        "prepare-pure",
        "`prepare` leaves its argument alone and gives the same calls for the same request",
        "otherwise a retry or a fallback sends another request than the first attempt",
        prepare_pure,
    ),
    Check(
        "prepare-total",
        "`prepare` gives an exchange or a refusal for any JSON",
        "otherwise a client's mistake is answered as the gateway's own",
        prepare_total,
    ),
    Check(
        "several-calls",
        "The replies to several calls come together in the order of the calls",
        "otherwise a client takes the vector of one text for that of another",
        several_calls,
    ),
)


def _parts(exchange: Exchange, replies: list[WireReply]) -> list[Any]:
    """Return the parts of an answer without their numbers."""
    body = decoded(exchange, replies)
    parts = body.get("data") or body.get("choices") or []
    return [{key: value for key, value in part.items() if key != "index"} for part in parts]


def _parts_or_none(exchange: Exchange, replies: list[WireReply]) -> list[Any] | None:
    try:
        return _parts(exchange, replies)
    except Failed:
        return None
