"""Whatever bytes come in whatever pieces, a relay neither raises nor writes anything but well-formed events."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.streams import compact, delta, events_of, exchange, make_relay, opening, run, usage_chunk
from tests.upstreams import sse

from xmc.schema import Relay

CHUNKS: st.SearchStrategy[Any] = st.sampled_from(
    [
        opening(),
        delta("a"),
        delta("é\n\r"),
        delta(finish="stop"),
        delta("b", finish="length"),
        delta("c", usage={"prompt_tokens": 1}),
        usage_chunk(),
        {"error": {"message": "boom"}},
        {"choices": None},
        {"choices": [[]]},
        {"choices": [{}]},
        {"choices": [], "error": ""},
        {"choices": [{"finish_reason": 7, "index": "x"}]},
        {"choices": [{"finish_reason": {}, "index": []}, {"finish_reason": [1], "index": {}}]},
        [],
        None,
    ]
)
PARTS = st.one_of(
    CHUNKS.map(compact),
    CHUNKS.map(sse),
    CHUNKS.map(lambda chunk: compact(chunk).replace(b"\n", b"\r\n")),
    st.sampled_from(
        [b"data: [DONE]\n\n", b": c\n\n", b"event: error\n", b"id: 1\n", b"\n", b"\r", b"data:", b"\xef\xbb\xbf"]
    ),
    st.binary(max_size=30),
)


def _cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces, start = [], 0
    for size in sizes:
        pieces.append(data[start : start + size])
        start += size
    return [piece for piece in [*pieces, data[start:]] if piece]


def _outcome(kind: Relay, pieces: list[bytes]) -> tuple[list[Any], bool, bool]:
    relay = make_relay(kind, exchange(), include_usage=True)
    events = events_of(run(relay, pieces))
    assert relay.progress.chunks == len(events)
    failure = relay.progress.failure
    # That something is missing at the end is said by a decoder where there is one, and otherwise by the host.
    return events, relay.progress.complete, failure is not None and failure.code != "stream_incomplete"


@pytest.mark.parametrize("provider", ["openai", "custom"])
@given(parts=st.lists(PARTS, max_size=8), sizes=st.lists(st.integers(1, 60), max_size=30))
def test_normalised_bytes_are_events_and_do_not_depend_on_the_split(
    provider: str, parts: list[bytes], sizes: list[int]
) -> None:
    data = b"".join(parts)
    made = exchange(provider)
    whole, split = (make_relay(Relay.NORMALISE, made), make_relay(Relay.NORMALISE, made))
    assert events_of(run(whole, _cut(data, []))) == events_of(run(split, _cut(data, sizes)))
    assert whole.progress == split.progress


@given(parts=st.lists(PARTS, max_size=8), sizes=st.lists(st.integers(1, 60), max_size=30))
def test_all_classes_agree_on_any_bytes(parts: list[bytes], sizes: list[int]) -> None:
    data = b"".join(parts)
    normal = _outcome(Relay.NORMALISE, _cut(data, []))
    for kind in (Relay.EXACT, Relay.SCAN):
        assert _outcome(kind, _cut(data, sizes)) == normal
        assert _outcome(kind, _cut(data, [])) == normal
