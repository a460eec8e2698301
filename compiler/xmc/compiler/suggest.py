"""Did you mean …? The nearest known name by edit distance."""

from collections.abc import Iterable


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
    """Return the hint for a name that is not known, if there is anything to suggest."""
    names = list(known)
    guess = nearest(word, names)
    if guess is not None:
        return f"did you mean {guess!r}?"
    return f"known: {', '.join(sorted(names))}" if names else None


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
