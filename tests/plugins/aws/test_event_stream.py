"""The framing `aws-event-stream`, judged by botocore's own reader."""

import struct
from itertools import pairwise
from pathlib import Path

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st
from tests.event_streams import message, text

from xmc.plugins import FramingError
from xmc.plugins.aws import EventStreamReader
from xmc.schema import Event

SAMPLES = Path(__file__).parents[1] / "samples" / "amazon-bedrock"
FILES = sorted(SAMPLES.glob("*.eventstream"))
_texts = st.text(st.characters(codec="utf-8"), max_size=20)
_names = st.text(st.characters(codec="ascii"), min_size=1, max_size=20)
# Each header type of the specification: its number, and its value as it stands on the wire.
_values = st.one_of(
    st.sampled_from([(0, b""), (1, b"")]),
    *(
        st.tuples(st.just(kind), st.binary(min_size=n, max_size=n))
        for kind, n in ((2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16))
    ),
    st.tuples(st.just(6), st.binary(max_size=40).map(lambda value: struct.pack("!H", len(value)) + value)),
    _texts.map(lambda text: (7, struct.pack("!H", len(text.encode())) + text.encode())),
)
_headers = st.lists(st.tuples(_names, _values), max_size=5, unique_by=lambda header: header[0])


def event(kind: str, payload: bytes = b"{}") -> bytes:
    return message([(":event-type", text(kind)), (":message-type", text("event"))], payload)


def read(data: bytes, *cuts: int) -> list[Event]:
    reader = EventStreamReader()
    edges = [0, *sorted(cuts), len(data)]
    found: list[Event] = []
    for start, end in pairwise(edges):
        found += reader.feed(data[start:end])
    return [*found, *reader.finish()]


def read_by_botocore(data: bytes) -> list[tuple[str, str, bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [
        (one.headers.get(":message-type", "event"), one.headers.get(":event-type", ""), one.payload) for one in buffer
    ]


@given(st.lists(st.tuples(_headers, st.binary(max_size=60)), max_size=4), st.lists(st.integers(0, 400), max_size=6))
def test_any_messages_are_read_as_botocore_reads_them_however_they_are_split(
    messages: list[tuple[list[tuple[str, tuple[int, bytes]]], bytes]], cuts: list[int]
) -> None:
    data = b"".join(message(headers, payload) for headers, payload in messages)
    found = read(data, *(cut for cut in cuts if cut < len(data)))
    assert [one.data for one in found] == [payload for _, _, payload in read_by_botocore(data)]


def test_there_are_samples() -> None:
    assert len(FILES) >= 7


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("size", [1, 7, 1024])
def test_samples_in_slices(path: Path, size: int) -> None:
    data = path.read_bytes()
    cuts = range(size, len(data), size)
    if "badcrc" in path.name:
        with pytest.raises(ChecksumMismatch):
            read_by_botocore(data)
        with pytest.raises(FramingError, match="checksum"):
            read(data, *cuts)
        return
    told = read_by_botocore(data)
    found = read(data, *cuts)
    assert [(one.kind, one.data) for one in found if "/" not in one.kind] == [
        (kind, payload) for sort, kind, payload in told if sort == "event"
    ]
    assert len(found) == len(told)


def test_15_failures_within_a_stream_are_events_of_their_own_kind() -> None:
    broken = message(
        [(":message-type", text("exception")), (":exception-type", text("throttlingException"))], b'{"message": "slow"}'
    )
    failed = message(
        [(":message-type", text("error")), (":error-code", text("InternalError")), (":error-message", text("bång"))],
        b"",
    )
    assert read(event("a") + broken + failed) == [
        Event(b"{}", "a"),
        Event(b'{"message": "slow"}', "exception/throttlingException"),
        Event("bång".encode(), "error/InternalError"),
    ]


def test_15_a_message_without_headers_is_an_event() -> None:
    assert read(message([], b"x")) == [Event(b"x", "")]


def test_15_no_single_bit_may_change() -> None:
    data = event("contentBlockDelta", b'{"p": "abc"}')
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FramingError):
            read(bytes(changed))


@pytest.mark.parametrize("cut", range(1, len(event("a"))))
def test_14_a_stream_that_ends_within_a_message_is_an_error(cut: int) -> None:
    with pytest.raises(FramingError):
        read(event("first") + event("a")[:cut])


def test_what_came_before_a_fault_is_delivered() -> None:
    reader = EventStreamReader()
    bad = bytearray(event("b"))
    bad[-1] ^= 1
    assert [one.kind for one in reader.feed(event("a") + bytes(bad))] == ["a"]
    with pytest.raises(FramingError):
        reader.feed(b"")


def test_a_message_that_is_too_large_is_refused_by_its_first_bytes() -> None:
    with pytest.raises(FramingError, match="larger than 100 bytes"):
        EventStreamReader(limit=100).feed(event("a", b"x" * 200)[:12])
