"""A line of a spec as it may be printed: whatever may be a secret is struck out.

A spec can hold typed-in secrets, and a spec with errors can hold them in places that nobody foresaw. So a source line
under a diagnostic shows the keys, and the values of keys that do not sound secret; nothing of a line without a key.
"""

import re

STRUCK = "***"

_SECRET_KEY = re.compile(
    r"(?P<head>[\"']?[A-Za-z0-9_.-]*(?:plaintext|key|secret|token|password|credential|auth|value|private|bearer|_config)"
    r"[A-Za-z0-9_.-]*[\"']?\s*:)(?P<gap>\s+|$|(?=[\"'{\[]))(?P<value>.*)",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\s*[\"']?\{\{[-\s]*secrets/[A-Za-z0-9_.@/-]*\s*\}\}[\"']?\s*[,}\]]*\s*(?:#.*)?")
_HAS_KEY = re.compile(r"^\s*(?:-\s+|\{\s*)*[\"']?[A-Za-z_][A-Za-z0-9_.-]*[\"']?\s*:(?:\s|$|[\"'{\[])")
_PLAIN_ITEM = re.compile(r"^\s*(?:-\s+)*[\[\]{},]*\s*$|^---\s*$|^\s*-\s+\*[a-z]+\s*$")


def mask_line(line: str) -> str:
    """Return a source line without what may be a secret.

    >>> mask_line('  openai_api_key_plaintext: sk-123')
    '  openai_api_key_plaintext: ***'
    >>> mask_line('  openai_api_key: "{{secrets/a/b}}"')
    '  openai_api_key: "{{secrets/a/b}}"'
    >>> mask_line('  provider: openai'), mask_line('MIIEvQIBADANBg')
    ('  provider: openai', '***')
    """
    if not _HAS_KEY.match(line):
        return line if _PLAIN_ITEM.match(line) else STRUCK
    match = _SECRET_KEY.search(line)
    if match is None or _REFERENCE.fullmatch(match["value"]) or not match["value"].strip():
        return line
    return line[: match.end("gap")] + STRUCK
