"""YAML events to the node tree: anchors, aliases, merge keys, duplicate keys, depth.

Works from libyaml's events, not from its composer, whose recursion a deeply nested file could exhaust.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import yaml

from xmc.compiler.node import Broken, Entry, Mapping, Node, Scalar, Sequence
from xmc.compiler.report import make
from xmc.compiler.scalar import CORE, scalar
from xmc.schema import Diagnostic, Label, Span

MAX_DEPTH = 64
MAX_EXPANSION = 10
_FREE_EXPANSION = 4096
"""Aliases that add less than this many characters are never counted as a bomb, however small the file."""

_MERGE = "<<"
_QUOTES = ("'", '"')


class StopError(Exception):
    """Reading cannot go on; the diagnostic says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class _Open(msgspec.Struct):
    """A collection that is being read: its parts so far (keys and values alternate in a mapping), and its size."""

    event: yaml.CollectionStartEvent
    span: Span
    parts: list[Node] = []
    size: int = 1


class Composer:
    """Builds the tree of one document. `found` holds what is wrong with it."""

    def __init__(self, file: str, source_size: int) -> None:
        self.file = file
        self.found: list[Diagnostic] = []
        self._limit = max(MAX_EXPANSION * source_size, source_size + _FREE_EXPANSION)
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._open: list[_Open] = []
        self._size = 0  # of all that is open
        self._root: Node | None = None

    def compose(self, events: Iterable[Any]) -> Node | None:
        """Return the root of the only document; None when there is no document.

        Raises:
            StopError: too deep, expanded too far, or a second document.
            yaml.YAMLError: from the events.
        """
        steps: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.DocumentStartEvent: self._document,
        }
        for event in events:
            step = steps.get(type(event))
            if step is not None:
                step(event)
        return self._root

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        if self._root is not None:
            hint = "put every endpoint under the one `endpoints:` list"
            raise StopError(make("XMC111", self._span(event), "a second YAML document begins here", hint=hint))

    def _span(self, event: Any, until: Any = None) -> Span:
        """The place of an event; what ends with an indentation ends where its last line does."""
        start, end = event.start_mark, (until or event).end_mark
        return Span(self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def _place(self, node: Node, size: int) -> None:
        if self._open:
            self._open[-1].parts.append(node)
            self._open[-1].size += size
        else:
            self._root = node
        self._size += size
        if self._size > self._limit:
            message = f"the aliases of this file expand it to more than {MAX_EXPANSION} times its size"
            raise StopError(
                make("XMC106", node.span, message, hint="write the repeated parts out, or use fewer aliases")
            )

    def _name(self, anchor: str | None, node: Node, size: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (node, size)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        span = self._span(event)
        tag = None if event.implicit[0] or event.implicit[1] else event.tag
        node: Node | None = scalar(event.value, span, plain=bool(event.implicit[0]), tag=tag)
        if node is None:
            node = self._bad_tag(str(tag), span)
        elif (
            isinstance(node, Scalar)
            and node.plain
            and node.text[-1:] in _QUOTES
            and node.text.count(node.text[-1:]) == 1
        ):
            message = f"{node.text[-1]} at the end of unquoted text is a part of it"
            hint = "open the quote where the text begins, or leave this one out"
            self.found.append(make("XMC115", span, message, hint=hint))
        size = len(event.value) + 1
        self._name(event.anchor, node, size)
        self._place(node, size)

    def _bad_tag(self, tag: str, span: Span) -> Broken:
        kind = f"!!{tag.removeprefix(CORE)}" if tag.startswith(CORE) else "of your own"
        hint = "leave the tag out; quote the value if it is text"
        self.found.append(make("XMC113", span, f"a tag {kind} cannot be used on this value", hint=hint))
        return Broken(span)

    def _alias(self, event: yaml.AliasEvent) -> None:
        span = self._span(event)
        target = self._anchors.get(str(event.anchor))
        if target is None:
            inside = event.anchor in self._anchors
            why = "stands inside the value that it names" if inside else "names no anchor before it"
            self.found.append(make("XMC105", span, f"this alias {why}", hint="quote it if it is text"))
            target = (Broken(span), 1)
        self._place(*target)

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._open) >= MAX_DEPTH:
            message = f"this is nested more than {MAX_DEPTH} levels deep"
            raise StopError(make("XMC107", self._span(event), message, hint="a spec needs about ten levels"))
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._open.append(_Open(event, self._span(event)))
        self._size += self._open[-1].size

    def _end(self, event: yaml.CollectionEndEvent) -> None:
        opened = self._open.pop()
        self._size -= opened.size  # comes back as a part of what it stands in
        start = opened.event
        span = self._span(start, event) if start.flow_style else opened.span
        kind = "map" if isinstance(start, yaml.MappingStartEvent) else "seq"
        node: Node
        if start.tag not in (None, "!", CORE + kind):
            node = self._bad_tag(start.tag, span)
        elif kind == "seq":
            node = Sequence(tuple(opened.parts), span)
        else:
            node = self._mapping(opened, span)
        self._name(start.anchor, node, opened.size)
        self._place(node, opened.size)

    def _mapping(self, opened: _Open, span: Span) -> Node:
        pairs = list(zip(opened.parts[::2], opened.parts[1::2], strict=True))
        if opened.event.flow_style and len(pairs) == 1 and isinstance(pairs[0][0], Mapping | Broken):
            return self._braces(span)
        own: dict[str, Entry] = {}
        merged: list[Entry] = []
        for key, value in pairs:
            if isinstance(key, Scalar) and key.plain and key.text == _MERGE:
                merged.extend(self._merge(value))
            elif not isinstance(key, Scalar) or not isinstance(key.value, str):
                self._bad_key(key)
            elif key.value in own:
                first = Label(own[key.value].key_span, "first written here")
                message = f"the key {key.value!r} is written twice in this mapping"
                hint = "keep one of them"
                self.found.append(make("XMC102", key.span, message, labels=(first,), hint=hint))
            else:
                own[key.value] = Entry(key.value, key.span, value)
        for entry in merged:
            own.setdefault(entry.key, entry)
        return Mapping(tuple(own.values()), span, own)

    def _braces(self, span: Span) -> Broken:
        message = "{{…}} without quotes is a mapping inside a mapping to YAML"
        self.found.append(make("XMC104", span, message, hint='quote it: "{{secrets/scope/key}}", "{{ variable }}"'))
        return Broken(span)

    def _bad_key(self, key: Node) -> None:
        if isinstance(key, Broken):
            return
        what = f"the key {key.text or 'null'} is not text" if isinstance(key, Scalar) else "a key must be text"
        hint = f'quote it: "{key.text}"' if isinstance(key, Scalar) else "use a string as the key"
        self.found.append(make("XMC112", key.span, what, hint=hint))

    def _merge(self, value: Node) -> list[Entry]:
        sources = value.items if isinstance(value, Sequence) else (value,)
        entries: list[Entry] = []
        for source in sources:
            if isinstance(source, Mapping):
                entries.extend(source.entries)
            elif not isinstance(source, Broken):
                message = "<< merges a mapping or a list of mappings, not this"
                self.found.append(make("XMC114", source.span, message, hint="name an anchored mapping: <<: *name"))
        return entries
