"""Capability records and configuration schemas, read from the data files beside a provider."""

from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any

import msgspec

from xmc.plugins.contract import Capability
from xmc.schema import JsonObject, Task


class _Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One task of a capability file: parameter names by status, all learnt from the same page on the same day.

    Under `mapped` each name has the place where it ends up; see `Capability.field`.
    """

    source: str
    date: str
    parameters: dict[str, tuple[str, ...] | dict[str, str]]


def read_capabilities(package: str, name: str = "capabilities.json") -> Mapping[Task, Mapping[str, Capability]]:
    """Read `{task: {source, date, parameters: {status: [name, …], "mapped": {name: field}}}}` from a data file."""
    columns = msgspec.json.decode(_read(package, name), type=dict[Task, _Column])
    return MappingProxyType({task: MappingProxyType(_records(column)) for task, column in columns.items()})


def read_schema(package: str, name: str = "config.schema.json") -> JsonObject:
    """Read a provider's configuration schema from a package's data file."""
    schema: dict[str, Any] = msgspec.json.decode(_read(package, name))
    return schema


def _records(column: _Column) -> dict[str, Capability]:
    return {
        parameter: Capability(status, column.source, column.date, names[parameter] if isinstance(names, dict) else "")
        for status, names in column.parameters.items()
        for parameter in names
    }


def _read(package: str, name: str) -> bytes:
    return resources.files(package).joinpath(name).read_bytes()
