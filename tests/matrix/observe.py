"""All cells of one provider and task, observed through one gateway."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from tests.gateways import PATHS, endpoint, running, table
from tests.matrix.cell import Seen, Upstream, ask, listening, verdict
from tests.matrix.rows import ROWS, Row
from tests.matrix.values import COMPANIONS, VALUES
from tests.providers import MINIMAL, PLUGINS

from xmc.plugins import build_plugins
from xmc.schema import Auth, Task


@dataclass(frozen=True)
class Observed:
    """What a parameter came to, and the two requests that show it."""

    verdict: str
    without: Seen
    given: Seen


@cache
def observed(provider: str, task: Task) -> Mapping[str, Observed]:
    """Send every parameter of the task through a gateway in front of the provider; once for all tests."""
    return asyncio.run(_observe(ROWS[provider], task))


def value_of(row: Row, name: str, task: Task) -> Any:
    """Return the value with which a parameter is tried."""
    return row.values.get(name, VALUES[task][name])


async def _observe(row: Row, task: Task) -> dict[str, Observed]:
    upstream = Upstream(
        row.sample(row.whole, task), row.sample(row.stream, task), row.content_type, streams=row.streams
    )
    found: dict[str, Observed] = {}
    async with listening(upstream):
        config = {**row.config.get(task, {}), row.base: upstream.url + row.path}
        # Credentials are not what is looked at here, so that no token has to be had.
        target = msgspec.structs.replace(row.case.target(task, **config), auth=Auth(scheme="none"))
        served = table(endpoint("e", target))
        async with running(served, plugins=build_plugins(PLUGINS)) as gateway, gateway.client() as client:
            for name in VALUES[task]:
                value = value_of(row, name, task)
                beside = _beside(row, name, task)
                # Only where the endpoint stands in the path may a client's `model` be anything.
                path, least = "e/invocations", {**row.least.get(task, MINIMAL[task]), **beside}
                if name != "model":
                    path, least = PATHS[task], {**least, "model": "e"}
                without = await ask(client, upstream, path, least)
                given = await ask(client, upstream, path, {**least, name: value})
                found[name] = Observed(verdict(name, value, without, given), without, given)
    return found


def _beside(row: Row, name: str, task: Task) -> dict[str, Any]:
    """Return what a parameter needs beside it, as far as the provider takes that."""
    known = row.case.provider.capabilities[task]
    return {
        other: row.values.get(other, value)
        for other, value in COMPANIONS.get(name, {}).items()
        if other in known and known[other].status != "refused"
    }
