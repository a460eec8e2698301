"""One expression: Jinja2's language without its statements, worked out in a sandbox. Imported when a spec has one.

What is allowed is listed: constants, variables and their parts, comparisons, `and`, `or`, `not`, `if` … `else`, `+` and
its like on numbers, `~` on anything, and the filters and tests below. There are no calls, no globals, no clock, no
environment, nothing of Python. Lengths are bounded, so that time is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST_TEXT = 4096
"""Characters of a scalar that holds expressions."""
LONGEST_RESULT = 65_536
"""Characters of what comes of one, and of every step on the way."""
_MOST_NODES = 200
_LARGEST = 2**53
_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem),
    *(nodes.Filter, nodes.Test, nodes.Not, nodes.And, nodes.Or, nodes.Compare, nodes.Operand, nodes.CondExpr),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Concat, nodes.List),
)
_GUARDS = frozenset({"default", "d", "defined", "undefined"})


class ExpressionError(ValueError):
    """An expression that cannot be worked out. `start` and `end` say where in the scalar's text.

    `name` is the variable, or the key of one, that does not exist, with `known` the names that do. `fails` tells that
    the expression is one, and the values do not fit it. The message holds no value: it may be secret.
    """

    def __init__(  # noqa: PLR0913 - what is wrong, where, and what could be meant
        self,
        message: str,
        start: int,
        end: int,
        *,
        name: str | None = None,
        known: tuple[str, ...] = (),
        fails: bool = False,
    ) -> None:
        super().__init__(message)
        self.start = start
        self.end = end
        self.name = name
        self.known = known
        self.fails = fails


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a scalar: plain text, or an expression with the place of its source in the scalar."""

    text: str
    start: int
    is_expression: bool


def parts(text: str) -> list[Part]:
    """Split a scalar into text and expressions.

    Raises:
        ExpressionError: it is too long, is no Jinja2, or holds statements or comments.
    """
    if len(text) > LONGEST_TEXT:
        raise ExpressionError(f"a text with expressions has at most {LONGEST_TEXT} characters", 0, len(text))
    found: list[Part] = []
    begin: int | None = None
    place = 0
    for kind, value in _tokens(text):
        if kind == "data":
            found.append(Part(value, place, is_expression=False))
        elif kind == "variable_begin":
            begin = place + len(value)
        elif kind == "variable_end" and begin is not None:
            found.append(Part(text[begin:place], begin, is_expression=True))
            begin = None
        elif begin is None:
            raise ExpressionError("statements and comments of Jinja2 cannot be used here", place, place + len(value))
        place += len(value)
    if begin is not None:
        raise ExpressionError("this expression is never closed: `}}` is missing", begin - 2, begin)
    return found


def names(part: Part) -> tuple[str, ...]:
    """Return the variables that an expression reads, in order.

    Raises:
        ExpressionError: it is no expression, or one that is not allowed.
    """
    return tuple(dict.fromkeys(node.name for node in _walk(_parse(part)) if isinstance(node, nodes.Name)))


def work_out(part: Part, values: Mapping[str, Any], declared: tuple[str, ...] = ()) -> Any:
    """Return the value of an expression; `declared` are all variables that there are, to suggest one.

    Raises:
        ExpressionError: a name that does not exist, a type that does not fit, or a result that is too large.
    """
    tree = _parse(part)
    for chain, guarded in _chains(tree):
        _look_up(part, chain, values, declared, guarded=guarded)
    end = part.start + len(part.text)
    try:
        value = _ENVIRONMENT.compile_expression(part.text, undefined_to_none=False)(**values)
    except UndefinedError as error:  # its text holds the name that was asked for, which may be a value
        message = "the expression reads a part of a variable that does not exist"
        raise ExpressionError(message, part.start, end, fails=True) from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise ExpressionError(f"the expression fails: {error}", part.start, end, fails=True) from error
    if isinstance(value, StrictUndefined):
        raise ExpressionError("the expression has no value", part.start, end, fails=True)
    if _size(value) > LONGEST_RESULT:
        raise ExpressionError(f"the result has more than {LONGEST_RESULT} characters", part.start, end, fails=True)
    return value


def as_text(value: Any) -> str:
    """Return a value as it stands in the middle of a text: true and false as YAML writes them.

    Raises:
        ValueError: it is null, a list or a mapping.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    what = "null" if value is None else "a list" if isinstance(value, list | tuple) else "a mapping"
    raise ValueError(f"{what} cannot stand in the middle of a text")


class _Environment(ImmutableSandboxedEnvironment):
    """Parts of values are looked up as keys and positions, never as attributes of Python objects."""

    intercepted_binops = frozenset({"+", "-", "*", "//", "%"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, dict) and isinstance(argument, str) and argument in obj:
            return obj[argument]
        if isinstance(obj, list) and type(argument) is int and -len(obj) <= argument < len(obj):
            return obj[argument]
        return self.undefined(obj=obj, name=str(argument))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - jinja2's signature
        if any(isinstance(one, bool) or not isinstance(one, int | float) for one in (left, right)):
            raise ValueError(f"`{operator}` takes two numbers; `~` joins texts")
        result = self.binop_table[operator](left, right)
        if not -_LARGEST <= result <= _LARGEST:
            raise ValueError("the number is too large")
        return result


def _make() -> _Environment:
    environment = _Environment(undefined=StrictUndefined, autoescape=False, cache_size=0)
    environment.globals.clear()
    environment.filters = {
        "default": environment.filters["default"],
        "d": environment.filters["default"],
        "first": lambda value: value[0],
        "int": _int,
        "join": lambda value, between="": _bounded(str(between).join(map(as_text, value))),
        "last": lambda value: value[-1],
        "length": len,
        "lower": lambda value: _text(value).lower(),
        "replace": _replace,
        "string": as_text,
        "trim": lambda value: _text(value).strip(),
        "upper": lambda value: _text(value).upper(),
    }
    kept = ("defined", "undefined", "none", "string", "number", "boolean", "true", "false", "in", "eq", "ne")
    environment.tests = {name: environment.tests[name] for name in kept}
    return environment


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("it takes a text")
    return value


def _bounded(text: str) -> str:
    if len(text) > LONGEST_RESULT:
        raise ValueError(f"a text has at most {LONGEST_RESULT} characters")
    return text


def _replace(value: Any, old: str, new: str) -> str:
    if not old:
        raise ValueError("`replace` needs a text to look for")
    text = _text(value)
    if len(text) + text.count(old) * max(0, len(new) - len(old)) > LONGEST_RESULT:
        raise ValueError(f"a text has at most {LONGEST_RESULT} characters")
    return text.replace(old, new)


def _int(value: Any) -> int:
    """Jinja2's own makes 0 of what is no number."""
    if isinstance(value, str) and len(value) > len(str(_LARGEST)) + 1:
        raise ValueError("the number is too large")
    try:
        number = int(value)
    except ValueError:
        raise ValueError("`int` takes a whole number") from None
    if isinstance(value, float) and number != value:
        raise ValueError("`int` takes a whole number")
    return number


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(len(str(key)) + _size(part) for key, part in value.items())
    if isinstance(value, list | tuple):
        return sum(map(_size, value)) + len(value)
    return len(str(value))


_ENVIRONMENT = _make()


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    try:
        yield from ((kind, value) for _, kind, value in _ENVIRONMENT.lexer.tokeniter(text, None))
    except TemplateSyntaxError as error:
        raise ExpressionError(f"this is no expression: {error.message}", 0, len(text)) from error


def _parse(part: Part) -> nodes.Template:
    end = part.start + len(part.text)

    def refuse(why: str) -> NoReturn:
        raise ExpressionError(why, part.start, end)

    try:
        tree = _ENVIRONMENT.parse(f"{{{{{part.text}}}}}")
    except TemplateSyntaxError as error:
        refuse(f"this is no expression: {error.message}")
    except RecursionError:
        refuse("this expression is nested too deeply")
    for count, node in enumerate(_walk(tree)):
        if count > _MOST_NODES:
            refuse("this expression is too long")
        if not isinstance(node, _ALLOWED):
            refuse(f"{_what(node)} cannot be used in an expression")
        if isinstance(node, nodes.Filter) and node.name not in _ENVIRONMENT.filters:
            refuse(f"there is no filter {node.name!r}; known: {', '.join(sorted(_ENVIRONMENT.filters))}")
        if isinstance(node, nodes.Test) and node.name not in _ENVIRONMENT.tests:
            refuse(f"there is no test {node.name!r}; known: {', '.join(sorted(_ENVIRONMENT.tests))}")
    return tree


_WORDS: dict[type[nodes.Node], str] = {
    nodes.Call: "a call",
    nodes.Pow: "a power",
    nodes.Dict: "a mapping",
    nodes.Slice: "a slice",
    nodes.Div: "a division that leaves fractions",
}


def _what(node: nodes.Node) -> str:
    return _WORDS.get(type(node), f"this ({type(node).__name__.lower()})")


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    pending = [node]
    while pending:
        one = pending.pop()
        yield one
        pending.extend(reversed(list(one.iter_child_nodes())))


_Chain = tuple[str, ...]


def _chains(tree: nodes.Node) -> Iterator[tuple[_Chain, bool]]:
    """Yield variables with their parts as far as these are constant, and whether they may be missing."""
    pending: list[tuple[nodes.Node, bool]] = [(tree, False)]
    while pending:
        node, guarded = pending.pop()
        chain = _chain(node)
        if chain is not None:
            yield chain, guarded
            continue
        is_guard = isinstance(node, nodes.Filter | nodes.Test) and node.name in _GUARDS
        pending.extend((child, is_guard) for child in reversed(list(node.iter_child_nodes())))


def _chain(node: nodes.Node) -> _Chain | None:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        before = _chain(node.node)
        return None if before is None else (*before, node.attr)
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        before = _chain(node.node)
        return None if before is None else (*before, node.arg.value)
    return None


def _look_up(part: Part, chain: _Chain, values: Any, declared: tuple[str, ...], *, guarded: bool) -> None:
    """Say which part of a chain does not exist, and where it stands."""
    for depth, step in enumerate(chain):
        if isinstance(values, Mapping) and step in values:
            values = values[step]
            continue
        if guarded:
            return
        known = declared if depth == 0 else tuple(sorted(values)) if isinstance(values, Mapping) else ()
        start = _position(part, step, is_first=depth == 0)
        what = f"there is no variable {step!r}" if depth == 0 else f"{'.'.join(chain[:depth])!r} has no part {step!r}"
        raise ExpressionError(what, start, start + len(step), name=step, known=known)


def _position(part: Part, name: str, *, is_first: bool) -> int:
    """Return where a name stands in the scalar: a variable stands after anything but a dot, a part after one."""
    place, after_dot = part.start - 2, False
    for kind, value in _tokens(f"{{{{{part.text}}}}}"):
        if kind == "name" and value == name and after_dot != is_first:
            return place
        if kind == "string" and value[1:-1] == name and not is_first:
            return place + 1
        if kind != "whitespace":
            after_dot = value == "."
        place += len(value)
    return part.start
