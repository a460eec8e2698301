"""Did you mean …? The nearest known name by edit distance."""

import unicodedata
from collections.abc import Iterable

_MOST_LISTED = 6
"""Names in a hint; nobody looks for theirs in a longer list."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that is closest to `word`, or None when none is close.

    Close: at most one edit (insert, delete, replace, swap of neighbours) per three characters, case not counted.

    >>> nearest("exernal_model", ["external_model", "name"])
    'external_model'
    >>> nearest("colour", ["name", "task"]) is None
    True
    """
    limit = max(1, len(word) // 3)
    ranked = sorted(
        (distance(word.lower(), name.lower()), name) for name in known if abs(len(name) - len(word)) <= limit
    )
    return ranked[0][1] if ranked and ranked[0][0] <= limit else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the hint for a name that is not known, if there is anything to suggest: the nearest, or what there is.

    >>> did_you_mean("tsk", ["task", "name"])
    "did you mean 'task'?"
    >>> did_you_mean("colour", ["e", "g", "c", "d", "b", "f", "h", "a"])
    'known: a, b, c, d, e, f and 2 more'
    """
    names = sorted(known)
    guess = nearest(word, names)
    if guess is not None:
        return f"did you mean {guess!r}?"
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return f"known: {', '.join(names[:_MOST_LISTED])}{more}" if names else None


def odd_space(text: str) -> str | None:
    """Name the first character of a text that looks like a space, or like nothing, and is no space to YAML.

    >>> odd_space("a\u00a0b"), odd_space("a b")
    ('U+00A0 (no-break space)', None)
    """
    for char in text:
        if char != " " and unicodedata.category(char) in {"Zs", "Cf"}:
            return f"U+{ord(char):04X} ({unicodedata.name(char, 'invisible').lower()})"
    return None


def distance(left: str, right: str) -> int:
    """Optimal string alignment distance."""
    before: list[int] = []
    last = list(range(len(right) + 1))
    for row, char in enumerate(left, 1):
        line = [row]
        for column, other in enumerate(right, 1):
            cost = min(last[column] + 1, line[-1] + 1, last[column - 1] + (char != other))
            if before and column > 1 and char == right[column - 2] and left[row - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        before, last = last, line
    return last[-1]
