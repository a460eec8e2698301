"""The variables of a spec: what `vars` declares, what was given for it, and in which order it is worked out.

Variables may read each other, in any order. Who reads whom is known before anything is worked out, so each comes after
all that it reads, however long the way; those in a circle are not worked out at all.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from xmc.compiler.braces import is_expression
from xmc.compiler.node import Broken, Entry, Node, Scalar, is_null, plain, walk
from xmc.compiler.node import Mapping as MappingNode
from xmc.compiler.report import make
from xmc.compiler.suggest import did_you_mean
from xmc.schema import Diagnostic, Label

VARS = "vars"
FAILED: Any = object()
"""Stands for a value that could not be worked out, which has been said."""
UNSET: Any = object()
"""Stands for the value of a variable that was declared without one, and given none."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset({"and", "else", "false", "if", "in", "is", "none", "not", "or", "true"})
"""What Jinja2 reads as something else."""


class Variables:
    """The variables of one spec. `found` is what is wrong with the declarations themselves."""

    def __init__(self, root: MappingNode, given: Mapping[str, Any]) -> None:
        self.declared: dict[str, Entry] = {}
        self.found: list[Diagnostic] = []
        self.weights: dict[str, int] = {}
        """How large the values are that were worked out: characters, and one for each item."""
        self._root = root
        self._given = given
        self._values: dict[str, Any] = {}
        self._used: set[str] = set()
        self._declare()
        self._reads = {name: self._names(entry.value) for name, entry in self.declared.items()}
        self._refuse_circles()

    def value(self, name: str, expanded: Callable[[Entry], Node]) -> Any:
        """Return the value of a declared variable, `UNSET` or `FAILED`; `expanded` works one out whose readings are."""
        waiting = [name]
        while waiting:
            one = waiting[-1]
            self._used.add(one)
            before = [other for other in self._reads[one] if other not in self._values]
            if one in self._values or (before and self._is_replaced(one)):
                before = []
            if before:
                waiting.extend(before)
                continue
            waiting.pop()
            if one not in self._values:
                self._values[one] = self._worked_out(one, expanded)
        self._use_all(name)
        return self._values[name]

    def _worked_out(self, name: str, expanded: Callable[[Entry], Node]) -> Any:
        if self._is_replaced(name):
            value = self._given[name]
        else:
            own = expanded(self.declared[name])
            if any(isinstance(node, Broken) for _, node in walk(own)):
                return FAILED
            value = plain(own)
            if name in self._given:
                value = merged(value, self._given[name])
        self.weights[name] = _weigh(value)
        return UNSET if value is None else value

    def _is_replaced(self, name: str) -> bool:
        """Tell whether nothing of the declared value is left, so that it need not be worked out."""
        return self._given.get(name) is not None and not isinstance(self._given[name], dict)

    def _use_all(self, name: str) -> None:
        """What a variable reads counts as used, also if this time a given value stands in its place."""
        waiting = [name]
        while waiting:
            for other in self._reads[waiting.pop()]:
                if other not in self._used:
                    self._used.add(other)
                    waiting.append(other)

    def unread(self) -> list[Entry]:
        """Return the variables that were not worked out, because nothing reads them or they are replaced."""
        return [entry for name, entry in self.declared.items() if name not in self._values or self._is_replaced(name)]

    def unused(self) -> tuple[Diagnostic, ...]:
        """Return a warning for each variable that nothing uses."""
        return tuple(
            make("XMC350", entry.key_span, f"no expression uses the variable {name!r}", hint="remove it")
            for name, entry in self.declared.items()
            if name not in self._used
        )

    def check_given(self) -> Iterator[Diagnostic]:
        """Say what was given for no variable, and for no part of one that is declared part by part."""
        at = self._root.index[VARS].key_span if VARS in self._root.index else self._root.span
        pending: list[tuple[str, Any, Node | None]] = [
            (name, value, self.declared[name].value if name in self.declared else None)
            for name, value in self._given.items()
        ]
        for name in self._given.keys() - self.declared.keys():
            message = f"a value is given for {name!r}, which `vars` does not declare"
            hint = did_you_mean(name, self.declared) or f"declare it: `vars: {{{name}: …}}`"
            yield make("XMC225", at, message, hint=hint)
        while pending:
            name, value, node = pending.pop()
            if not isinstance(value, dict) or not isinstance(node, MappingNode) or not node.entries:
                continue
            at = self.declared[name.partition(".")[0]].key_span
            for key, part in value.items():
                if key in node.index:
                    pending.append((f"{name}.{key}", part, node.index[key].value))
                else:
                    message = f"a value is given for '{name}.{key}', which `vars` does not declare"
                    yield make("XMC225", at, message, hint=did_you_mean(key, node.index))

    def _declare(self) -> None:
        entry = self._root.index.get(VARS)
        if entry is None or is_null(entry.value) or isinstance(entry.value, Broken):
            return
        if not isinstance(entry.value, MappingNode):
            self.found.append(make("XMC203", entry.value.span, "`vars` must be a mapping of names to values"))
            return
        for one in entry.value.entries:
            if _NAME.fullmatch(one.key) and one.key.lower() not in _WORDS:
                self.declared[one.key] = one
            else:
                message = f"{one.key!r} cannot be the name of a variable"
                hint = "use letters, digits and _, and no word of the language"
                self.found.append(make("XMC212", one.key_span, message, hint=hint))

    def scalars(self, node: Node) -> list[Scalar]:
        """Return the texts of a value that hold expressions."""
        texts = (one for _, one in walk(node) if isinstance(one, Scalar) and isinstance(one.value, str))
        return [one for one in texts if is_expression(str(one.value))]

    def _names(self, node: Node) -> tuple[str, ...]:
        """Return the other variables that the value of one reads."""
        scalars = self.scalars(node)
        if not scalars:
            return ()
        from xmc.compiler.expression import ExpressionError, names, parts  # noqa: PLC0415 - brings jinja2

        found: dict[str, None] = {}
        for scalar in scalars:
            try:
                for part in parts(str(scalar.value)):
                    if part.is_expression:
                        found.update(dict.fromkeys(names(part)))
            except ExpressionError:
                continue  # said when it is worked out
        return tuple(name for name in found if name in self.declared)

    def _refuse_circles(self) -> None:
        """Walk who reads whom, deep first; a way that comes back to itself is a circle."""
        done: set[str] = set()
        for start in self.declared:
            way: list[str] = []
            pending = [iter((start,))]
            while pending:
                name = next(pending[-1], None)
                if name is None:
                    pending.pop()
                    if way:
                        done.add(way.pop())
                elif name in way:
                    self._refuse_circle(way[way.index(name) :])
                elif name not in done:
                    way.append(name)
                    pending.append(iter(self._reads[name]))

    def _refuse_circle(self, circle: list[str]) -> None:
        first = min(circle, key=list(self.declared).index)
        place = circle.index(first)
        turned = circle[place:] + circle[:place]
        labels = tuple(Label(self.declared[one].key_span, f"{one!r} is here") for one in turned[1:])
        loop = " -> ".join((*turned, first))
        message = f"variables refer to each other in a circle: {loop}"
        self.found.append(
            make(
                "XMC223", self.declared[first].key_span, message, hint="break it: write one of them out", labels=labels
            )
        )
        self._values.update(dict.fromkeys(circle, FAILED))


def _weigh(value: Any) -> int:
    total, pending = 0, [value]
    while pending:
        one = pending.pop()
        total += len(one) if isinstance(one, str | list | dict) else 1
        pending.extend(one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
    return total


def merged(under: Any, over: Any) -> Any:
    """Return a value with another laid over it: mappings key by key, everything else wholly.

    >>> merged({"a": 1, "b": {"c": 2}}, {"b": {"d": 3}})
    {'a': 1, 'b': {'c': 2, 'd': 3}}
    """
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    return {**under, **{key: merged(under.get(key), value) for key, value in over.items()}}
