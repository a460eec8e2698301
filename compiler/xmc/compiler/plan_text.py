"""A plan as text for people, as JSON for programs, and as Markdown for a comment on a change. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import Any

import msgspec

from xmc.compiler.excerpt import visible
from xmc.compiler.plan import ABSENT, Change, Plan, Traffic
from xmc.compiler.plan_rows import words
from xmc.compiler.plan_words import Risk, Words, inside

NOTHING = "no change in meaning"
_ORDER = tuple(Risk)
_TRAFFIC = "traffic"
_MOST_SHOWN = 2
"""Values of an endpoint's document that are written out; what they mirror stands in the lines above."""
_MOST_CHARACTERS = 60_000
"""Of the Markdown form: hosts of code take comments up to 65,536."""
_GROUPS = {"open": "who may call", "principals": "who may call", "stores": "secrets", "secrets": "secrets"}


@dataclass(frozen=True, slots=True)
class _Line:
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Group:
    """What is said about one endpoint or one part of the table."""

    title: str
    name: str
    lines: tuple[_Line, ...]


def render_plan_human(plan: Plan) -> str:
    """Return a plan as text that ends in a newline: a line that counts, then a block for each endpoint and part."""
    if not plan:
        return f"{NOTHING}\n"
    width = max(len(kind) for kind in (*_ORDER, _TRAFFIC))
    blocks = [f"{_headline(plan)}\n"]
    for group in _groups(plan):
        lines = "".join(f"  {line.kind:<{width}}  {line.text}\n" for line in group.lines)
        blocks.append(f"{f'{group.title} {visible(group.name)}'.strip()}\n{lines}")
    return "\n".join(blocks)


def render_plan_markdown(plan: Plan) -> str:
    """Return a plan as Markdown. What comes from the tables stands in code spans, where nothing of it is read."""
    if not plan:
        return f"**Routing table**: {NOTHING}.\n"
    lines = [f"**Routing table**: {_headline(plan)}"]
    for group in _groups(plan):
        lines += ["", f"**{group.title}** {_code(group.name) if group.name else ''}".rstrip(), ""]
        lines += [f"- {line.kind}: {_code(line.text)}" for line in group.lines]
    return _cut(lines)


def render_plan_json(plan: Plan) -> str:
    """Return a plan as one JSON object; its keys are documented in docs/plan.md."""
    said = [(change, words(change)) for change in plan.changes]
    document = {
        "changed": bool(plan),
        "counts": _counts(word for _, word in said),
        "changes": [_plain_change(change, word) for change, word in said],
        "traffic": [_plain_traffic(one) for one in plan.traffic],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def percent(share: Fraction) -> str:
    """Return a share as people read it: two digits after the point at most, and never 0 for something.

    >>> percent(Fraction(1, 10)), percent(Fraction(1, 3)), percent(Fraction(1, 100_000))
    ('10 %', '33.33 %', '< 0.01 %')
    """
    if 0 < share < Fraction(1, 10_000):
        return "< 0.01 %"
    return f"{float(share * 100):.2f}".rstrip("0").rstrip(".") + " %"


def _counts(said: Iterable[Words]) -> dict[str, int]:
    risks = [risk for risk, _ in said]
    return {risk: risks.count(risk) for risk in _ORDER}


def _headline(plan: Plan) -> str:
    counts = _counts(map(words, plan.changes))
    number = len(plan.changes)
    kinds = ", ".join(f"{count} {risk}" for risk, count in counts.items() if count)
    return f"{number} {'change' if number == 1 else 'changes'}: {kinds}"


def _groups(plan: Plan) -> Iterator[_Group]:
    """Return what is said about the table, then about who may call, each endpoint, and the secrets."""
    changes = sorted(plan.changes, key=_group_of)
    traffic = {one.endpoint: one for one in plan.traffic}
    for (_, title, name), members in groupby(changes, key=_group_of):
        moved = traffic.get(name) if title == "endpoint" else None
        yield _Group(title, name, tuple(_lines(list(members), moved)))


def _group_of(change: Change) -> tuple[int, str, str]:
    first = change.path[0]
    if first == "endpoints":
        return 2, "endpoint", change.path[1]
    title = _GROUPS.get(first, "table")
    return {"table": 0, "who may call": 1, "secrets": 3}[title], title, ""


def _lines(changes: list[Change], moved: Traffic | None) -> Iterator[_Line]:
    said = sorted(((words(change), change) for change in changes), key=lambda one: _ORDER.index(one[0].risk))
    lines = [_Line(word.risk, word.text) for word, _ in said if word.risk is not Risk.SHOWN]
    serious = [line for line in lines if _ORDER.index(Risk(line.kind)) < _ORDER.index(Risk.ANSWERS)]
    yield from serious
    if moved is not None:
        yield from _traffic_lines(moved)
    yield from lines[len(serious) :]
    shown = [(word, change) for word, change in said if word.risk is Risk.SHOWN]
    for word, _ in shown[:_MOST_SHOWN]:
        yield _Line(word.risk, word.text)
    if len(shown) > _MOST_SHOWN:
        rest = ", ".join(inside(change) for _, change in shown[_MOST_SHOWN:])
        yield _Line(Risk.SHOWN, f"and {len(shown) - _MOST_SHOWN} more: {rest}")


def _traffic_lines(moved: Traffic) -> Iterator[_Line]:
    what = f"callers, by {visible(moved.sticky)}," if moved.sticky else "requests"
    why = "; salt or sticky key changed, so all are picked anew" if moved.reshuffled else ""
    yield _Line(_TRAFFIC, f"{percent(moved.moved)} of {what} change entity{why}")
    for flow in moved.flows:
        yield _Line(_TRAFFIC, f"  {_who(flow.source)} -> {_who(flow.target)}: {percent(flow.share)}")


def _who(entity: str) -> str:
    return visible(entity) or "(nobody)"


def _code(text: str) -> str:
    """Return text as a code span, whatever is in it.

    >>> _code("a `b`")
    '`` a `b` ``'
    """
    ticks = max((len(list(run)) for char, run in groupby(text) if char == "`"), default=0)
    fence, pad = "`" * (ticks + 1), " " if ticks else ""
    return f"{fence}{pad}{text.strip()}{pad}{fence}"


def _cut(lines: list[str]) -> str:
    length = 0
    for number, line in enumerate(lines):
        length += len(line) + 1
        if length > _MOST_CHARACTERS:
            return (
                "\n".join([*lines[:number], "", f"… and {len(lines) - number} more lines; the JSON form holds all"])
                + "\n"
            )
    return "\n".join(lines) + "\n"


def _plain_change(change: Change, word: Words) -> dict[str, Any]:
    old, new = (None if value is ABSENT else value for value in (change.old, change.new))
    return {"path": change.path, "kind": change.kind, "risk": word.risk, "text": word.text, "old": old, "new": new}


def _plain_traffic(one: Traffic) -> dict[str, Any]:
    return {
        "endpoint": one.endpoint,
        "of": one.sticky or "request",
        "reshuffled": one.reshuffled,
        "moved": _plain_share(one.moved),
        "shares": [
            {"entity": name, "old": _plain_share(one.old.get(name)), "new": _plain_share(one.new.get(name))}
            for name in sorted(one.old.keys() | one.new.keys())
        ],
        "flows": [{"from": flow.source, "to": flow.target, "share": _plain_share(flow.share)} for flow in one.flows],
    }


def _plain_share(share: Fraction | None) -> dict[str, Any]:
    exact = share or Fraction(0)
    return {"fraction": str(exact), "percent": round(float(exact * 100), 6)}
