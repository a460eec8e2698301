"""What an unquoted YAML scalar means.

Booleans, null, integers and floats as in YAML 1.1, which existing files are written for. Where YAML 1.1 surprises
and JSON has no such value (dates, base 60, base 8 by a leading zero, infinities), the scalar stays text.
"""

import re

from xmc.compiler.node import Scalar
from xmc.schema import Span

_WORDS: dict[str, bool | None] = {
    spelling: value
    for words, value in ((("true", "yes", "on"), True), (("false", "no", "off"), False), (("null",), None))
    for word in words
    for spelling in (word, word.capitalize(), word.upper())
} | {"": None, "~": None}
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)(?P<fraction>(?:\.[0-9_]*(?:[eE][-+][0-9]+)?)?)")
_LEADING_DOT = re.compile(r"[-+]?\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?")
_HEX = re.compile(r"[-+]?0x[0-9a-fA-F_]+")
_LONGEST_NUMBER = 40
_TAGGED: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}

CORE = "tag:yaml.org,2002:"


def resolve(text: str) -> str | int | float | bool | None:
    """Return the value of an unquoted scalar.

    >>> [resolve(text) for text in ("no", "~", "90", "1.10", "2023-05-15", "1:30", "010", ".inf", "gpt-4o")]
    [False, None, 90, 1.1, '2023-05-15', '1:30', '010', '.inf', 'gpt-4o']
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    digits = text.replace("_", "")
    if match := _NUMBER.fullmatch(text):
        return _finite(digits, text) if match["fraction"] else int(digits)
    if _HEX.fullmatch(text):
        return int(digits, 16)
    return _finite(digits, text) if _LEADING_DOT.fullmatch(text) else text


def scalar(text: str, span: Span, *, plain: bool, tag: str | None) -> Scalar | None:
    """Make a scalar from its text; None when its tag is not one that a spec can use, or does not fit the text."""
    if tag is None or tag == "!":
        value = resolve(text) if plain and tag is None else text
        return Scalar(value, text, plain, span)
    if tag == CORE + "str":
        return Scalar(text, text, False, span)
    value = resolve(text)
    if type(value) not in _TAGGED.get(tag.removeprefix(CORE), ()):
        return None
    return Scalar(value, text, plain, span)


def _finite(digits: str, text: str) -> float | str:
    number = float(digits)
    return number if number - number == 0 else text
