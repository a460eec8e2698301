"""Checks of the plugin at work: a gateway that serves it, over real HTTP, as clients and upstreams see it."""

import asyncio
import base64
import contextlib
import io
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from xmc.plugins import AuthError, AuthIO, Clock, Sample
from xmc.runtime.conformance.answers import decoded, reply
from xmc.runtime.conformance.cells import Observed, ask, complaint, parameter_of, verdict
from xmc.runtime.conformance.check import Check, NotApplicable, Subject, expect, shown
from xmc.runtime.conformance.parameters import COMPANIONS, VALUES
from xmc.runtime.conformance.streams import assembled, events_of, good, run, said
from xmc.runtime.conformance.upstream import Served, prepared, served
from xmc.runtime.error_table import BY_STATUS
from xmc.schema import Secret, Task, WireReply, WireRequest

PATHS: Mapping[Task, str] = {
    Task.CHAT: "chat/completions",
    Task.COMPLETIONS: "completions",
    Task.EMBEDDINGS: "embeddings",
}
_COMES_WITHIN_S = 3.0
_LEAVES_WITHIN_S = 1.0
_PATIENCE_S = 20.0
_UNAUTHORIZED = 401
_TOKEN = "token-that-the-kit-gave-out"  # noqa: S105 - nothing anywhere takes it


def works(subject: Subject) -> None:
    """Ask for each sample through a gateway, whole and streamed."""
    for sample in subject.specimen.samples:
        asyncio.run(_works(subject, sample))


async def _works(subject: Subject, sample: Sample) -> None:
    whole = said(decoded(subject.exchange(sample), [reply(one) for one in sample.replies]))
    async with served(subject, sample) as gateway, gateway.client() as client:
        for stream in (False, True):
            if stream and sample.task is Task.EMBEDDINGS:
                continue
            request = {**sample.request, "model": "e"}
            if stream:
                request |= {"stream": True, "stream_options": {"include_usage": True}}
            prepared(subject, gateway, request)
            url = f"/serving-endpoints/{PATHS[sample.task]}"
            async with asyncio.timeout(_PATIENCE_S), client.post(url, json=request) as answer:
                data = await answer.read()
            how = "streamed" if stream else "whole"
            expected = whole if sample.stream is None or not stream else _as_streamed(subject, sample)
            expect(answer.status == HTTPStatus.OK, f"{sample.task}, {how}: {answer.status}: {data[:300]!r}")
            found = assembled(_chunks(data), sample.task) if stream else said(json.loads(data))
            # Ids that the upstream does not give are made from the request's own, which the kit does not choose here.
            found, expected = _without_ids(found), _without_ids(expected)
            expect(found == expected, f"{sample.task}, {how}: {shown(found)} instead of {shown(expected)}")
            if stream:
                expect(
                    data.rstrip().endswith(b"data: [DONE]"), f"{sample.task}: the stream has no end: {data[-200:]!r}"
                )


def _as_streamed(subject: Subject, sample: Sample) -> Any:
    return assembled(good(run(subject.exchange(sample, stream=True), events_of(subject, sample))), sample.task)


def _without_ids(told: Any) -> Any:
    choices, usage = told
    plain = [
        {**choice, "tool_calls": [{**call, "id": bool(call["id"])} for call in choice["tool_calls"]]}
        for choice in choices
    ]
    return plain, usage


def error_table(subject: Subject) -> None:
    """Let the upstream refuse in its own words, and with every status that there is."""
    asyncio.run(_error_table(subject, subject.specimen.samples[0]))


async def _error_table(subject: Subject, sample: Sample) -> None:
    own = [(one.status, one.body, one.says) for one in subject.specimen.failures]
    expect(own, "the specimen has no failure")
    proxies = [(status, b"<html><title>a proxy's page</title></html>", "") for status in sorted(BY_STATUS)]
    async with served(subject, sample) as gateway, gateway.client() as client:
        prepared(subject, gateway, sample.request)
        for status, body, says in (*own, *proxies):
            gateway.upstream.refusal = (status, body, "text/html" if body.startswith(b"<") else "application/json")
            url = f"/serving-endpoints/{PATHS[sample.task]}"
            async with asyncio.timeout(_PATIENCE_S), client.post(url, json={**sample.request, "model": "e"}) as answer:
                told = await answer.json()
            row = BY_STATUS.get(status)
            # Where the words are about the credential, 403 has two rows; the status is the same.
            wanted = row.status if row is not None else 502
            expect(
                answer.status == wanted,
                f"the upstream's {status} ({body[:60]!r}) came to {answer.status}, not {wanted}",
            )
            message = str(told.get("error", {}).get("message", ""))
            expect(message, f"the upstream's {status} ({body[:60]!r}) came without a message")
            if status != _UNAUTHORIZED:  # whose words may speak of the key
                expect(says in message, f"{says!r} of the upstream's {status} is not in {message!r}")


def cancellation(subject: Subject) -> None:
    """Leave in the middle of a stream."""
    asyncio.run(_cancellation(subject, subject.streamed()[0]))


async def _cancellation(subject: Subject, sample: Sample) -> None:
    async with served(subject, sample) as gateway, gateway.client() as client:
        request = {**sample.request, "model": "e", "stream": True}
        prepared(subject, gateway, request)
        gateway.upstream.hang = True
        try:
            url = f"/serving-endpoints/{PATHS[sample.task]}"
            async with asyncio.timeout(_COMES_WITHIN_S), client.post(url, json=request) as answer:
                await answer.content.readany()
                answer.close()
        except TimeoutError:
            expect(False, f"half of the stream had come, and nothing of it reached the client in {_COMES_WITHIN_S:g} s")
        try:
            async with asyncio.timeout(_LEAVES_WITHIN_S):
                await gateway.upstream.left.wait()
        except TimeoutError:
            expect(False, f"the client left, and the call to the upstream was still open {_LEAVES_WITHIN_S:g} s later")


def redaction(subject: Subject) -> None:
    """Look for the secrets wherever they must not be: answers, logs, reprs, and what a scheme says of bad ones."""
    asyncio.run(_redaction(subject, subject.specimen.samples[0]))


async def _redaction(subject: Subject, sample: Sample) -> None:
    target, secrets = subject.target(sample), subject.secrets
    scheme = subject.plugins.auth_schemes[target.auth.scheme]
    roles = {role: secrets[slot] for role, slot in target.auth.slots.items()}
    values = [*roles.values(), _TOKEN]
    places = {"the repr of the target": repr(target), "the table": repr(target.url) + repr(target.headers)}
    authority = _Authority(roles.values())
    for name, given in {"good": roles, **{f"bad {n}": bad for n, bad in enumerate(_spoilt(roles))}}.items():
        for status in (200, 400, 401, 500):
            authority.status = status
            try:
                credential = await scheme.acquire(
                    target.auth, {role: Secret(value) for role, value in given.items()}, authority, authority
                )
            except AuthError as error:
                places[f"what the scheme says of {name} secrets"] = str(error)
            else:
                places[f"the repr of a credential from {name} secrets"] = repr(credential)
    places["the repr of the scheme"] = f"{scheme!r} {vars(scheme) if hasattr(scheme, '__dict__') else ''}"
    if not authority.called:
        places |= await _said_to_clients(subject, sample)
    for place, text in places.items():
        for value in values:
            expect(not any(form in text for form in forms_of(value)), f"a secret is in {place}")


async def _said_to_clients(subject: Subject, sample: Sample) -> dict[str, str]:
    """Return what clients and logs get where the upstream says everything back that it was sent."""
    places, stderr = {}, io.StringIO()
    with TemporaryDirectory(prefix="xmc-kit-") as folder, contextlib.redirect_stderr(stderr):
        log = Path(folder) / "access.log"
        async with served(subject, sample, own_auth=True, log=str(log)) as gateway, gateway.client() as client:
            prepared(subject, gateway, sample.request)
            url = f"/serving-endpoints/{PATHS[sample.task]}"
            for status in (None, 400, 401, 500):
                echo = b'{"error": {"message": "you sent {headers}"}, "message": "you sent {headers}"}'
                gateway.upstream.refusal = None if status is None else (status, echo, "application/json")
                async with (
                    asyncio.timeout(_PATIENCE_S),
                    client.post(url, json={**sample.request, "model": "e"}) as told,
                ):
                    body = (await told.read()).decode("utf-8", "replace")
                places[f"the answer to a client ({told.status})"] = body + repr(told.headers)
            expect(gateway.upstream.calls, "no call came to the upstream")
        places["the access log"] = log.read_text()
    return {**places, "what the gateway writes to stderr": stderr.getvalue()}


def cells(subject: Subject) -> None:
    """Send every parameter through a gateway, and compare what arrives with the capability record."""
    if not subject.specimen.recorded:
        raise NotApplicable("the capability record does not speak of this specimen")
    try:
        works(subject)
    except Exception as error:
        raise NotApplicable("samples do not come through a gateway, as the check `served` says") from error
    wrong = []
    firsts = {sample.task: sample for sample in reversed(subject.specimen.samples)}
    for sample in firsts.values():
        record = subject.provider.capabilities[sample.task]
        seen = observed(subject, sample)
        wrong += [f"{sample.task} has no cell for {name!r}" for name in VALUES[sample.task].keys() - record.keys()]
        for name in VALUES[sample.task].keys() & record.keys():
            told = complaint(name, record[name], seen[name])
            wrong += [f"{name!r} of {sample.task}: {told}"] if told else []
    expect(not wrong, "; ".join(sorted(wrong)))


@lru_cache(maxsize=64)
def _observed_once(key: "_Same") -> Mapping[str, Observed]:
    return asyncio.run(_observe(key.subject, key.sample))


def observed(subject: Subject, sample: Sample) -> Mapping[str, Observed]:
    """Return what every parameter of a sample's task came to; sent once, however often it is asked for."""
    return _observed_once(_Same(subject, sample))


async def _observe(subject: Subject, sample: Sample) -> dict[str, Observed]:
    record = subject.provider.capabilities[sample.task]
    values = {**VALUES[sample.task], **subject.specimen.values}
    found = {}
    async with served(subject, sample) as gateway, gateway.client() as client:
        for name in VALUES[sample.task]:
            beside = {
                other: values.get(other, value)
                for other, value in COMPANIONS.get(name, {}).items()
                if other in record and record[other].status != "refused"
            }
            # Only where the endpoint stands in the path may a client's `model` be anything.
            path, least = ("e/invocations", {}) if name == "model" else (PATHS[sample.task], {"model": "e"})
            least |= {**sample.request, **beside}
            without = await _asked(subject, gateway, client, path, least)
            given = await _asked(subject, gateway, client, path, {**least, parameter_of(name): values[name]})
            came_to = verdict(name, values[name], without, given, sample.model)
            found[name] = Observed(came_to, without, given, sample.model)
    return found


async def _asked(subject: Subject, gateway: Served, client: Any, path: str, request: dict[str, Any]) -> Any:
    prepared(subject, gateway, request)
    return await ask(client, gateway.upstream, path, request)


CHECKS = (
    Check(
        "served",
        "A client gets the answer of each sample through a gateway, whole and streamed",
        "parts that are right each for itself may still not fit together",
        works,
    ),
    Check(
        "error-table",
        "The upstream's refusals reach the client by the one table of statuses, in the upstream's words",
        "clients decide by the status whether to try again",
        error_table,
    ),
    Check(
        "cancellation",
        "A stream reaches the client as it comes, and a client that leaves takes the call to the upstream with it",
        "tokens that nobody reads cost as much as others",
        cancellation,
    ),
    Check(
        "redaction",
        "No secret is in an answer, a log, a repr, or in what a scheme says of a secret that it cannot use",
        "what is written down once is read by everybody",
        redaction,
    ),
    Check(
        "cells",
        "Each cell of the capability record is true",
        "the compiler promises by it what a request will come to",
        cells,
    ),
)


class _Same:
    """A subject and a sample, the same as another one if both are."""

    def __init__(self, subject: Subject, sample: Sample) -> None:
        self.subject, self.sample = subject, sample

    def __hash__(self) -> int:
        return hash((id(self.subject.provider), self.subject.specimen.title, self.sample.task, self.sample.model))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Same)
            and other.subject.provider is self.subject.provider
            and other.subject.specimen.title == self.subject.specimen.title
            and other.sample is self.sample
        )


class _Authority(AuthIO, Clock):
    """Whoever gives out tokens: says back all that it was sent, beside a token, whatever its status."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self.status, self.called, self._secrets = 200, False, tuple(secrets)

    async def call(self, wire: WireRequest) -> WireReply:
        self.called = True
        echo = f"{wire.url} {wire.headers} {wire.body.decode('utf-8', 'replace')} {' '.join(self._secrets)}"
        body = {"access_token": _TOKEN, "token_type": "Bearer", "expires_in": 3600, "message": echo}
        body |= {"error": echo, "error_description": echo}
        return WireReply(self.status, {"content-type": "application/json"}, json.dumps(body).encode())

    def now(self) -> float:
        return 1_700_000_000.0


def forms_of(value: str) -> set[str]:
    """Return a secret as it may be written: raw, in base64, escaped for URLs and for JSON."""
    data = value.encode()
    return {value, base64.b64encode(data).decode().rstrip("="), quote(value, safe=""), json.dumps(value)[1:-1]}


def _spoilt(roles: Mapping[str, str]) -> list[dict[str, str]]:
    """Return secrets as people store them by mistake."""
    changes = (lambda value: value + "\n", lambda value: f" {value}", lambda value: value + "\u00e5")
    return [{role: change(value) for role, value in roles.items()} for change in changes] if roles else []


def _chunks(data: bytes) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in data.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]
