"""Which share of an endpoint's requests changes entity when its weights change: exact fractions. Pure.

The pick is weighted rendezvous hashing (docs/adr/0005): every entity draws `x = -ln(u)` from a hash of endpoint, salt,
entity and key, and the smallest `x / weight` wins. So the `x` are independent and exponential, and the same for both
tables as long as endpoint, salt and key are. A request goes from `i` to `j` if, with `t = x_j / x_i`,

- `i` wins before: `t > w_j / w_i`, and `x_k > x_i w_k / w_i` of all others;
- `j` wins after: `t < v_j / v_i`, and `x_k > x_j v_k / v_j` of all others,

which for weights `w` before and `v` after is the integral of `1 / D(t)²` from `w_j / w_i` to `v_j / v_i`, where
`D(t) = 1 + t + Σ_k max(w_k / w_i, t v_k / v_j)`. `D` is a straight line between the points where a maximum changes
sides, and there the integral is `(b - a) / (D(a) D(b))`: a fraction, without rounding. Where salt, or what the key is,
changes, both picks are independent, and the share is the product of both entities' shares.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import pairwise

NOBODY = ""
"""Stands for an entity where none has any weight, so that nobody answers."""

Flows = dict[tuple[str, str], Fraction]
"""(entity before, entity after) -> share of all requests, for those that change entity; none of them is 0."""


def shares(weights: Mapping[str, int]) -> dict[str, Fraction]:
    """Return what part of the requests each entity with weight gets; `NOBODY` gets all where there is none.

    >>> shares({"a": 90, "b": 10, "c": 0})
    {'a': Fraction(9, 10), 'b': Fraction(1, 10)}
    """
    total = sum(weights.values())
    if total == 0:
        return {NOBODY: Fraction(1)}
    return {name: Fraction(weight, total) for name, weight in weights.items() if weight}


def flows(old: Mapping[str, int], new: Mapping[str, int], *, reshuffled: bool = False) -> Flows:
    """Return the shares that move between entities, in the order of their names.

    `reshuffled` says that the picks before and after do not depend on each other: another salt or sticky key.

    >>> flows({"a": 90, "b": 10}, {"a": 80, "b": 20})
    {('a', 'b'): Fraction(1, 10)}
    >>> flows({"a": 50, "b": 50}, {"a": 50, "b": 50}, reshuffled=True)
    {('a', 'b'): Fraction(1, 4), ('b', 'a'): Fraction(1, 4)}
    """
    before, after = shares(old), shares(new)
    independent = reshuffled or NOBODY in before or NOBODY in after
    found = {}
    for source in sorted(before):
        for target in sorted(after):
            if source != target:
                both = before[source] * after[target] if independent else _flow(before, after, source, target)
                if both:
                    found[source, target] = both
    return found


def _flow(before: Mapping[str, Fraction], after: Mapping[str, Fraction], source: str, target: str) -> Fraction:
    """Return P(source before and target after); both have weight in their own table."""
    none = Fraction(0)
    source_weight, target_weight = before[source], after[target]
    begin = before.get(target, none) / source_weight
    end = target_weight / after[source] if source in after else None
    if end is not None and end <= begin:
        return none
    others = [
        (before.get(name, none) / source_weight, after.get(name, none) / target_weight)
        for name in before.keys() | after.keys()
        if name not in (source, target)
    ]
    points = [begin, *_turns(others, begin, end), *([] if end is None else [end])]

    def height(at: Fraction) -> Fraction:
        return 1 + at + sum((max(level, slope * at) for level, slope in others), none)

    share = sum(((b - a) / (height(a) * height(b)) for a, b in pairwise(points)), none)
    if end is None:  # the last piece has no end: the rest of the integral is 1 / (slope of D · D)
        share += 1 / ((1 + sum((slope for _, slope in others), none)) * height(points[-1]))
    return share


def _turns(others: Iterable[tuple[Fraction, Fraction]], begin: Fraction, end: Fraction | None) -> list[Fraction]:
    """Return, in order, where between `begin` and `end` a maximum of level and slope changes sides."""
    turns = {level / slope for level, slope in others if slope}
    return sorted(turn for turn in turns if begin < turn and (end is None or turn < end))
