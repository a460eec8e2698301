"""What the worst request of an endpoint costs: attempts, seconds, upstream calls. From a table, by its adapters."""

from dataclasses import dataclass

from xmc.plugins import Plugins
from xmc.schema import Context, Endpoint, Entity, Exchange, JsonObject, Task

CALLS_AT_ONCE = 8
"""Upstream calls of one request that run side by side; the runtime's own number, held by a test."""
_INPUTS = 1000


@dataclass(frozen=True, slots=True)
class WorstCase:
    """Of one endpoint, over its entities.

    `attempts`: how often one upstream call is sent at most. `seconds`: how long it takes at most, all attempts
    included, a new token not; of more than `CALLS_AT_ONCE` calls so many at a time take that long. `inputs_per_call`:
    how many inputs (prompts, texts) one upstream call takes, None if one call takes all.
    """

    attempts: int
    seconds: float
    inputs_per_call: int | None


def worst_case(endpoint: Endpoint, plugins: Plugins) -> WorstCase:
    """Return the worst case of an endpoint of a table that the installed plugins can serve.

    Nothing is tried again but a call that an upstream refused because its token had expired, once.
    """
    attempts = max(_attempts(entity, plugins) for entity in endpoint.entities)
    splits = [split for entity in endpoint.entities if (split := _inputs_per_call(entity, plugins)) is not None]
    seconds = attempts * endpoint.serving.timeouts.total_ms / 1000
    return WorstCase(attempts, seconds, min(splits, default=None))


def _attempts(entity: Entity, plugins: Plugins) -> int:
    scheme = plugins.auth_schemes[entity.target.auth.scheme]
    # Not in the protocol: a scheme that says nothing is taken for one whose credentials expire.
    return 1 if getattr(scheme, "static", False) else 2


def _inputs_per_call(entity: Entity, plugins: Plugins) -> int | None:
    """Ask the adapter: how many calls a request with many inputs comes to."""
    request = _request(entity.target.task)
    if request is None:
        return None
    adapter = plugins.providers[entity.target.provider].adapter(entity.target)
    prepared = adapter.prepare(request, Context("worst-case", "worst-case", 0))
    calls = len(prepared.calls) if isinstance(prepared, Exchange) else 1
    return None if calls == 1 else -(-_INPUTS // calls)


def _request(task: Task) -> JsonObject | None:
    key = {Task.EMBEDDINGS: "input", Task.COMPLETIONS: "prompt"}.get(task)
    return None if key is None else {key: [f"text {number}" for number in range(_INPUTS)]}
