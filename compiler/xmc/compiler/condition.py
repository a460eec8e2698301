"""Errors of a schema's `then` and `else`: what is asked for because of another key."""

from typing import Any

from xmc.compiler.node import Path
from xmc.compiler.report import Report
from xmc.schema import JsonObject

Error = Any
"""A `jsonschema.ValidationError`, as in `explain`."""

BRANCHES = frozenset({"then", "else"})


def is_conditional(error: Error) -> bool:
    """Tell whether an error comes from the part of a schema that counts under a condition only."""
    return not BRANCHES.isdisjoint(error.absolute_schema_path)


def condition_is_wrong(report: Report, path: Path, error: Error, schema: JsonObject | None) -> bool:
    """Tell whether a key that decides whether something is asked for is itself wrong, in this mapping."""
    part: Any = schema or {}
    for step in error.absolute_schema_path:
        if step in BRANCHES and any(report.is_wrong((*path, name)) for name in part["if"].get("properties", {})):
            return True
        if step == "$ref" or (isinstance(part, dict) and step not in part):  # leads to where this cannot follow
            return False
        part = part[step]
    return False
