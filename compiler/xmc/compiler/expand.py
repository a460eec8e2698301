"""Expressions to values: the step between reading a spec and checking it. Pure.

Every scalar that holds `{{ … }}` and no secret reference is worked out over `vars`. One that is wholly an expression
becomes the value itself, a number or a list say; any other becomes text. Keys are never expanded.
"""

from collections.abc import Mapping
from operator import is_not
from typing import TYPE_CHECKING, Any

import msgspec

from xmc.compiler.braces import is_expression
from xmc.compiler.node import Broken, Entry, Node, Scalar
from xmc.compiler.node import Mapping as MappingNode
from xmc.compiler.node import Sequence as SequenceNode
from xmc.compiler.report import make
from xmc.compiler.variables import FAILED, UNSET, VARS, Variables
from xmc.schema import Diagnostic, Label, Span

if TYPE_CHECKING:
    from xmc.compiler.expression import ExpressionError, Part

_FREE_EXPANSION = 1_000_000
_MOST_EXPANSION = 10
_MOST_WORK = 4_000_000
_WORK_OF_ONE = 64
"""Besides its length, in characters: what an expression costs however short it is."""
_WEIGHT_OF_ONE = 10_000
"""So much of a variable's size costs as much as one character of an expression."""


class Expanded(msgspec.Struct, frozen=True):
    """The tree of a spec without `vars` and without expressions; what could not be worked out is `Broken`.

    `unused` is to be said of a spec without errors only: else a variable may be meant where it is not read.
    """

    root: MappingNode
    diagnostics: tuple[Diagnostic, ...]
    unused: tuple[Diagnostic, ...]


def expand(root: MappingNode, values: Mapping[str, Any], size: int) -> Expanded:
    """Work out the expressions of a spec of `size` characters; `values` take the place of its variables."""
    expander = _Expander(Variables(root, values), max(_MOST_EXPANSION * size, _FREE_EXPANSION))
    rest = tuple(entry for entry in root.entries if entry.key != VARS)
    entries = expander.entries(MappingNode(rest, root.span))
    expander.look_at_unused()
    variables = expander.variables
    found = (*variables.found, *expander.found, *variables.check_given())
    return Expanded(MappingNode(entries, root.span), found, variables.unused())


class _Expander(msgspec.Struct):
    variables: Variables
    limit: int
    found: list[Diagnostic] = []
    _seen: dict[int, tuple[Node, Node]] = {}
    _results: dict[str, Any] = {}
    """Expression -> value or error: variables do not change, so it is worked out once, wherever it stands."""
    _key: str = ""
    """The nearest key: where it sounds like a secret, no message shows what stands there."""
    _size: int = 0
    _work: int = 0

    def entries(self, mapping: MappingNode) -> tuple[Entry, ...]:
        """Return keys with their expanded values; one that is itself an expression is reported and left out."""
        wrong = [entry for entry in mapping.entries if is_expression(entry.key)]
        for entry in wrong:
            self._add("XMC209", entry.key_span, f"the key `{entry.key}` holds an expression", "write the key itself")
        kept = [entry for entry in mapping.entries if entry not in wrong] if wrong else mapping.entries
        return tuple(map(self._entry, kept))

    def _entry(self, entry: Entry) -> Entry:
        outer, self._key = self._key, entry.key
        value = self.node(entry.value)
        self._key = outer
        return entry if value is entry.value else Entry(entry.key, entry.key_span, value)

    def node(self, node: Node) -> Node:
        """Return a value without expressions; the same object where there was none."""
        known = self._seen.get(id(node))
        if known is not None:
            return known[1]
        new: Node = node
        if isinstance(node, Scalar):
            if isinstance(node.value, str) and is_expression(node.value):
                new = self._scalar(node)
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

    def look_at_unused(self) -> None:
        """Say what is no expression in variables that nothing reads, and were not worked out."""
        for entry in self.variables.unread():
            for scalar in self.variables.scalars(entry.value):
                self._key = entry.key
                self._read(scalar)

    def _read(self, node: Scalar) -> "list[Part] | None":
        from xmc.compiler.expression import ExpressionError, look, parts  # noqa: PLC0415 - brings jinja2

        try:
            pieces = parts(str(node.value))
        except ExpressionError as error:
            self._fail(node, error)
            return None
        wrong = False
        for piece in pieces:
            if not piece.is_expression or piece.text in self._results:
                continue
            self._work += len(piece.text) + _WORK_OF_ONE
            if self._work > _MOST_WORK:
                return None
            try:
                look(piece, self.variables.declared)
            except ExpressionError as error:
                self._fail(node, error)
                wrong = True
        return None if wrong else pieces

    def _scalar(self, node: Scalar) -> Node:
        pieces = self._read(node)
        if self._work > _MOST_WORK:
            return self._too_much(
                node, f"the different expressions of this spec have more than {_MOST_WORK} characters"
            )
        values = [self._piece(node, one) if one.is_expression else one.text for one in pieces or ()]
        if not values or any(value is FAILED for value in values):
            return Broken(node.span)
        if len(values) > 1:
            texts = [self._as_text(node, piece, value) for piece, value in zip(pieces or (), values, strict=True)]
            if any(one is None for one in texts):
                return Broken(node.span)
            values = ["".join(map(str, texts))]
        return self._bounded(node, values[0])

    def _piece(self, node: Scalar, piece: "Part") -> Any:
        """Return the value of an expression, or that there is none, which has been said."""
        from xmc.compiler.expression import ExpressionError  # noqa: PLC0415 - as above

        if piece.text not in self._results:
            try:
                self._results[piece.text] = self._worked_out(piece)
            except ExpressionError as error:
                self._results[piece.text] = error.moved(-piece.start)
        result = self._results[piece.text]
        if isinstance(result, ExpressionError):
            self._fail(node, result.moved(piece.start))
            return FAILED
        return result

    def _worked_out(self, piece: "Part") -> Any:
        from xmc.compiler.expression import names, work_out  # noqa: PLC0415 - as above

        values: dict[str, Any] = {}
        for name in names(piece):
            if name in self.variables.declared:
                value = self.variables.value(name, self._variable)
                if value is FAILED:
                    return FAILED
                if value is not UNSET:
                    values[name] = value
                    self._work += self.variables.weights[name] // _WEIGHT_OF_ONE
        return work_out(piece, values, self.variables.declared)

    def _variable(self, entry: Entry) -> Node:
        """Return the expanded value of a variable; all that it reads has been worked out before."""
        return self._entry(entry).value

    def _as_text(self, node: Scalar, piece: "Part", value: Any) -> str | None:
        from xmc.compiler.expression import ExpressionError  # noqa: PLC0415 - as above
        from xmc.compiler.sandbox import RefusedError, as_text  # noqa: PLC0415 - as above

        try:
            return as_text(value)
        except RefusedError as error:
            end = piece.start + len(piece.text)
            self._fail(node, ExpressionError("XMC222", str(error), piece.start, end, str(error)))
            return None

    def _bounded(self, node: Scalar, value: Any) -> Node:
        from xmc.compiler.sandbox import LONGEST_RESULT, size  # noqa: PLC0415 - as above

        if isinstance(value, str) and len(value) > LONGEST_RESULT:
            self._add("XMC222", node.span, f"this comes to more than {LONGEST_RESULT} characters", "write less")
            return Broken(node.span)
        self._size += size(value)
        if self._size > self.limit:
            return self._too_much(node, f"the expressions of this spec make more than {self.limit} characters")
        return _node(value, node.span)

    def _too_much(self, node: Scalar, message: str) -> Node:
        if not any(one.message == message for one in self.found):  # once is enough
            self._add("XMC222", node.span, message, "write less, or split the spec into several gateways")
        return Broken(node.span)

    def _fail(self, node: Scalar, error: "ExpressionError") -> None:
        from xmc.compiler.mask import sounds_secret  # noqa: PLC0415 - only for a spec that is wrong

        labels: tuple[Label, ...] = ()
        declared = self.variables.declared.get(error.name or "")
        if declared is not None:
            text = "declared here" if error.code == "XMC224" else f"{error.name!r} is here"
            labels = (Label(declared.key_span, text),)
        hidden = sounds_secret(self._key)
        message = error.bare if hidden else error.message
        hint = error.hint if declared is not None or not hidden else None
        self._add(error.code, _inside(node, error.start, error.end), message, hint, labels)

    def _add(
        self, code: str, span: Span, message: str, hint: str | None = None, labels: tuple[Label, ...] = ()
    ) -> None:
        self.found.append(make(code, span, message, hint=hint, labels=labels))


def _node(value: Any, span: Span) -> Node:
    """Return a value as a tree, all of it at one place."""
    if isinstance(value, dict):
        return MappingNode(tuple(Entry(str(key), span, _node(part, span)) for key, part in value.items()), span)
    if isinstance(value, list):
        return SequenceNode(tuple(_node(part, span) for part in value), span)
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return Scalar(value, text, False, span)


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
