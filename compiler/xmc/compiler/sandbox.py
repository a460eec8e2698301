"""The sandbox that expressions run in: Jinja2's, with nothing in it but a few filters and tests that are bounded.

Imported when a spec has an expression. There are no calls, no globals, no clock, no environment, nothing of Python:
parts of values are looked up as keys and positions, never as attributes. Every step that can grow is bounded in size.
"""

from collections.abc import Mapping
from typing import Any

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.environment import TemplateExpression
from jinja2.exceptions import UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

LONGEST_RESULT = 65_536
"""Characters of what comes of an expression, and of every text on the way."""
LARGEST_NUMBER = 2**53
"""As far as every reader of JSON counts exactly."""
DEEPEST_RESULT = 32
_CONCAT = "~"
_OWN = "v_"
"""Before every variable's name, so that none means anything to Jinja2 (`self`, `loop`)."""


class RefusedError(ValueError):
    """The values do not fit. The message shows none of them: they may be secret."""


def run(tree: nodes.Expr, values: Mapping[str, Any]) -> Any:
    """Return what a tree of `own_tree` is for these values.

    Raises:
        RefusedError: the values do not fit it, or the result is too large.
        UndefinedError: something that it reads, or is, does not exist.
    """
    try:
        body: list[nodes.Node] = [nodes.Assign(nodes.Name("result", "store"), tree, lineno=1)]
        compiled = TemplateExpression(ENVIRONMENT.from_string(nodes.Template(body, lineno=1)), undefined_to_none=False)
        value = compiled({_OWN + name: value for name, value in values.items()})
    except (RefusedError, UndefinedError):
        raise
    except ZeroDivisionError:
        raise RefusedError("a division by zero") from None
    # The exception's own text can show a value. SyntaxError and the like are Python's limits on what Jinja2 wrote.
    except (TypeError, ValueError, ArithmeticError, LookupError):
        raise RefusedError("these values do not go together here") from None
    except (RecursionError, MemoryError, SyntaxError):
        raise RefusedError("this is too much for one expression") from None
    size(value)
    return value


def own_tree(tree: nodes.Expr) -> nodes.Expr:
    """Make a syntax tree that holds nothing but what is allowed ready to be run. Takes the tree over."""
    own: nodes.Expr = _Own().visit(tree)
    own.set_environment(ENVIRONMENT)
    return own


def as_text(value: Any) -> str:
    """Return a value as it stands in the middle of a text: true and false as YAML writes them.

    Raises:
        RefusedError: it is null, a list or a mapping.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, Undefined):
        raise UndefinedError
    what = "null" if value is None else "a list" if isinstance(value, list) else "a mapping"
    raise RefusedError(f"{what} cannot stand in the middle of a text")


def size(value: Any) -> int:
    """Return the size of a value: characters, and one for each item.

    Raises:
        RefusedError: it is too large or too deep.
        UndefinedError: something in it does not exist.
    """
    total, pending = 0, [(value, 0)]
    while pending:
        one, depth = pending.pop()
        if isinstance(one, Undefined):
            raise UndefinedError
        if isinstance(one, dict):
            total += sum(map(len, one)) + len(one)
            pending.extend((part, depth + 1) for part in one.values())
        elif isinstance(one, list):
            total += len(one)
            pending.extend((part, depth + 1) for part in one)
        else:
            total += len(one) if isinstance(one, str) else 8
        if total > LONGEST_RESULT:
            raise RefusedError(f"the result has more than {LONGEST_RESULT} characters")
        if depth > DEEPEST_RESULT:
            raise RefusedError(f"the result is nested more than {DEEPEST_RESULT} levels deep")
    return total


class _Own(NodeTransformer):
    """Lets texts be joined by our own function, and takes names out of Jinja2's hands."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - jinja2's names
        parts: list[nodes.Expr] = [self.visit(one) for one in node.nodes]
        joined = nodes.List(parts, lineno=node.lineno)
        return nodes.Filter(joined, _CONCAT, [], [], None, None, lineno=node.lineno)

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802 - jinja2's names
        return nodes.Name(_OWN + node.name, "load", lineno=node.lineno)


class _Environment(ImmutableSandboxedEnvironment):
    """Parts of values are looked up as keys and positions, never as attributes of Python objects."""

    intercepted_binops = frozenset({"+", "-", "*", "//", "%"})
    intercepted_unops = frozenset({"+", "-"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            raise UndefinedError
        if isinstance(obj, dict) and isinstance(argument, str) and argument in obj:
            return obj[argument]
        if isinstance(obj, list) and type(argument) is int and -len(obj) <= argument < len(obj):
            return obj[argument]
        return self.undefined()

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - jinja2's signature
        return _counted(self.binop_table[operator](_number(operator, left), _number(operator, right)))

    def call_unop(self, context: Any, operator: str, arg: Any) -> Any:  # noqa: ARG002 - jinja2's signature
        return self.unop_table[operator](_number(operator, arg))


def _number(operator: str, value: Any) -> Any:
    if isinstance(value, Undefined):
        raise UndefinedError
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedError(f"`{operator}` takes numbers; `~` joins texts")
    return _counted(value)


def _counted(number: Any) -> Any:
    if not -LARGEST_NUMBER <= number <= LARGEST_NUMBER:
        raise RefusedError("the number is too large")
    return number


def _text(value: Any) -> str:
    if isinstance(value, Undefined):
        raise UndefinedError
    if not isinstance(value, str):
        raise RefusedError("this filter takes a text")
    return value


def _bounded(text: str) -> str:
    if len(text) > LONGEST_RESULT:
        raise RefusedError(f"a text has at most {LONGEST_RESULT} characters")
    return text


def _join(value: Any, between: Any = "") -> str:
    if isinstance(value, Undefined):
        raise UndefinedError
    if not isinstance(value, list):
        raise RefusedError("`join` takes a list")
    if len(value) > LONGEST_RESULT:
        raise RefusedError(f"a list to join has at most {LONGEST_RESULT} items")
    texts, glue = list(map(as_text, value)), as_text(between)
    if sum(map(len, texts)) + len(glue) * len(texts) > LONGEST_RESULT + len(glue):
        raise RefusedError(f"a text has at most {LONGEST_RESULT} characters")
    return _bounded(glue.join(texts))


def _replace(value: Any, old: Any, new: Any) -> str:
    text, before, after = _text(value), as_text(old), as_text(new)
    if not before:
        raise RefusedError("`replace` needs a text to look for")
    if len(text) + text.count(before) * (len(after) - len(before)) > LONGEST_RESULT:
        raise RefusedError(f"a text has at most {LONGEST_RESULT} characters")
    return text.replace(before, after)


def _int(value: Any) -> int:
    """Jinja2's own makes 0 of what is no number."""
    if isinstance(value, Undefined):
        raise UndefinedError
    if isinstance(value, str) and len(value) <= len(str(LARGEST_NUMBER)) + 1:
        try:
            return int(_counted(int(value)))
        except RefusedError:
            raise
        except ValueError:
            pass
    if isinstance(value, int | float) and int(_counted(value)) == value:
        return int(value)
    raise RefusedError("`int` takes a whole number")


def _length(value: Any) -> int:
    if isinstance(value, Undefined):
        raise UndefinedError
    if not isinstance(value, str | list | dict):
        raise RefusedError("`length` takes a text, a list or a mapping")
    return len(value)


def _end(value: Any, place: int) -> Any:
    if isinstance(value, Undefined):
        raise UndefinedError
    if not isinstance(value, str | list) or not value:
        raise RefusedError("`first` and `last` take a list or a text that is not empty")
    return value[place]


def _make() -> _Environment:
    # The optimizer folds constants by working every part out again and again: seconds for a nested expression.
    environment = _Environment(
        undefined=StrictUndefined, autoescape=False, cache_size=0, optimized=False, keep_trailing_newline=True
    )
    environment.globals.clear()
    environment.filters = {
        "default": environment.filters["default"],
        "d": environment.filters["default"],
        "first": lambda value: _end(value, 0),
        "int": _int,
        "join": _join,
        "last": lambda value: _end(value, -1),
        "length": _length,
        "lower": lambda value: _bounded(_text(value).lower()),
        "replace": _replace,
        "string": as_text,
        "trim": lambda value: _text(value).strip(),
        "upper": lambda value: _bounded(_text(value).upper()),
        _CONCAT: _join,
    }
    kept = ("defined", "undefined", "none", "string", "number", "boolean", "true", "false", "in", "eq", "ne")
    environment.tests = {name: environment.tests[name] for name in kept}
    return environment


ENVIRONMENT = _make()
FILTERS = tuple(sorted(set(ENVIRONMENT.filters) - {_CONCAT}))
TESTS = tuple(sorted(ENVIRONMENT.tests))
