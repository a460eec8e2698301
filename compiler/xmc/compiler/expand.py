"""Expressions to values: the step between reading a spec and checking it. Pure.

Every scalar that holds `{{ … }}` and no secret reference is worked out over `vars`. One that is wholly an expression
becomes the value itself, a number or a list say; any other becomes text. Keys are never expanded.
"""

import re
from collections.abc import Mapping
from operator import is_not
from typing import TYPE_CHECKING, Any

import msgspec

from xmc.compiler.node import Broken, Entry, Node, Scalar, is_null, plain
from xmc.compiler.node import Mapping as MappingNode
from xmc.compiler.node import Sequence as SequenceNode
from xmc.compiler.report import make
from xmc.compiler.suggest import did_you_mean, nearest
from xmc.schema import Diagnostic, Label, Span

if TYPE_CHECKING:
    from xmc.compiler.expression import ExpressionError, Part

VARS = "vars"
_SECRETS = re.compile(r"\{\{[-\s]*secrets\b")
_BRACES = re.compile(rb"\{%|\{\{(?![-\s]*secrets)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset({"and", "else", "false", "if", "in", "is", "none", "not", "or", "true"})
"""What Jinja2 reads as something else."""
_FREE_EXPANSION = 1_000_000
_MOST_EXPANSION = 10


class Expanded(msgspec.Struct, frozen=True):
    """The tree of a spec without `vars` and without expressions; what could not be worked out is `Broken`.

    `unused` is to be said of a spec without errors only: else a variable may be meant where it is not read.
    """

    root: MappingNode
    diagnostics: tuple[Diagnostic, ...]
    unused: tuple[Diagnostic, ...]


def expand(root: MappingNode, values: Mapping[str, Any], size: int) -> Expanded:
    """Work out the expressions of a spec of `size` characters; `values` take the place of its variables."""
    expander = _Expander(root, values, max(_MOST_EXPANSION * size, _FREE_EXPANSION))
    rest = tuple(entry for entry in root.entries if entry.key != VARS)
    entries = expander.entries(MappingNode(rest, root.span))
    expander.finish()
    return Expanded(MappingNode(entries, root.span), tuple(expander.found), expander.unused())


def is_expression(text: str) -> bool:
    """Tell whether a text is to be worked out.

    >>> is_expression("{{ region }}-1"), is_expression("{{secrets/a/b}}"), is_expression("plain")
    (True, False, False)
    """
    return ("{{" in text or "{%" in text) and _SECRETS.search(text) is None


def may_hold_expressions(text: bytes) -> bool:
    """Tell whether a file has to be looked through; braces that are written as escapes do not count as expressions."""
    return _BRACES.search(text) is not None


class _Failed(msgspec.Struct, frozen=True):
    """Stands for a variable whose value could not be worked out, which has been said."""


class _Expander(msgspec.Struct):
    root: MappingNode
    given: Mapping[str, Any]
    limit: int
    found: list[Diagnostic] = []
    _declared: dict[str, Entry] = {}
    _values: dict[str, Any] = {}
    _open: list[str] = []
    _used: set[str] = set()
    _seen: dict[int, tuple[Node, Node]] = {}
    _total: int = 0

    def __post_init__(self) -> None:
        entry = self.root.index.get(VARS)
        if entry is None or is_null(entry.value):
            return
        if not isinstance(entry.value, MappingNode):
            if not isinstance(entry.value, Broken):
                self._add("XMC203", entry.value.span, "`vars` must be a mapping of names to values")
            return
        for one in entry.value.entries:
            if _NAME.fullmatch(one.key) and one.key.lower() not in _WORDS:
                self._declared[one.key] = one
            else:
                message = f"{one.key!r} cannot be the name of a variable"
                self._add("XMC212", one.key_span, message, "use letters, digits and _, and no word of the language")

    def finish(self) -> None:
        """Say what was given and never declared."""
        at = self.root.index[VARS].key_span if VARS in self.root.index else self.root.span
        for name in self.given.keys() - self._declared.keys():
            message = f"a value is given for {name!r}, which `vars` does not declare"
            hint = did_you_mean(name, self._declared) or f"declare it: `vars: {{{name}: …}}`"
            self._add("XMC225", at, message, hint)

    def unused(self) -> tuple[Diagnostic, ...]:
        """Return a warning for each variable that nothing uses."""
        return tuple(
            make("XMC350", entry.key_span, f"no expression uses the variable {name!r}", hint="remove it")
            for name, entry in self._declared.items()
            if name not in self._used
        )

    def entries(self, mapping: MappingNode) -> tuple[Entry, ...]:
        """Return keys with their expanded values; one that is itself an expression is reported and left out."""
        wrong = [entry for entry in mapping.entries if is_expression(entry.key)]
        for entry in wrong:
            self._add("XMC209", entry.key_span, f"the key `{entry.key}` holds an expression", "write the key itself")
        kept = [entry for entry in mapping.entries if entry not in wrong] if wrong else mapping.entries
        return tuple(map(self._entry, kept))

    def _entry(self, entry: Entry) -> Entry:
        value = self.node(entry.value)
        return entry if value is entry.value else Entry(entry.key, entry.key_span, value)

    def node(self, node: Node) -> Node:
        """Return a value without expressions; the same object where there was none."""
        known = self._seen.get(id(node))
        if known is not None:
            return known[1]
        new: Node = node
        if isinstance(node, Scalar):
            if isinstance(node.value, str) and is_expression(node.value):
                new = self._scalar(node, node.value)
        elif isinstance(node, SequenceNode):
            items = tuple(self.node(item) for item in node.items)
            if any(map(is_not, items, node.items)):
                new = SequenceNode(items, node.span)
        elif isinstance(node, MappingNode):
            entries = self.entries(node)
            if len(entries) < len(node.entries) or any(map(is_not, entries, node.entries)):
                new = MappingNode(entries, node.span)
        self._seen[id(node)] = (node, new)  # the node is kept, so that its id stays its own
        return new

    def _scalar(self, node: Scalar, text: str) -> Node:
        from xmc.compiler.expression import ExpressionError, as_text, parts, work_out  # noqa: PLC0415 - brings jinja2

        try:
            pieces = parts(text)
            if not any(piece.is_expression for piece in pieces):
                return node
            values = [self._worked_out(node, one, work_out) if one.is_expression else one.text for one in pieces]
            if any(isinstance(value, _Failed) for value in values):
                return Broken(node.span)
            if len(values) == 1:
                return self._bounded(node, values[0])
            for piece, value in zip(pieces, values, strict=True):
                try:
                    as_text(value)
                except ValueError as error:
                    end = piece.start + len(piece.text)
                    raise ExpressionError(str(error), piece.start, end, fails=True) from error
            return self._bounded(node, "".join(map(as_text, values)))
        except ExpressionError as error:
            self._fail(node, error)
            return Broken(node.span)

    def _bounded(self, node: Scalar, value: Any) -> Node:
        self._total += len(str(value))
        if self._total > self.limit:
            message = f"the expressions of this spec make more than {self.limit} characters"
            self._add("XMC222", node.span, message, "write less, or split the spec into several gateways")
            self.limit = 2**62  # once is enough
            return Broken(node.span)
        return _node(value, node.span)

    def _worked_out(self, node: Scalar, piece: "Part", work_out: Any) -> Any:
        from xmc.compiler.expression import names  # noqa: PLC0415 - as above

        read = names(piece)
        values = {name: self._value(name, node, piece) for name in read if name in self._declared}
        if any(isinstance(value, _Failed) for value in values.values()):
            return _Failed()
        return work_out(piece, values, tuple(self._declared))

    def _value(self, name: str, node: Scalar, piece: "Part") -> Any:
        """Return the value of a declared variable, which may itself hold expressions."""
        self._used.add(name)
        if name in self._values:
            return self._values[name]
        entry = self._declared[name]
        if name in self._open:
            loop = " -> ".join((*self._open[self._open.index(name) :], name))
            labels = tuple(Label(self._declared[one].key_span, f"{one!r} is here") for one in self._open)
            self._add("XMC223", node.span, f"variables refer to each other in a circle: {loop}", "break it", labels)
            return _Failed()
        self._open.append(name)
        own = self.node(entry.value)
        self._open.pop()
        value: Any = _Failed() if _has_broken(own) else plain(own)
        if name in self.given and not isinstance(value, _Failed):
            value = merged(value, self.given[name])
        if value is None:
            start = piece.start + max(piece.text.find(name), 0)
            message = f"the variable {name!r} has no value"
            label = Label(entry.key_span, "declared here")
            self._add(
                "XMC224", _inside(node, start, start + len(name)), message, f"give it one: --set {name}=…", (label,)
            )
            value = _Failed()
        self._values[name] = value
        return value

    def _fail(self, node: Scalar, error: "ExpressionError") -> None:
        code, hint = "XMC221", None
        labels: tuple[Label, ...] = ()
        if error.name is not None:
            code = "XMC220"
            hint = did_you_mean(error.name, error.known)
            if hint is None and not self._declared:
                hint = f"declare it: `vars: {{{error.name}: …}}`"
            guess = nearest(error.name, self._declared) if set(error.known) == set(self._declared) else None
            labels = (Label(self._declared[guess].key_span, f"{guess!r} is here"),) if guess else ()
        elif error.fails:
            code = "XMC222"
        self._add(code, _inside(node, error.start, error.end), str(error), hint, labels)

    def _add(
        self, code: str, span: Span, message: str, hint: str | None = None, labels: tuple[Label, ...] = ()
    ) -> None:
        self.found.append(make(code, span, message, hint=hint, labels=labels))


def merged(under: Any, over: Any) -> Any:
    """Return a value with another laid over it: mappings key by key, everything else wholly.

    >>> merged({"a": 1, "b": {"c": 2}}, {"b": {"d": 3}})
    {'a': 1, 'b': {'c': 2, 'd': 3}}
    """
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    return {**under, **{key: merged(under.get(key), value) for key, value in over.items()}}


def _has_broken(node: Node) -> bool:
    if isinstance(node, SequenceNode):
        return any(map(_has_broken, node.items))
    if isinstance(node, MappingNode):
        return any(_has_broken(entry.value) for entry in node.entries)
    return isinstance(node, Broken)


def _node(value: Any, span: Span) -> Node:
    """Return a value as a tree, all of it at one place."""
    if isinstance(value, dict):
        return MappingNode(tuple(Entry(str(key), span, _node(part, span)) for key, part in value.items()), span)
    if isinstance(value, list | tuple):
        return SequenceNode(tuple(_node(part, span) for part in value), span)
    return Scalar(value, "" if value is None else str(value), False, span)


def _inside(node: Scalar, start: int, end: int) -> Span:
    """Return the place of a part of a scalar's text, if the text stands in the source as it is; else the scalar's."""
    span = node.span
    width = span.end_column - span.column
    before = 0 if node.plain else 1
    if span.line != span.end_line or width != len(node.text) + 2 * before or node.text != node.value:
        return span
    return Span(
        span.file, span.line, span.column + before + start, span.line, span.column + before + max(end, start + 1)
    )
