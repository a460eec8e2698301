"""Specimens: what a provider's upstream says, in its own bytes, for the conformance kit.

Nothing that serves traffic reads them. A plugin hands them over by the hook `xmc_specimens`, and imports what makes
them in the hook's body, so that no other command pays for it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from xmc.schema import JsonObject, Task


class Sample(msgspec.Struct, frozen=True):
    """One answer of an upstream to one canonical request, told whole and, if it can be, as a stream.

    `request` has neither `model` nor `stream`. `replies` are the bodies of the whole answer, one for each call that the
    request takes, in the order of the calls. `stream` are the bytes of the same answer in the target's framing; None
    if the upstream does not stream this. `model` is the `external_model.name` that is asked.
    """

    task: Task
    request: JsonObject
    replies: tuple[bytes, ...]
    stream: bytes | None = None
    model: str = "a-model"


class Failure(msgspec.Struct, frozen=True):
    """A refusal of the upstream: its HTTP status and body, and the words in it that a client must get to read."""

    status: int
    body: bytes
    says: str


class Specimen(msgspec.Struct, frozen=True):
    """A provider with a configuration that links, and what its upstream says.

    `config` is as in `EntitySpec.config`: secrets are `Slot`s; `task_config` is what a task needs beside it. `secrets`
    makes values for the slots where any text will not do (a key that must parse); they must be made up anew each time.
    `values` replace the values with which request parameters are tried, where those mean nothing to this provider.
    `recorded`: the capability record speaks of it; not where it stands for models that differ from the others.
    """

    provider: str
    config: Mapping[str, Any]
    samples: tuple[Sample, ...]
    failures: tuple[Failure, ...]
    name: str = ""
    task_config: Mapping[Task, Mapping[str, Any]] = {}
    secrets: Callable[[], Mapping[str, str]] | None = None
    values: Mapping[str, Any] = {}
    recorded: bool = True

    @property
    def title(self) -> str:
        """What reports call it: the provider, and its own name if it has one."""
        return f"{self.provider} {self.name}".rstrip()


def as_json(value: Any) -> bytes:
    """Return a body."""
    import json  # noqa: PLC0415 - for the conformance kit alone

    return json.dumps(value, ensure_ascii=False).encode()


def as_sse(events: Iterable[Any], *, named: bool = False, end: bytes = b"data: [DONE]\n\n") -> bytes:
    """Return events as SSE; `named` ones carry their `type` in an `event:` line as well."""
    return (
        b"".join(
            (f"event: {event['type']}\n".encode() if named else b"") + b"data: " + as_json(event) + b"\n\n"
            for event in events
        )
        + end
    )
