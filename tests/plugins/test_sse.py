import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.recorded import STREAMS, read
from tests.strategies import reads_of

from xmc.plugins import FramingError
from xmc.plugins.sse import MAX_EVENT_BYTES, Sse, SseReader
from xmc.schema import Event


def read_all(reads: list[bytes], limit: int = MAX_EVENT_BYTES) -> list[Event]:
    reader = SseReader(limit)
    return [*(event for read in reads for event in reader.feed(read)), *reader.finish()]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [Event(b"a")]),
        (b"data:a\n\n", [Event(b"a")]),
        (b"data:  a\n\n", [Event(b" a")]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", [Event(b"a"), Event(b"b"), Event(b"c")]),
        (b"data: a\ndata: b\n\n", [Event(b"a\nb")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Event(b"a")]),
        (b"event: error\ndata: a\n\n", [Event(b"a", "error")]),
        (b": comment\n\n:\n\ndata: a\n\n", [Event(b"a")]),
        (b"id: 1\n\nretry: 3\n\ndata\n\ndata:\n\ndata: \n\nevent: x\n\n", []),
        (b"id: 1\ndata: a\nretry: 3\nnonsense: 4\n\n", [Event(b"a")]),
        (b"data: a\n\n\n\n\ndata: b\n\n", [Event(b"a"), Event(b"b")]),
        (b"data: a", [Event(b"a")]),
        (b"data: a\n", [Event(b"a")]),
        (b"data: a\r", [Event(b"a")]),
        (b"database: a\n\n", []),
        (b"", []),
        (b"\xef\xbb", []),
    ],
)
def test_the_rules_of_the_standard_and_ours(stream: bytes, events: list[Event]) -> None:
    assert read_all([stream]) == events
    assert read_all([stream[i : i + 1] for i in range(len(stream))]) == events


@given(
    st.lists(st.sampled_from([b"data: x", b"data:", b"\n", b"\r", b"\r\n", b":c", b"event: e", b"\xef\xbb\xbf", b"y"])),
    st.data(),
)
def test_any_split_gives_the_same_events(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    assert read_all(data.draw(reads_of(stream))) == read_all([stream])


def outcome(reads: list[bytes], limit: int) -> tuple[list[Event], bool]:
    reader = SseReader(limit)
    events: list[Event] = []
    try:
        for piece in reads:
            events += reader.feed(piece)
        events += reader.finish()
    except FramingError:
        return events, True
    return events, False


@given(st.lists(st.sampled_from([b"data: 1234", b"data: 123456", b"\n", b"\n\n", b"\r\n"]), max_size=8), st.data())
def test_the_limit_acts_the_same_however_the_bytes_were_split(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts) + b"\n\n"
    reads = data.draw(reads_of(stream))
    assert outcome(reads, 10) == outcome([stream], 10)


@pytest.mark.parametrize("name", [name for name in STREAMS if name.startswith("framing/")])
def test_framing_samples_hold_the_same_json(name: str) -> None:
    events = read_all([read(name)])
    text = "".join(
        choice["delta"].get("content") or ""
        for event in events
        if event.data != b"[DONE]"
        for choice in json.loads(event.data)["choices"]
    )
    assert text == "smörgås 🦌"


def test_an_event_of_just_the_limit_passes() -> None:
    assert outcome([b"data: 1234", b"\n", b"\n"], 10) == ([Event(b"1234")], False)
    assert outcome([b"data: 12345", b"\n", b"\n"], 10) == ([], True)


def test_an_event_larger_than_the_limit_is_an_error_and_the_events_before_it_are_not_lost() -> None:
    reader = SseReader()
    big = b"data: " + b"x" * MAX_EVENT_BYTES
    assert reader.feed(b"data: a\n\n" + big) == [Event(b"a")]
    with pytest.raises(FramingError, match="larger than 8388608 bytes"):
        reader.feed(b"\n\n")
    with pytest.raises(FramingError):
        reader.finish()


def test_an_event_of_a_megabyte_in_tiny_reads_costs_linear_time() -> None:
    def seconds(size: int) -> float:
        stream = b"data: " + b"x" * size + b"\n\n"
        began = time.perf_counter()
        events = read_all(_cut(stream, 16))
        assert [len(event.data) for event in events] == [size]
        return time.perf_counter() - began

    small, large = min(seconds(100_000) for _ in range(3)), seconds(1_000_000)
    assert large < 60 * small, f"{small:.4f} s for 100 kB, {large:.4f} s for 1 MB"


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def test_the_framing_names_itself() -> None:
    framing = Sse()
    assert (framing.name, framing.accept) == ("sse", "text/event-stream")
    assert framing.reader() is not framing.reader()
