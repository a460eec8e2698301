"""What a check is, and what it looks at: one specimen of one provider, among the plugins that it needs."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xmc.plugins import Adapter, EntitySpec, Framing, Link, Plugins, Provider, Sample, Slot, Specimen
from xmc.schema import Context, Exchange, Refusal, Target, Task

CONTEXT = Context(request_id="req-kit", id="KIT", created=1_700_000_000)
"""What every check tells an adapter of its request."""


_SHOWN = 300


class Failed(Exception):  # noqa: N818 - it is a verdict, and not an error of the kit
    """The plugin does not keep what the check looks at; the message says what was seen."""


class NotApplicable(Exception):  # noqa: N818 - as above
    """The check has nothing to look at in this plugin; the message says why."""


@dataclass(frozen=True)
class Subject:
    """One specimen under examination. `plugins` are all that are installed, its own among them."""

    plugin: str
    specimen: Specimen
    plugins: Plugins

    @property
    def provider(self) -> Provider:
        """The provider that the specimen is of. Raises `Failed`."""
        found = self.plugins.providers.get(self.specimen.provider)
        if found is None:
            raise Failed(f"the specimen is of provider {self.specimen.provider!r}, which is not installed")
        return found

    @cached_property
    def secrets(self) -> Mapping[str, str]:
        """Values for the configuration's slots: made up, and found wherever they leak."""
        if self.specimen.secrets is not None:
            return dict(self.specimen.secrets())
        configs = (self.specimen.config, *self.specimen.task_config.values())
        return {slot: f"canary-{secrets.token_hex(12)}" for config in configs for slot in _slots(config)}

    def config(self, task: Task) -> dict[str, Any]:
        """Return the configuration for a task."""
        return {**self.specimen.config, **self.specimen.task_config.get(task, {})}

    def link(self, task: Task, model: str = "a-model") -> Link:
        """Link an entity with the specimen's configuration."""
        return self.provider.link(EntitySpec("endpoint", "entity", model, task, self.config(task)))

    def target(self, sample: Sample) -> Target:
        """Return the target for a sample. Raises `Failed`."""
        found = self.link(sample.task, sample.model)
        if found.target is None:
            raise Failed(f"the specimen's configuration does not link: {[one.message for one in found.findings]}")
        return found.target

    def adapter(self, sample: Sample) -> Adapter:
        """Bind to a sample's target."""
        return self.provider.adapter(self.target(sample))

    def framing(self, target: Target) -> Framing:
        """Return the framing that a target names. Raises `Failed`."""
        found = self.plugins.framings.get(target.framing)
        if found is None:
            raise Failed(f"the target names the framing {target.framing!r}, which is not installed")
        return found

    def exchange(self, sample: Sample, **more: Any) -> Exchange:
        """Prepare a sample's request. Raises `Failed` if it is refused."""
        prepared = self.adapter(sample).prepare({**sample.request, **more}, CONTEXT)
        if isinstance(prepared, Refusal):
            raise Failed(f"the request of a sample is refused: {prepared.message}")
        return prepared

    def streamed(self) -> tuple[Sample, ...]:
        """Return the samples that are told as a stream too. Raises `NotApplicable` if there are none."""
        found = tuple(sample for sample in self.specimen.samples if sample.stream is not None)
        if not found:
            raise NotApplicable("no sample has a stream")
        return found


@dataclass(frozen=True)
class Check:
    """One thing that a plugin keeps or does not. `what` is the promise, `why` what breaks without it.

    `run` returns in silence, or raises `Failed` or `NotApplicable`. Anything else came out of the plugin.
    """

    id: str
    what: str
    why: str
    run: Callable[[Subject], None]


@dataclass(frozen=True)
class Outcome:
    """What came of a check: `passed`, `failed` or `not applicable`, and what was seen where it did not pass."""

    status: str
    said: str = ""


@dataclass(frozen=True)
class Case:
    """A check of a subject, to be run."""

    check: Check
    subject: Subject

    def outcome(self) -> Outcome:
        """Run the check. Raises nothing: an exception that comes out of the plugin is a failure."""
        try:
            self.check.run(self.subject)
        except NotApplicable as reason:
            return Outcome("not applicable", str(reason))
        except Failed as failed:
            return Outcome("failed", str(failed))
        except Exception as error:  # noqa: BLE001 - whatever it is, it came out of the plugin
            return Outcome("failed", f"{type(error).__name__} came out of the plugin: {error}")
        return Outcome("passed")

    def run(self) -> None:
        """Run the check, for a test suite. Raises `Failed` with what was seen, what was promised, and why."""
        outcome = self.outcome()
        if outcome.status == "failed":
            raise Failed(f"{self}: {outcome.said}\n{self.check.what}; {self.check.why}")

    def __str__(self) -> str:
        return f"{self.subject.specimen.title}:{self.check.id}"


def expect(holds: object, message: str) -> None:
    """Raise `Failed` with the message unless something holds."""
    if not holds:
        raise Failed(message)


def shown(value: Any) -> str:
    """Return a value as a message may show it: one line, not too long."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except (ValueError, TypeError):
        text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _slots(config: Any) -> list[str]:
    if isinstance(config, Slot):
        return [config.name]
    inner = config.values() if isinstance(config, Mapping) else config if isinstance(config, list) else ()
    return [name for value in inner for name in _slots(value)]
