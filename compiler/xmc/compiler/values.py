"""Values for `vars` from the command line: files of values, and single ones. Pure; the files were read before."""

from collections.abc import Sequence
from typing import Any

from xmc.compiler.compose import MAX_DEPTH
from xmc.compiler.node import Mapping, Node, plain
from xmc.compiler.parse import Source, parse
from xmc.compiler.report import make, settle
from xmc.compiler.variables import merged
from xmc.schema import Diagnostic


class ValueTextError(ValueError):
    """A single value that cannot be read; the message says why, without the value."""


def read_values(files: Sequence[Source], singles: Sequence[str]) -> tuple[dict[str, Any], tuple[Diagnostic, ...]]:
    """Return values by the names of variables, and what is wrong with the files.

    Later files win over earlier ones, single values (`name=value`, `name.key=value`) over files. Mappings are merged.

    Raises:
        ValueTextError: a single value that is not `name=value`, or whose value is no YAML.
    """
    values: dict[str, Any] = {}
    found: list[Diagnostic] = []
    for file in files:
        parsed = parse(file)
        found.extend(parsed.diagnostics)
        if isinstance(parsed.root, Mapping):
            values = merged(values, plain(parsed.root))
        elif parsed.root is not None and not parsed.diagnostics:
            found.append(_not_values(parsed.root))
    for single in singles:
        values = merged(values, _single(single))
    return values, settle(found)


def _not_values(root: Node) -> Diagnostic:
    message = "a file of values must be a mapping of variables to values"
    return make("XMC203", root.span, message, hint="write `name: value` lines")


def _single(text: str) -> dict[str, Any]:
    """Read one value.

    >>> _single("region=eu-west-1"), _single("shares.main=60"), _single("date=2026-01-01")
    ({'region': 'eu-west-1'}, {'shares': {'main': 60}}, {'date': '2026-01-01'})
    """
    name, equals, value = text.partition("=")
    keys = name.split(".")
    if not equals or not all(keys) or len(keys) > MAX_DEPTH:
        raise ValueTextError("a value is given as name=value, or name.part=value")
    read: Any = _read(name, value)
    for key in reversed(keys):
        read = {key: read}
    result: dict[str, Any] = read
    return result


def _read(name: str, value: str) -> Any:
    """Read a value as a spec would: numbers, true and false, lists; braces of references need no quotes here."""
    if "{{" in value or not value:
        return value
    parsed = parse(Source("value", value.encode()))
    if parsed.root is None or parsed.diagnostics:
        raise ValueTextError(f"the value of {name} cannot be read as YAML; quote it, also for the shell")
    return plain(parsed.root)
