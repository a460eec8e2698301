"""One expression: Jinja2's language without its statements. Imported when a spec has one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2.exceptions import UndefinedError

from xmc.compiler.braces import STATEMENT
from xmc.compiler.grammar import Chain, ExpressionError, Readable, begin_of, closing, read, wrong
from xmc.compiler.sandbox import RefusedError, run, size
from xmc.compiler.suggest import did_you_mean, nearest

__all__ = ["LONGEST_TEXT", "ExpressionError", "Part", "look", "names", "parts", "work_out"]

LONGEST_TEXT = 4096
"""Characters of a scalar that holds expressions."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a scalar: plain text, or an expression with the place of its source in the scalar."""

    text: str
    start: int
    is_expression: bool


def parts(text: str) -> list[Part]:
    """Split a scalar into text and expressions.

    Raises:
        ExpressionError: it is too long, an expression is not closed, or it holds statements or comments.
    """
    if len(text) > LONGEST_TEXT:
        raise wrong(f"a text with expressions has at most {LONGEST_TEXT} characters", 0, len(text))
    found: list[Part] = []
    outside, place = "", 0
    while (begin := text.find("{{", place)) >= 0:
        end, after = closing(text, begin + 2)
        if begin > place:
            found.append(Part(text[place:begin], place, is_expression=False))
        found.append(Part(text[begin + 2 : end], begin + 2, is_expression=True))
        outside += text[place:begin] + " " * (after - begin)
        place = after
    if place < len(text):
        found.append(Part(text[place:], place, is_expression=False))
    statement = STATEMENT.search(outside + text[place:])
    if statement is not None:
        raise wrong("statements and comments of Jinja2 cannot be used here", *statement.span())
    return found


def names(part: Part) -> tuple[str, ...]:
    """Return the variables that an expression reads, in order.

    Raises:
        ExpressionError: it is no expression, or one that is not allowed.
    """
    return tuple(dict.fromkeys(str(chain.steps[0][0]) for chain in _read(part).chains))


def look(part: Part, declared: Collection[str]) -> None:
    """Find what is wrong with an expression whatever the values are.

    Raises:
        ExpressionError: it is no expression, one that is not allowed, or reads a variable that is not declared.
    """
    for chain in _read(part).chains:
        name, start, end = str(chain.steps[0][0]), *chain.steps[0][1:]
        if name not in declared:
            hint = did_you_mean(name, declared) or f"declare it: `vars: {{{name}: …}}`"
            raise _unknown(f"there is no variable {name!r}", start, end, hint, nearest(name, declared)).moved(
                part.start
            )


def work_out(part: Part, values: Mapping[str, Any], declared: Collection[str] | None = None) -> Any:
    """Return the value of an expression; `declared` are all variables, also those without a value. Default: `values`.

    Raises:
        ExpressionError: a name that does not exist, a type that does not fit, or a result that is too large.
    """
    look(part, values if declared is None else declared)
    found = _read(part)
    try:
        return _part_of(values, found.chains[0]) if found.is_chain else run(found.tree, values)
    except RefusedError as error:
        end = len(part.text.rstrip())
        raise ExpressionError("XMC222", str(error), begin_of(part.text), end, str(error)).moved(part.start) from None
    except UndefinedError:
        raise _missing(part, found, values).moved(part.start) from None


def _part_of(values: Mapping[str, Any], chain: Chain) -> Any:
    """Return what the sandbox would, for the most usual expression, without making a program of it."""
    value: Any = values
    for step, _, _ in chain.steps:
        if not _has(value, step):
            raise UndefinedError
        value = value[step]
    size(value)
    return value


def _missing(part: Part, found: Readable, values: Mapping[str, Any]) -> ExpressionError:
    """Say what does not exist, and where it stands; chains that may be missing are not to blame."""
    for chain in found.chains:
        value: Any = values
        for depth, (step, start, end) in enumerate(chain.steps):
            if _has(value, step):
                value = value[step]
            elif chain.guarded:
                break
            elif depth == 0:
                message = f"the variable {step!r} has no value"
                hint = f"give it one: --set {step}=…"
                return ExpressionError("XMC224", message, start, end, message, hint, str(step))
            else:
                before = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one, _, _ in chain.steps[:depth])
                advice = did_you_mean(step, value) if isinstance(value, Mapping) and isinstance(step, str) else None
                return _unknown(f"{before[1:]!r} has no part {step!r}", start, end, advice)
    message = "a part that does not exist is read"
    return ExpressionError("XMC222", message, begin_of(part.text), len(part.text.rstrip()), message)


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and -len(value) <= step < len(value)
    return isinstance(value, Mapping) and step in value


def _unknown(message: str, start: int, end: int, hint: str | None, name: str | None = None) -> ExpressionError:
    return ExpressionError("XMC220", message, start, end, "this reads what does not exist", hint, name)


def _read(part: Part) -> Readable:
    found = read(part.text)
    if isinstance(found, ExpressionError):
        raise found.moved(part.start)
    return found
