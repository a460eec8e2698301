"""The law that lets a target be relayed as bytes: what `exact` and `scan` emit is what `normalise` emits.

Over everything recorded from OpenAI's form and arbitrary streams in it, with usage asked for or not, however the bytes
arrive. A second law keeps the first from being empty: the strict normaliser of `custom`, which takes no chunk as it
is, hears the same things said in the same stream.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import strategies
from tests.laws.test_provider_laws import assemble
from tests.plugins.recorded import STREAMS, read, task_of
from tests.strategies import Conversation
from tests.streams import events_of, exchange, make_relay, run

from xmc.schema import Relay, Task

TRUE_TO_FORM = [name for name in STREAMS if name.startswith(("openai/", "framing/"))]
CONVERSATIONS = strategies.chats(quirky=False) | strategies.completions(quirky=False)

bounded = settings(max_examples=30)
as_bytes = pytest.mark.parametrize("relay", [Relay.EXACT, Relay.SCAN])
usage_asked = pytest.mark.parametrize("usage", [False, True], ids=["without-usage", "with-usage"])


def relayed(kind: Relay, reads: list[bytes], task: Task, n: int, *, usage: bool) -> tuple[object, ...]:
    """Return all that a relay says about a stream: its chunks, how it ended, what it counted."""
    relay = make_relay(kind, exchange("openai", task, n=n), include_usage=usage)
    chunks = events_of(run(relay, reads))
    progress = relay.progress
    assert progress.chunks == len(chunks)
    return chunks, progress.failure, progress.complete, progress.finished, progress.usage


def cuts(data: bytes) -> list[list[bytes]]:
    """Return the stream whole, in single bytes, by events, and in pieces that meet neither lines nor characters."""
    sizes = (len(data), 1, 7, 64, 333)
    return [
        *([data[i : i + size] for i in range(0, len(data), size)] for size in sizes),
        [event + b"\n\n" for event in data.split(b"\n\n")[:-1]] or [data],
    ]


@as_bytes
@usage_asked
@pytest.mark.parametrize("name", TRUE_TO_FORM)
def test_samples_are_relayed_as_they_are_normalised(relay: Relay, usage: bool, name: str) -> None:
    data, task, n = read(name), task_of(name), 2 if "n2" in name else 1
    expected = relayed(Relay.NORMALISE, [data], task, n, usage=usage)
    assert expected[0]
    for reads in cuts(data):
        assert relayed(relay, reads, task, n, usage=usage) == expected
        assert relayed(Relay.NORMALISE, reads, task, n, usage=usage) == expected


@as_bytes
@bounded
@given(data=st.data(), usage=st.booleans())
def test_any_stream_is_relayed_as_it_is_normalised(relay: Relay, usage: bool, data: st.DataObject) -> None:
    told: Conversation = data.draw(CONVERSATIONS)
    stream = data.draw(strategies.streams_of(told.chunks, plain=data.draw(st.booleans())))
    reads = data.draw(strategies.reads_of(stream))
    expected = relayed(Relay.NORMALISE, [stream], told.task, len(told.said), usage=usage)
    assert relayed(relay, reads, told.task, len(told.said), usage=usage) == expected


@bounded
@given(data=st.data())
def test_what_passes_as_bytes_says_what_the_strict_normaliser_hears(data: st.DataObject) -> None:
    told: Conversation = data.draw(CONVERSATIONS)
    stream = data.draw(strategies.streams_of(told.chunks, plain=True))
    reads = data.draw(strategies.reads_of(stream))
    exact = make_relay(Relay.EXACT, exchange("openai", told.task, n=len(told.said)), include_usage=True)
    strict = make_relay(Relay.NORMALISE, exchange("custom", told.task, n=len(told.said)), include_usage=True)
    passed, heard = (assemble(events_of(run(relay, reads))) for relay in (exact, strict))
    assert passed == heard
    assert exact.progress.complete
    assert strict.progress.complete
