"""Checks of `decode`: canonical answers of good replies, and a typed error of anything else."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from xmc.runtime.conformance.check import Check, Failed, Subject, expect, shown
from xmc.runtime.conformance.law import holds, near
from xmc.schema import Exchange, JsonObject, ProviderError, Response, Task, WireReply, canonical_schema

_STATUSES = (200, 200, 200, 201, 302, 400, 404, 429, 500, 529)


@cache
def validator(task: Task, kind: Any) -> Draft202012Validator:
    """Return the validator of canonical responses or chunks."""
    return Draft202012Validator(dict(canonical_schema(task, kind)))


def reply(body: bytes, status: int = 200) -> WireReply:
    """Return a reply of JSON."""
    return WireReply(status, {"content-type": "application/json"}, body)


def decoded(exchange: Exchange, replies: Sequence[WireReply]) -> JsonObject:
    """Return the body of an answer. Raises `Failed` for an error."""
    result = exchange.decode(replies)
    if not isinstance(result, Response):
        said = f"{result.status}: {result.message}" if isinstance(result, ProviderError) else repr(result)
        raise Failed(f"a good reply is read as an error: {said}")
    return result.body


def answer_canonical(subject: Subject) -> None:
    """Decode the samples."""
    for sample in subject.specimen.samples:
        body = decoded(subject.exchange(sample), [reply(one) for one in sample.replies])
        wrong = [
            f"{error.json_path}: {error.message}" for error in validator(sample.task, "response").iter_errors(body)
        ]
        expect(not wrong, f"the answer is not canonical: {shown(wrong)}")


def answer_total(subject: Subject) -> None:
    """Decode arbitrary replies, most of them nearly right."""
    for sample in subject.specimen.samples:
        exchange = subject.exchange(sample)
        words = near(*map(_json, sample.replies), *(_json(one.body) for one in subject.specimen.failures))
        bodies = st.binary(max_size=40) | words.map(lambda value: json.dumps(value).encode())
        rest = [reply(one) for one in sample.replies[1:]]

        def law(drawn: tuple[int, bytes], exchange: Any = exchange, rest: Any = rest, task: Any = sample.task) -> None:
            status, body = drawn
            # Of several calls a failed reply comes alone.
            replies = [reply(body, status), *(rest if status < 400 else ())]  # noqa: PLR2004 - an error's first status
            result = exchange.decode(replies)
            if isinstance(result, Response):
                plain = json.loads(json.dumps(result.body))
                wrong = [error.message for error in validator(task, "response").iter_errors(plain)]
                expect(not wrong, f"{status} {body[:100]!r} gave an answer that is not canonical: {shown(wrong)}")
                return
            expect(isinstance(result, ProviderError), f"{status} {body[:100]!r} gave {type(result).__name__}")
            expect(bool(result.message), f"{status} {body[:100]!r} gave an error without a message")

        holds(st.tuples(st.sampled_from(_STATUSES), bodies), law)


CHECKS = (
    Check(
        "answer-canonical",
        "A good answer comes out in the canonical form",
        "the clients of OpenAI, MLflow and Databricks read that form and no other",
        answer_canonical,
    ),
    Check(
        "answer-total",
        "Any reply gives a canonical answer or an error with a message",
        "an upstream's bad day must not look like a fault of the gateway",
        answer_total,
    ),
)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
