"""The syntax of an expression: Jinja2 reads it, and what is allowed in it is listed here.

The number of its tokens and the depth of its tree are bounded, so that time is. Jinja2 knows only the lines of what it
reads. So its tokens are given their place in the text as their "line": every node and every complaint then says where
it stands.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isfinite
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser

from xmc.compiler.sandbox import ENVIRONMENT, FILTERS, LARGEST_NUMBER, TESTS, own_tree

_MOST_TOKENS = 200
_DEEPEST = 32
_ALLOWED: dict[type[nodes.Node], str] = dict.fromkeys(
    (
        *(nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Test, nodes.List),
        *(nodes.Not, nodes.And, nodes.Or, nodes.Compare, nodes.Operand, nodes.CondExpr, nodes.Concat),
        *(nodes.Add, nodes.Sub, nodes.Mul, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos),
    ),
    "",
)
_WORDS: dict[type[nodes.Node], str] = {
    nodes.Call: "a call",
    nodes.Pow: "a power",
    nodes.Dict: "a mapping",
    nodes.Slice: "a slice",
    nodes.Tuple: "a tuple",
    nodes.Div: "a division that leaves fractions",
}
_OPENING, _CLOSING = frozenset({"(", "[", "{"}), frozenset({")", "]", "}"})
_ESCAPE = re.compile(r"\\(?:[\\'\"nrtbfx]|u|U|(?P<other>.))", re.DOTALL)
_GUARDS = frozenset({"default", "d", "defined", "undefined"})


@dataclass(eq=False)
class ExpressionError(ValueError):
    """An expression that cannot be worked out. `start` and `end` say where in the scalar's text.

    `code` is XMC220 (a name that does not exist), XMC221 (no expression, or one that is not allowed), XMC222 (it does
    not fit its values) or XMC224 (a variable without a value). No message shows a value; `bare` also shows nothing of
    the expression's own text, for places where a secret may have been typed. `name` is the variable that is or may be
    meant.
    """

    code: str
    message: str
    start: int
    end: int
    bare: str = "this cannot be worked out"
    hint: str | None = None
    name: str | None = None

    def __str__(self) -> str:
        return self.message

    def moved(self, by: int) -> "ExpressionError":
        """Return the same at another place."""
        return replace(self, start=self.start + by, end=self.end + by)


@dataclass(frozen=True, slots=True)
class Chain:
    """A variable with its parts as far as these are written out, each with its place; `guarded`: it may be missing."""

    steps: tuple[tuple[str | int, int, int], ...]
    guarded: bool


@dataclass(frozen=True, slots=True)
class Readable:
    """An expression that may be worked out, with all that it reads. `is_chain`: it is one variable, or part of one."""

    tree: nodes.Expr
    chains: tuple[Chain, ...]
    is_chain: bool


@lru_cache(maxsize=1024)
def read(text: str) -> Readable | ExpressionError:
    """Read an expression; places in the error are those in its own text."""
    try:
        tree = _parse(text)
        chains = _check(tree, text)
        is_chain = _chain(tree, text) is not None  # before the tree is made our own
        return Readable(own_tree(tree), chains, is_chain)
    except ExpressionError as error:
        return error
    except (RecursionError, MemoryError, SyntaxError):
        return wrong("this expression is nested too deeply", 0, len(text))


def wrong(message: str, start: int, end: int, bare: str = "this is no expression that can be used") -> ExpressionError:
    """Return an error about an expression that is none, or not one that is allowed."""
    return ExpressionError("XMC221", message, start, max(end, start + 1), bare)


def closing(text: str, begin: int) -> tuple[int, int]:
    """Return where the expression that begins at `begin` ends, and where its braces do."""
    for place, kind, value in _tokens(text, begin):
        if kind == "variable_end":
            trims_after = value.startswith("-")
            if trims_after or text.startswith(("-", "+"), begin):
                at = place if trims_after else begin
                raise wrong("`{{-`, `{{+` and `-}}` of templates have no meaning here: add a space", at, at + 1)
            return place, place + len(value)
    raise wrong("this expression is never closed: `}}` is missing", begin - 2, begin)


def _tokens(text: str, begin: int) -> Iterator[tuple[int, str, str]]:
    """Yield tokens with their places, up to the closing braces."""
    place = begin
    # A carriage return would be a line break of another length; in an expression both are white space.
    rest = text[begin:].replace("\r", " ")
    try:
        for _, kind, value in ENVIRONMENT.lexer.tokeniter(rest, None, state="variable"):
            yield place, kind, value
            place += len(value)
            if kind == "variable_end":
                return
    except TemplateSyntaxError:
        what = "this text is never closed" if text[place : place + 1] in ("'", '"') else "this does not fit here"
        raise wrong(what, place, place + 1) from None


def _parse(text: str) -> nodes.Expr:
    tokens = [token for token in _tokens(text + "}}", 0) if token[1] not in ("variable_end", "whitespace")]
    depth = 0
    for count, (place, kind, value) in enumerate(tokens):
        depth += (value in _OPENING) - (value in _CLOSING) if kind == "operator" else 0
        if count >= _MOST_TOKENS or depth > _DEEPEST // 2:
            raise wrong("this expression is too long, or nested too deeply", place, place + 1)
        other = next((one for one in _ESCAPE.finditer(value) if one["other"]), None) if kind == "string" else None
        if other is not None:
            raise wrong(f"{other[0]!r} is no escape", place + other.start(), place + other.end(), "this is no escape")
    parser = Parser(ENVIRONMENT, "", state="variable")
    try:
        parser.stream = TokenStream(ENVIRONMENT.lexer.wrap(tokens), None, None)
        tree = parser.parse_expression()
    except TemplateSyntaxError as error:
        raise _misfit(text, tokens, None if parser.stream.eos else error.lineno) from None
    if not parser.stream.eos:
        raise _misfit(text, tokens, parser.stream.current.lineno)
    return tree


def _misfit(text: str, tokens: list[tuple[int, str, str]], place: int | None) -> ExpressionError:
    """Say which token does not fit; None: the end came too early."""
    token = next((one for one in tokens if one[0] == place), None)
    if token is None:
        end = len(text.rstrip())
        return wrong("something is missing at the end of this expression", max(end - 1, 0), max(end, 1))
    return wrong(f"`{token[2]}` does not fit here", token[0], token[0] + len(token[2]), "this does not fit here")


def _check(tree: nodes.Node, text: str) -> tuple[Chain, ...]:
    """Refuse what is not allowed; return the variables that are read, in order."""
    chains: list[Chain] = []
    pending: list[tuple[nodes.Node, int, bool]] = [(tree, 0, False)]
    while pending:
        node, depth, guarded = pending.pop()
        complaint = "this is nested too deeply" if depth > _DEEPEST else _complaint(node)
        if complaint is not None:
            start = node.lineno or 0
            raise wrong(complaint, start, _token_end(text, start), "this cannot be used in an expression")
        chain = _chain(node, text)
        if chain is not None and len(chain) > _DEEPEST:
            raise wrong("this is nested too deeply", *chain[_DEEPEST][1:])
        if chain is not None:
            chains.append(Chain(chain, guarded))
            # What stands in brackets is a constant, or there would be no chain.
            continue
        children = list(node.iter_child_nodes())
        is_guard = isinstance(node, nodes.Filter | nodes.Test) and node.name in _GUARDS
        # Only what the guard looks at may be missing, not what it is given.
        pending.extend((one, depth + 1, is_guard and one is children[0]) for one in reversed(children))
    return tuple(chains)


def _complaint(node: nodes.Node) -> str | None:
    if type(node) not in _ALLOWED:
        return f"{_WORDS.get(type(node), 'this')} cannot be used in an expression"
    if isinstance(node, nodes.Const):
        return _bad_constant(node.value)
    if isinstance(node, nodes.CondExpr) and node.expr2 is None:
        return "`if` needs an `else`: without one there would be no value"
    if isinstance(node, nodes.Filter | nodes.Test):
        what, known = ("filter", FILTERS) if isinstance(node, nodes.Filter) else ("test", TESTS)
        if node.name not in known:
            return f"there is no {what} {node.name!r}; known: {', '.join(known)}"
        if node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
            return f"the {what} {node.name!r} takes plain arguments only"
    return None


def _bad_constant(value: Any) -> str | None:
    if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
        return "a text holds half a character"
    if isinstance(value, int) and not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        return "the number is too large"
    if isinstance(value, float) and not isfinite(value):
        return "the number is too large"
    return None


def _token_end(text: str, start: int) -> int:
    match = re.compile(r"\w+|.", re.DOTALL).match(text, start)
    return match.end() if match else start + 1


def _chain(node: nodes.Node, text: str) -> tuple[tuple[str | int, int, int], ...] | None:
    """Return a variable and its parts, outermost first, each with its place; None: it is none, or not written out."""
    steps: list[tuple[str | int, int, int]] = []
    while not isinstance(node, nodes.Name):
        if isinstance(node, nodes.Getattr):
            start = node.lineno + 1
            start += begin_of(text[start:])
            steps.append((node.attr, start, start + len(node.attr)))
        elif (
            isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and type(node.arg.value) in (str, int)
        ):
            key: str | int = node.arg.value
            quote = int(isinstance(key, str))
            steps.append((key, node.arg.lineno + quote, node.arg.lineno + quote + max(len(str(key)), 1)))
        else:
            return None
        node = node.node
    steps.append((node.name, node.lineno, node.lineno + len(node.name)))
    return tuple(reversed(steps))


def begin_of(text: str) -> int:
    """Return how much white space a text begins with."""
    return len(text) - len(text.lstrip())
