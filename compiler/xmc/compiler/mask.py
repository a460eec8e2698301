"""A line of a spec as it may be printed: whatever may be a secret is struck out.

A spec can hold typed-in secrets, and a spec with errors can hold them in places that nobody foresaw. So a source line
under a diagnostic shows the keys, and the values of keys that do not sound secret; nothing of a line without a key.
Where a line is wholly understood (`{a: b, key: "c", d: e}`), only the value is struck out; else the rest of the line.
"""

import re
from collections.abc import Iterator, Sequence

from xmc.compiler.suggest import distance

STRUCK = "***"

_SECRET_WORDS = ("plaintext", "key", "secret", "token", "password", "credential", "private", "bearer")
_SECRET_PARTS = (*_SECRET_WORDS, "auth", "value", "_config")
_CONTAINERS = ("_config", "_auth")
"""Ends of keys that hold a mapping: what stands in it is looked at key by key."""

_NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"
_KEY_TOKEN = rf"(?:\"{_NAME}\"|'{_NAME}'|{_NAME})\s*:(?:\s+|$|(?=[\"'{{\[])|(?<=[\"']:))"
_KEY = re.compile(rf"(?<![A-Za-z0-9_.\"'-]){_KEY_TOKEN}")
_REFERENCE = r"[\"']?\{\{[-\s]*secrets/[A-Za-z0-9_.@/-]*\s*\}\}[\"']?"
_REFERENCE_TO_THE_END = re.compile(rf"\s*{_REFERENCE}\s*[,}}\]]*\s*(?:#.*)?")
_HAS_KEY = re.compile(rf"^[\s\]}},]*(?:-\s+|[{{\[]\s*)*{_KEY_TOKEN}")
_PLAIN_ITEM = re.compile(r"^\s*(?:-\s+)*[\[\]{},\s]*$|^---\s*$|^\s*-\s+\*[a-z]+\s*$")
_OPENS_FLOW = re.compile(rf"^[\s\]}},]*(?:-\s+)*(?:{_KEY_TOKEN})?[{{\[]")
_FLOW_VALUE = re.compile(
    rf"{_REFERENCE}|\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[A-Za-z0-9_/+.~-](?:[^,\[\]{{}}\"'#:]|:(?=\S))*"
)
_IN_URL = re.compile(r"(?<=://)(?P<user>[^/\s\"'?#]+)(?=@)|(?<=[?&])(?P<name>[\w.-]*)=(?P<value>[^&#\s\"']+)")
"""User and password of a URL, and each parameter of its query."""
_VARS = re.compile(rb"(\s*)[\"']?vars[\"']?\s*:")
_FLOW_NEXT = re.compile(rf"[\s}}\]]*(?:$|,[\s{{\[]*(?:$|{_KEY_TOKEN}))")


def mask_line(line: str) -> str:
    """Return a source line without what may be a secret.

    >>> mask_line('  openai_api_key_plaintext: sk-123')
    '  openai_api_key_plaintext: ***'
    >>> mask_line('  openai_api_key: "{{secrets/a/b}}"')
    '  openai_api_key: "{{secrets/a/b}}"'
    >>> mask_line('  provider: openai'), mask_line('MIIEvQIBADANBg')
    ('  provider: openai', '***')
    >>> mask_line('- {name: a, token_plaintext: sk-123, colour: red}')
    '- {name: a, token_plaintext: ***, colour: red}'
    """
    shown, begin = "", 0
    for start, end in struck_out(line):
        shown += line[begin:start] + STRUCK
        begin = end
    return shown + line[begin:]


def variable_lines(lines: Sequence[bytes]) -> range:
    """Return the positions of the line of the first `vars:` and of those that are indented below it.

    >>> variable_lines([b"version: 1", b"vars:", b"  a: 1", b"", b"  b: 2", b"endpoints: []"])
    range(1, 5)
    """
    for start, line in enumerate(lines):
        if found := _VARS.match(line):
            end = start + 1
            while end < len(lines) and (
                not lines[end].strip() or lines[end].startswith((found[1] + b" ", found[1] + b"\t", b"-"))
            ):
                end += 1
            return range(start, end)
    return range(0)


def struck_variable(line: str) -> tuple[tuple[int, int], ...]:
    """Return what of a line of variables may not be shown: any may hold a secret, whatever its name.

    Only a text with an expression is shown, where it is all that the line holds beside its key.

    >>> [bool(struck_variable(line)) for line in ("  a: x", '  a: "{{ b }}"', "vars:", "vars: {a: x, b: '{{ a }}'}")]
    [True, False, False, True]
    """
    key = re.match(rf"\s*(?:-\s+)*{_KEY_TOKEN}", line)
    if key is None:
        return () if _PLAIN_ITEM.match(line) else ((0, len(line)),)
    if not line[key.end() :].strip():
        return ()
    if "{{" in line and re.fullmatch(r"\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'{\[&*!#][^#]*)\s*", line[key.end() :]):
        return struck_out(line)
    return ((key.end(), len(line)),)


def struck_out(line: str) -> tuple[tuple[int, int], ...]:
    """Return what of a line may not be shown: ranges of characters, in order, end exclusive."""
    if not _HAS_KEY.match(line):
        return () if _PLAIN_ITEM.match(line) else ((0, len(line)),)
    struck: list[tuple[int, int]] = []
    place = 0
    while (key := _KEY.search(line, place)) is not None:
        place = key.end()
        if not sounds_secret(key[0]):
            continue
        found = _value(line, key.start(), place, container=_word(key[0]).endswith(_CONTAINERS))
        if found is None:
            struck.append((place, len(line)))
            break
        start, place = found
        if start < place:
            struck.append((start, place))
    return _merged([*struck, *_in_urls(line)])


def _in_urls(line: str) -> Iterator[tuple[int, int]]:
    for found in _IN_URL.finditer(line):
        if found["user"] is not None:
            yield found.span("user")
        elif sounds_secret(found["name"]):
            yield found.span("value")


def _merged(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _value(line: str, key: int, begin: int, *, container: bool) -> tuple[int, int] | None:
    """Return which part of the line is the secret of a key, an empty one if nothing is; None: it is not known."""
    if not line[begin:].strip() or _REFERENCE_TO_THE_END.fullmatch(line, begin):
        return len(line), len(line)
    if container and re.match(rf"\{{\s*(?:$|\}}|{_KEY_TOKEN})", line[begin:]):
        return begin + 1, begin + 1
    value = _FLOW_VALUE.match(line, begin) if _is_in_flow(line[:key]) else None
    if value is None or not _FLOW_NEXT.match(line, value.end()):
        return None
    if re.fullmatch(_REFERENCE, value[0]):
        return value.end(), value.end()
    return value.span()


def _is_in_flow(before: str) -> bool:
    """Tell whether a flow collection that the line itself opened is still open after its first characters."""
    if not _OPENS_FLOW.match(before):
        return False
    bare = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'", "", before)
    depth = sum(bare.count(one) for one in "[{") - sum(bare.count(one) for one in "]}")
    return depth > 0 and "'" not in bare and '"' not in bare and "#" not in bare


def _word(key: str) -> str:
    return key.rstrip().removesuffix(":").strip(" \"'").lower()


def sounds_secret(key: str) -> bool:
    """Tell whether a key may hold a secret, mistyped ones included.

    >>> [sounds_secret(key) for key in ("openai_api_kye:", "bearer_tokne:", "task:", "provider:")]
    [True, True, False, False]
    """
    word = _word(key)
    if any(part in word for part in _SECRET_PARTS):
        return True
    parts = re.split(r"[_.-]", word)
    return any(distance(part, secret) <= 1 + len(secret) // 8 for part in parts for secret in _SECRET_WORDS)
