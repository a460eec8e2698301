"""What braces in a text mean: a secret reference, an expression, or nothing."""

import re

SECRETS = re.compile(r"\{\{[-\s]*secrets\b")
"""What a secret reference begins with. A text that holds one is never an expression."""
STATEMENT = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)
"""What Jinja2 would take for a statement or a comment; an error, for nothing may be passed on by accident."""
_MAY_BEGIN = re.compile(rb"\{[%#]|\{\{(?![-\s]*secrets\b)|\{\\\r?\n|\\(?:x|u00|U000000)7[bB]")
"""In a file: braces as they are, broken over two lines, or written as escapes."""


def may_hold_expressions(text: bytes) -> bool:
    r"""Tell whether a file has to be looked through.

    >>> [may_hold_expressions(text) for text in (b"{{secrets/a/b}}", b"{{ secrets_a }}", rb'"\x7b{a}}"')]
    [False, True, True]
    """
    return _MAY_BEGIN.search(text) is not None


def is_expression(text: str) -> bool:
    """Tell whether a text is to be worked out.

    >>> is_expression("{{ region }}-1"), is_expression("{{secrets/a/b}}"), is_expression("plain"), is_expression("{%")
    (True, False, False, False)
    """
    if "{" not in text or SECRETS.search(text) is not None:
        return False
    return "{{" in text or STATEMENT.search(text) is not None
