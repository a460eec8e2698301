"""Checks of a stream framing that the plugin adds itself: bytes to events, total and bounded."""

from hypothesis import strategies as st

from xmc.plugins import Framing, FramingError
from xmc.runtime.conformance.check import Check, NotApplicable, Subject, expect, shown
from xmc.runtime.conformance.law import holds
from xmc.schema import Event

# No honest event is as large as this, and no reader may keep as much.
_TOO_MUCH = 64 * 1024 * 1024
_PIECE = 1024 * 1024


def framing_total(subject: Subject) -> None:
    """Feed arbitrary bytes, most of them those of a sample with a few of them changed."""
    data = b"".join(sample.stream or b"" for sample in subject.specimen.samples)[:2000]
    changed = st.tuples(st.integers(0, max(len(data) - 1, 0)), st.binary(max_size=4)).map(
        lambda drawn: data[: drawn[0]] + drawn[1] + data[drawn[0] + len(drawn[1]) :]
    )
    for framing in _own(subject):

        def law(fed: bytes, framing: Framing = framing) -> None:
            reader = framing.reader()
            try:
                events = [*reader.feed(fed), *reader.finish()]
            except FramingError as error:
                expect(str(error), f"{fed[:60]!r} is refused without a word")
                return
            expect(all(isinstance(event, Event) for event in events), f"{fed[:60]!r} gave {shown(events)}")

        holds(st.binary(max_size=60) | changed, law)


def framing_bounded(subject: Subject) -> None:
    """Feed one event without an end."""
    for framing in _own(subject):
        reader = framing.reader()
        start = next((sample.stream[:1] for sample in subject.specimen.samples if sample.stream), b"{")
        fed, piece = 0, start + b"x" * _PIECE
        try:
            while fed < _TOO_MUCH:
                if reader.feed(piece):
                    break  # it takes this for whole events, and keeps nothing
                fed += len(piece)
                piece = b"x" * _PIECE
        except FramingError:
            continue
        expect(fed < _TOO_MUCH, f"it kept {fed // _PIECE} MiB of one event")


CHECKS = (
    Check(
        "framing-total",
        "Any bytes give events or a FramingError, and nothing else",
        "an upstream behind a broken proxy sends anything",
        framing_total,
    ),
    Check(
        "framing-bounded",
        "An event without an end is refused before it fills the memory",
        "one upstream must not take the gateway down",
        framing_bounded,
    ),
)


def _own(subject: Subject) -> list[Framing]:
    names = subject.plugins.added[subject.plugin].get("framings", ())
    used = {subject.target(sample).framing for sample in subject.specimen.samples}
    found = [subject.plugins.framings[name] for name in names if name in used]
    if not found:
        raise NotApplicable("the plugin adds no framing")
    return found
