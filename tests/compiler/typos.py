"""Typing mistakes made by a program in good specs: it knows which line it changed and what stood there before.

Nothing here asks the compiler: places come from PyYAML's own marks, so what is expected is known before it is compiled.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from tests.compiler.specs import CASES

EXAMPLES = Path(__file__).parents[2] / "examples"
ENUMS = {
    "provider",
    "task",
    "kind",
    "method",
    "openai_api_type",
    "bedrock_provider",
    "cohere_input_type",
}
"""Keys whose values are of a closed list."""
REFERENCES = {"served_entity_name", "served_model_name", "default", "store", "endpoints"}
"""Keys whose values name something of the same spec."""
FREE = {"stores", "scopes", "variables"}
"""Keys below which the keys are names of the user's choice."""
OPEN = {
    "auto_capture_config",
    "usage_tracking_config",
    "inference_table_config",
    "fallback_config",
    "guardrails",
    "telemetry_config",
}
"""Blocks that are switched off; what stands in them means nothing."""
NEIGHBOURS = {"a": "s", "e": "r", "i": "o", "o": "p", "n": "m", "t": "y", "r": "t", "s": "d", "l": "k", "_": "-"}


@dataclass(frozen=True, slots=True)
class Edit:
    """A spec with one mistake. `lines` are those that a reader would look at, `original` what stood there."""

    kind: str
    spec: str
    text: str
    lines: tuple[int, ...]
    original: str


@dataclass(frozen=True, slots=True)
class Token:
    """A scalar of a spec: whether it is a key, the keys above it, and its place in the text."""

    text: str
    is_key: bool
    above: tuple[str, ...]
    start: int
    end: int
    line: int
    last_line: int
    plain: bool


def good_specs() -> dict[str, str]:
    """Every spec of which a compile says nothing, by name."""
    files = [*CASES.glob("good_*.yaml"), *EXAMPLES.glob("*.yaml"), EXAMPLES / "quickstart" / "endpoints.yaml"]
    return {path.stem: path.read_text() for path in sorted(files)}


def edits(seed: int, per_kind: int) -> list[Edit]:
    """Return as many mistakes of each kind, of as many specs, as there are; the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - no secret is made of it
    specs = {name: text for name, text in good_specs().items() if _tokens(text)}
    found = []
    for kind, make in KINDS.items():
        candidates = [(name, place) for name, text in specs.items() for place in range(make.count(text))]
        rng.shuffle(candidates)
        made: list[Edit] = []
        for name, place in candidates:
            edit = make.edit(specs[name], place, rng)
            if edit is not None and edit[0] != specs[name]:
                made.append(Edit(kind, name, *edit))
            if len(made) == per_kind:
                break
        found += made
    return found


Made = tuple[str, tuple[int, ...], str] | None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of mistake: in how many places of a text it can be made, and how."""

    count: Callable[[str], int]
    edit: Callable[[str, int, random.Random], Made]


@cache
def _tokens(text: str) -> tuple[Token, ...]:
    return tuple(_walk(yaml.compose(text, Loader=yaml.CSafeLoader), (), set()))


def _walk(node: Any, above: tuple[str, ...], seen: set[int]) -> Iterator[Token]:
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield _token(node, above, is_key=False)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _walk(item, above, seen)
    else:
        for key, value in node.value:
            yield _token(key, above, is_key=True)
            yield from _walk(value, (*above, key.value), seen)


def _token(node: Any, above: tuple[str, ...], *, is_key: bool) -> Token:
    start, end = node.start_mark, node.end_mark
    plain = node.style not in ("'", '"')
    return Token(node.value, is_key, above, start.index, end.index, start.line + 1, end.line + 1, plain)


def _mistyped(word: str, rng: random.Random) -> str:
    """Make one slip of the fingers."""
    place = rng.randrange(1, len(word) - 1) if len(word) > 2 else 0
    slips = [
        word[:place] + word[place + 1 :],
        word[:place] + word[place] * 2 + word[place + 1 :],
        word[:place] + word[place : place + 2][::-1] + word[place + 2 :],
        word[:place] + NEIGHBOURS.get(word[place], "x") + word[place + 1 :],
    ]
    rng.shuffle(slips)
    return next(slip for slip in slips if slip != word)


def _means_something(token: Token) -> bool:
    return not OPEN & set(token.above) and token.text != "<<"


def _scalar_kind(wanted: Callable[[Token], bool], change: Callable[[str, random.Random], str]) -> Kind:
    """A mistake inside one scalar."""

    def places(text: str) -> list[Token]:
        return [token for token in _tokens(text) if _means_something(token) and wanted(token)]

    def edit(text: str, place: int, rng: random.Random) -> Made:
        token = places(text)[place]
        before = text[token.start : token.end]
        changed = before.replace(token.text, change(token.text, rng)) if token.text else before
        return text[: token.start] + changed + text[token.end :], (token.line,), token.text

    return Kind(lambda text: len(places(text)), edit)


def _is_schema_key(token: Token) -> bool:
    return token.is_key and len(token.text) > 2 and not (token.above and token.above[-1] in FREE)


def _is_value_of(keys: set[str]) -> Callable[[Token], bool]:
    return lambda token: not token.is_key and bool(token.above) and token.above[-1] in keys and len(token.text) > 2


def _is_named_elsewhere(token: Token) -> bool:
    """The name of a store or a scope, or of a key in one: something refers to it."""
    return token.is_key and bool(token.above) and token.above[-1] in FREE and len(token.text) > 2


def _is_reference(token: Token) -> bool:
    return not token.is_key and token.text.startswith("{{secrets/")


def _broken_reference(text: str, rng: random.Random) -> str:
    wrong = [text[1:], text[:-1], text.replace("secrets", "secret"), text.replace("/", ".", 1), f"{text}x", text[2:-2]]
    return rng.choice(wrong)


def _unquote(text: str, place: int, rng: random.Random) -> Made:  # noqa: ARG001 - one signature
    token = [one for one in _tokens(text) if not one.plain and not one.is_key and _means_something(one)][place]
    return text[: token.start] + token.text + text[token.end :], (token.line,), token.text


def _drop_a_quote(text: str, place: int, rng: random.Random) -> Made:
    token = [one for one in _tokens(text) if not one.plain and _means_something(one)][place]
    at = token.start if rng.random() < 0.5 else token.end - 1
    return text[:at] + text[at + 1 :], (token.line,), token.text


def _quoted(*, keys: bool) -> Callable[[str], int]:
    return lambda text: len(
        [one for one in _tokens(text) if not one.plain and (keys or not one.is_key) and _means_something(one)]
    )


_OTHER_TYPES = ("12", "true", "[]", "{}", "1.5", "{a: 1}", "[1, 2]")


def _typed(text: str, place: int, rng: random.Random) -> Made:
    token = _values(text)[place]
    return text[: token.start] + rng.choice(_OTHER_TYPES) + text[token.end :], (token.line,), token.text


def _values(text: str) -> list[Token]:
    """Values of which the type is known: no numbers and switches, which a number in another form still is."""
    return [
        one
        for one in _tokens(text)
        if not one.is_key
        and one.text
        and _means_something(one)
        and not one.text[0].isdigit()
        and one.text not in {"true", "false"}
        and one.line == one.last_line
    ]


def _lines(text: str) -> list[int]:
    """Lines that hold something and are not the first of a file, without those of switched-off blocks."""
    off = {line for one in _tokens(text) if not _means_something(one) for line in range(one.line, one.last_line + 1)}
    return [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith(("#", "{", "}", "]")) and number > 1 and number not in off
    ]


def _shift(text: str, place: int, rng: random.Random) -> Made:
    number = _lines(text)[place]
    lines = text.splitlines(keepends=True)
    line = lines[number - 1]
    by = rng.choice((1, 2, -1, -2))
    if by < 0 and not line.startswith(" " * -by):
        by = -by
    lines[number - 1] = " " * by + line if by > 0 else line[-by:]
    return "".join(lines), (number - 1, number, number + 1), line.strip()


def _repeat(text: str, place: int, rng: random.Random) -> Made:  # noqa: ARG001 - one signature
    token = [one for one in _tokens(text) if one.is_key and _is_whole_line(text, one)][place]
    lines = text.splitlines(keepends=True)
    line = lines[token.line - 1]
    indent = text[text.rfind("\n", 0, token.start) + 1 : token.start]
    copy = " " * len(indent) + line[len(indent) :]
    lines.insert(token.line, copy if copy.endswith("\n") else copy + "\n")
    return "".join(lines), (token.line, token.line + 1), token.text


def _is_whole_line(text: str, token: Token) -> bool:
    """Tell whether a key and its value are one line of block style."""
    begin = text.rfind("\n", 0, token.start) + 1
    end = text.find("\n", token.end)
    rest = text[token.end : end if end >= 0 else len(text)].removeprefix(":").strip()
    return (
        not text[begin : token.start].strip(" -")
        and bool(rest)
        and rest[0] not in "#&|>"
        and rest[-1] not in "[{"
        and _means_something(token)
    )


KINDS: dict[str, Kind] = {
    "key": _scalar_kind(_is_schema_key, _mistyped),
    "enum": _scalar_kind(_is_value_of(ENUMS), _mistyped),
    "reference": _scalar_kind(_is_value_of(REFERENCES), _mistyped),
    "name": _scalar_kind(_is_named_elsewhere, _mistyped),
    "secret reference": _scalar_kind(_is_reference, _broken_reference),
    "unquoted": Kind(_quoted(keys=False), _unquote),
    "quote": Kind(_quoted(keys=True), _drop_a_quote),
    "type": Kind(lambda text: len(_values(text)), _typed),
    "indentation": Kind(lambda text: len(_lines(text)), _shift),
    "duplicate": Kind(lambda text: len([t for t in _tokens(text) if t.is_key and _is_whole_line(text, t)]), _repeat),
}
