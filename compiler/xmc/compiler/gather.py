"""Several files to one spec: lists are joined, every other key stands in one of them. Pure.

A file of several may leave `endpoints` out: one can hold the secret stores and the callers, the others the endpoints.
"""

from collections.abc import Sequence

import msgspec

from xmc.compiler.node import Entry, Mapping, Node, Scalar
from xmc.compiler.node import Sequence as SequenceNode
from xmc.compiler.report import Report, make
from xmc.schema import Diagnostic, Label

JOINED = ("endpoints", "principals")
"""Keys whose lists are joined, in the order of the files."""
_OF_AN_ENDPOINT = ("config", "served_entities")
"""Keys of a create body: who pastes one as a whole file is told so, and not that every key of it is unknown."""
_VERSION = "version"


class Gathered(msgspec.Struct, frozen=True):
    """The root of a whole spec, None if any file is not a part of one, and where each file's lists begin in it.

    `starts` maps a key of `JOINED` to the positions in the joined list at which a file's own list begins.
    """

    root: Mapping | None
    starts: dict[str, tuple[int, ...]]
    diagnostics: tuple[Diagnostic, ...]


def gather(roots: Sequence[Node]) -> Gathered:
    """Put the trees of the files of one spec together."""
    refused = tuple(found for root in roots for found in _refuse(root))
    parts = [root for root in roots if isinstance(root, Mapping)]
    if refused or len(parts) < len(roots):
        return Gathered(None, {}, refused)
    if len(parts) == 1:
        return Gathered(parts[0], {}, ())
    return _join(parts)


def _refuse(root: Node) -> tuple[Diagnostic, ...]:
    """Say why a file is no spec, or part of one."""
    report = Report(root)
    if isinstance(root, SequenceNode | Scalar):
        hint = "put the list under `endpoints:`" if isinstance(root, SequenceNode) else "begin with `endpoints:`"
        report.add("XMC203", (), "a spec must be a mapping with `endpoints:`", hint=hint)
    elif isinstance(root, Mapping) and root.get("endpoints") is None and any(root.get(key) for key in _OF_AN_ENDPOINT):
        message = "this is one endpoint; a spec lists endpoints"
        hint = "put it under `endpoints:`, as an item of that list: `endpoints: [{name: …}]`"
        report.add("XMC202", ("endpoints",), message, hint=hint, at="opening")
    return tuple(report.found)


def _join(parts: Sequence[Mapping]) -> Gathered:
    entries: dict[str, Entry] = {}
    starts: dict[str, list[int]] = {key: [] for key in JOINED}
    found: list[Diagnostic] = []
    for entry in (entry for part in parts for entry in part.entries):
        first = entries.get(entry.key)
        joins = entry.key in JOINED and isinstance(entry.value, SequenceNode)
        if joins:
            before = first.value if first else None
            starts[entry.key].append(len(before.items) if isinstance(before, SequenceNode) else 0)
        if first is None:
            entries[entry.key] = entry
        elif joins and isinstance(first.value, SequenceNode) and isinstance(entry.value, SequenceNode):
            joined = SequenceNode(first.value.items + entry.value.items, first.value.span)
            entries[entry.key] = Entry(entry.key, first.key_span, joined)
        elif not _is_same_version(first, entry):
            found.append(_twice(first, entry))
    root = Mapping(tuple(entries.values()), parts[0].span)
    return Gathered(root, {key: tuple(places) for key, places in starts.items()}, tuple(found))


def _is_same_version(first: Entry, second: Entry) -> bool:
    """Each file may say which language it is written in."""
    values = [entry.value.value if isinstance(entry.value, Scalar) else entry for entry in (first, second)]
    return first.key == _VERSION and values[0] == values[1]


def _twice(first: Entry, second: Entry) -> Diagnostic:
    message = f"`{second.key}` stands in two files of one spec"
    if second.key in JOINED:
        message = f"`{second.key}` of two files cannot be joined: one of them is no list"
    label = Label(first.key_span, "first written here")
    return make("XMC213", second.key_span, message, hint="keep it in one file", labels=(label,))
