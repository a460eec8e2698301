"""What the shipped providers are made of: a name, two data files, and two doors.

Every command imports the module that an entry point names, also one that never meets the provider. So that module holds
names only, and each door imports what is behind it when it is opened: `link` at compile time, `adapter` when a table is
loaded. What a request needs is imported by `adapter`, and not by the first request. A scheme's `acquire`, a store's
`open` and the hook `xmc_specimens` are such doors too.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import msgspec

from xmc.plugins.contract import Adapter, Capability, EntitySpec, Link
from xmc.schema import JsonObject, Target, Task, read_data


class PackagedProvider:
    """Base of a provider with `config.schema.json` and `capabilities.json` in its package, read when they are wanted.

    A provider sets the three names, and opens the two doors.
    """

    name: str
    config_key: str
    package: str

    @property
    def config_schema(self) -> JsonObject:
        """JSON Schema of the configuration."""
        return read_schema(self.package)

    @property
    def capabilities(self) -> Mapping[Task, Mapping[str, Capability]]:
        """Capability records by task and request parameter."""
        return read_capabilities(self.package)

    def link(self, entity: EntitySpec) -> Link:
        """Turn a served entity into a target. Imports what that takes."""
        raise NotImplementedError

    def adapter(self, target: Target) -> Adapter:
        """Bind to one target. Imports all that a request will need."""
        raise NotImplementedError


class _Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One task of a capability file: parameter names by status, all learnt from the same page on the same day.

    Under `mapped` each name has the place where it ends up; see `Capability.field`.
    """

    source: str
    date: str
    parameters: dict[str, tuple[str, ...] | dict[str, str]]


@cache
def read_capabilities(package: str, name: str = "capabilities.json") -> Mapping[Task, Mapping[str, Capability]]:
    """Read `{task: {source, date, parameters: {status: [name, …], "mapped": {name: field}}}}` from a data file."""
    columns = msgspec.json.decode(read_data(package, name), type=dict[Task, _Column])
    return MappingProxyType({task: MappingProxyType(_records(column)) for task, column in columns.items()})


@cache
def read_schema(package: str, name: str = "config.schema.json") -> JsonObject:
    """Read a provider's configuration schema from a package's data file."""
    schema: dict[str, Any] = msgspec.json.decode(read_data(package, name))
    return schema


def _records(column: _Column) -> dict[str, Capability]:
    return {
        parameter: Capability(status, column.source, column.date, names[parameter] if isinstance(names, dict) else "")
        for status, names in column.parameters.items()
        for parameter in names
    }
