"""Checks of stream decoders: canonical chunks that say what the whole answer says, however the bytes are cut."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from xmc.plugins import Sample
from xmc.runtime.conformance.answers import decoded, reply, validator
from xmc.runtime.conformance.check import Check, Failed, Subject, expect, shown
from xmc.runtime.conformance.law import holds, near, reads_of
from xmc.schema import Event, Exchange, ProviderError, Task


def stream_canonical(subject: Subject) -> None:
    """Decode the streams of the samples."""
    for sample in subject.streamed():
        chunks = good(run(_streaming(subject, sample), events_of(subject, sample)))
        for chunk in chunks:
            wrong = [
                f"{error.json_path}: {error.message}" for error in validator(sample.task, "chunk").iter_errors(chunk)
            ]
            expect(not wrong, f"a chunk is not canonical: {shown(wrong)}: {shown(chunk)}")
        heads = {(chunk.get("id"), chunk.get("created"), chunk.get("model")) for chunk in chunks}
        expect(len(heads) == 1, f"id, created and model change within one stream: {shown(sorted(map(str, heads)))}")


def stream_equals_whole(subject: Subject) -> None:
    """Compare the two tellings of a sample."""
    for sample in subject.streamed():
        whole = decoded(subject.exchange(sample, stream=False), [reply(one) for one in sample.replies])
        chunks = good(run(_streaming(subject, sample), events_of(subject, sample)))
        expected, found = said(whole), assembled(chunks, sample.task)
        for part, name in ((0, "choices"), (1, "usage")):
            expect(
                found[part] == expected[part], f"{name}: whole {shown(expected[part])}, streamed {shown(found[part])}"
            )


def stream_split(subject: Subject) -> None:
    """Cut the bytes of the samples anywhere, down to single ones."""
    for sample in subject.streamed():
        exchange, framing = _streaming(subject, sample), subject.framing(subject.target(sample))
        data = sample.stream or b""
        expected = run(exchange, events_of(subject, sample))

        def law(reads: list[bytes], exchange: Any = exchange, framing: Any = framing, expected: Any = expected) -> None:
            reader = framing.reader()
            events = [event for read in reads for event in reader.feed(read)]
            found = run(exchange, [*events, *reader.finish()])
            expect(
                found == expected,
                f"cut into pieces of {[len(read) for read in reads][:20]} bytes, the stream says otherwise",
            )

        law([data[i : i + 1] for i in range(len(data))])
        holds(reads_of(data), law)


def stream_cut(subject: Subject) -> None:
    """End the streams of the samples after each of their events."""
    for sample in subject.streamed():
        exchange, events = _streaming(subject, sample), events_of(subject, sample)
        full = assembled(good(run(exchange, events)), sample.task)[0]
        for count in range(len(events)):
            items = run(exchange, events[:count])
            if any(isinstance(item, ProviderError) for item in items):
                continue
            told = assembled(items, sample.task)[0]
            if sum(choice["finish_reason"] is not None for choice in told) >= exchange.choices:
                expect(
                    told == full, f"after {count} of {len(events)} events it calls complete what is not: {shown(told)}"
                )


def stream_total(subject: Subject) -> None:
    """Feed arbitrary events, most of them nearly right."""
    for sample in subject.streamed():
        exchange, events = _streaming(subject, sample), events_of(subject, sample)
        words = near(*map(_json, (event.data for event in events)))
        payloads = st.binary(max_size=30) | words.map(lambda value: json.dumps(value).encode())
        kinds = st.sampled_from(sorted({"", "error", *(event.kind for event in events)}))
        odd = st.builds(Event, payloads, kinds)
        drawn = st.lists(odd | st.sampled_from(events), max_size=5)

        def law(fed: list[Event], exchange: Any = exchange, task: Any = sample.task) -> None:
            for item in run(exchange, fed):
                if isinstance(item, ProviderError):
                    expect(bool(item.message), f"{shown([one.data for one in fed])} gave an error without a message")
                    continue
                expect(isinstance(item, dict), f"it gave {type(item).__name__} for a chunk")
                expect(isinstance(item.get("choices"), list), f"it gave a chunk without choices: {shown(item)}")
                json.dumps(item)
            del task

        holds(drawn, law)


CHECKS = (
    Check(
        "stream-canonical",
        "Every chunk of a stream has the canonical form, and all of one stream the same head",
        "clients read a stream chunk by chunk and fail at the first odd one",
        stream_canonical,
    ),
    Check(
        "stream-equals-whole",
        "A stream says what the whole answer says: texts, calls of tools, finish reasons, usage",
        "otherwise the same question costs and answers differently by how it was asked",
        stream_equals_whole,
    ),
    Check(
        "stream-split",
        "The chunks do not depend on how the bytes were cut",
        "networks cut where they like, inside characters and between CR and LF",
        stream_split,
    ),
    Check(
        "stream-cut",
        "A stream that ends too early is not called complete",
        "a truncated answer that looks whole is the worst that a gateway can do",
        stream_cut,
    ),
    Check(
        "stream-total",
        "Any event gives chunks or an error with a message",
        "an exception in the middle of a stream leaves the client without a word",
        stream_total,
    ),
)


def events_of(subject: Subject, sample: Sample) -> list[Event]:
    """Return the events of a sample's stream."""
    reader = subject.framing(subject.target(sample)).reader()
    return [*reader.feed(sample.stream or b""), *reader.finish()]


def run(exchange: Exchange, events: Iterable[Event]) -> list[Any]:
    """Decode events as the host does: after an error nothing is fed any more."""
    decoder = exchange.decoder() if exchange.decoder is not None else None
    if decoder is None:
        raise Failed("a sample has a stream, and its exchange has no decoder")
    items: list[Any] = []
    for event in events:
        items += decoder.feed(event)
        if any(isinstance(item, ProviderError) for item in items):
            return items
    return [*items, *decoder.finish()]


def good(items: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the chunks of a stream. Raises `Failed` if there is an error among them."""
    for item in items:
        if isinstance(item, ProviderError):
            raise Failed(f"a good stream is read as an error: {item.status}: {item.message}")
    return list(items)


def said(body: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return what a whole answer says, without what only one of the two forms has."""
    choices = [
        {
            "index": choice.get("index"),
            "finish_reason": choice.get("finish_reason"),
            **_said(choice.get("message") or {"content": choice.get("text")}),
        }
        for choice in body.get("choices", ())
    ]
    return choices, _counts(body.get("usage"))


def assembled(chunks: Iterable[dict[str, Any]], task: Task) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Put a stream together as a careful client does: by choice, calls by index, strings concatenated."""
    messages: dict[int, dict[str, Any]] = {}
    finishes: dict[int, Any] = {}
    usage = None
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for part in chunk.get("choices", ()):
            message = messages.setdefault(part.get("index", 0), {"content": None, "calls": {}})
            delta = part.get("delta") or {} if task is Task.CHAT else {"content": part.get("text")}
            for name in ("content", "reasoning_content", "refusal"):
                if isinstance(delta.get(name), str):
                    message[name] = (message.get(name) or "") + delta[name]
            for fragment in delta.get("tool_calls") or ():
                call = message["calls"].setdefault(fragment.get("index"), {"id": "", "name": "", "arguments": ""})
                function = fragment.get("function") or {}
                call["id"] += fragment.get("id") or ""
                call["name"] += function.get("name") or ""
                call["arguments"] += function.get("arguments") or ""
            finishes[part.get("index", 0)] = part.get("finish_reason") or finishes.get(part.get("index", 0))
    choices = []
    for index, message in sorted(messages.items()):
        calls = [
            {"id": call["id"], "function": {"name": call["name"], "arguments": call["arguments"]}}
            for _, call in sorted(message.pop("calls").items())
        ]
        choices.append({"index": index, "finish_reason": finishes[index], **_said({**message, "tool_calls": calls})})
    return choices, _counts(usage)


def _streaming(subject: Subject, sample: Sample) -> Exchange:
    return subject.exchange(sample, stream=True)


def _said(message: dict[str, Any]) -> dict[str, Any]:
    calls = [
        {
            "id": call.get("id"),
            "name": (call.get("function") or {}).get("name"),
            "arguments": _json(((call.get("function") or {}).get("arguments") or "").encode()),
        }
        for call in message.get("tool_calls") or ()
    ]
    texts = {name: message.get(name) or "" for name in ("content", "reasoning_content", "refusal")}
    return {**texts, "tool_calls": calls}


def _counts(usage: Any) -> dict[str, Any]:
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {name: usage[name] for name in names if name in usage} if isinstance(usage, dict) else {}


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")
