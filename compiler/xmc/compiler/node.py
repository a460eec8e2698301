"""The tree that a spec is parsed into: immutable values, each with the place where it stands.

Anchored values are shared, not copied, so one value can stand at several paths; a path names one of them.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from xmc.schema import Span

Path = tuple[str | int, ...]
"""Keys and 0-based positions that lead from the root of a spec to a value."""


class Scalar(msgspec.Struct, frozen=True, gc=False):
    """A string, number, boolean or null. `text` is what the user wrote, `plain` that it stands without quotes."""

    value: str | int | float | bool | None
    text: str
    plain: bool
    span: Span


class Sequence(msgspec.Struct, frozen=True, gc=False):
    """A list."""

    items: tuple["Node", ...]
    span: Span


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One key of a mapping with its value."""

    key: str
    key_span: Span
    value: "Node"


class Mapping(msgspec.Struct, frozen=True, gc=False):
    """A mapping with unique string keys, in the order of the source. `span` is its opening line."""

    entries: tuple[Entry, ...]
    span: Span
    index: dict[str, Entry] = {}
    """The entries by key; made of them if it is not given."""

    def __post_init__(self) -> None:
        if not self.index:
            self.index.update((entry.key, entry) for entry in self.entries)

    def get(self, key: str) -> "Node | None":
        """Return the value of a key; None if it is absent or null, which mean the same in a spec."""
        entry = self.index.get(key)
        return None if entry is None or is_null(entry.value) else entry.value


class Broken(msgspec.Struct, frozen=True, gc=False):
    """Stands where a value could not be read. It has been reported; nothing more is said about it."""

    span: Span


Node = Scalar | Sequence | Mapping | Broken


def is_null(node: "Node") -> bool:
    """Tell whether the user wrote null or left the value out."""
    return isinstance(node, Scalar) and node.value is None


def string(node: "Node | None") -> str | None:
    """Return the text of a string value, None for anything else."""
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None


def mapping(node: "Node | None") -> "Mapping | None":
    """Return the node if it is a mapping."""
    return node if isinstance(node, Mapping) else None


def items(node: "Node | None") -> tuple["Node", ...]:
    """Return the items of a list, () for anything else."""
    return node.items if isinstance(node, Sequence) else ()


def plain(node: "Node") -> Any:
    """Return the value as plain data. Keys whose value is null are left out; what is broken becomes None."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    if not isinstance(node, Mapping):
        return None
    found: dict[str, Any] = {}
    for entry in node.entries:
        value = entry.value
        if not isinstance(value, Scalar):
            found[entry.key] = plain(value)
        elif value.value is not None:
            found[entry.key] = value.value
    return found


def follow(root: "Node", path: Path) -> "Node":
    """Return the value at a path; where the path leaves the tree, the last value on the way."""
    node = root
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node.index:
            node = node.index[step].value
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            break
    return node


def exists(root: "Node", path: Path) -> bool:
    """Tell whether there is a value at a path."""
    parent = follow(root, path[:-1])
    if isinstance(parent, Mapping):
        return path[-1] in parent.index
    return isinstance(parent, Sequence) and isinstance(path[-1], int) and path[-1] < len(parent.items)


def key_span(root: "Node", path: Path) -> Span:
    """Return the span of the key that a path ends in; of a list item, or of the root, the value's own."""
    parent = follow(root, path[:-1])
    if path and isinstance(parent, Mapping) and path[-1] in parent.index:
        return parent.index[str(path[-1])].key_span
    return follow(root, path).span


def opening(root: "Node", path: Path) -> Span:
    """Return the line that opens the mapping which lacks the last key of a path.

    That is the mapping's own key where it has one, its first line where it is a list item or the root.
    """
    return key_span(root, path[:-1])


def walk(node: "Node", path: Path = ()) -> Iterator[tuple[Path, "Node"]]:
    """Yield every value with its path, parents before children, in the order of the source."""
    pending = [(path, node)]
    while pending:
        path, node = pending.pop()
        yield path, node
        if isinstance(node, Sequence):
            pending += [((*path, place), item) for place, item in enumerate(node.items)][::-1]
        elif isinstance(node, Mapping):
            pending += [((*path, entry.key), entry.value) for entry in node.entries][::-1]


def dotted(path: Path) -> str:
    """Write a path as users read it.

    >>> dotted(("endpoints", 0, "config", "served_entities", 1))
    'endpoints[0].config.served_entities[1]'
    """
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
