"""Names of tools and ids of calls in the characters that a provider takes.

Both may come from another provider's part of the conversation. What does not fit is rewritten the same way wherever
it occurs, so calls and results still find each other, and tools can be given back their own names in answers.
"""

import re
from hashlib import sha256

WORD = re.compile(r"[^a-zA-Z0-9_-]")
"""The characters that most providers do not take in a name."""

_HASH_LENGTH = 8
_MAX_NAME = 128


def fit(text: str, *, limit: int | None = None, unfit: re.Pattern[str] = WORD) -> str:
    """Return a name or id without `unfit` characters, of 1 to `limit` characters.

    A rewritten one ends in a hash, so no two become one.

    >>> fit("get_weather"), fit("maps.find"), fit("a" * 20, limit=16)
    ('get_weather', 'maps_find_4f651f75', 'aaaaaaa_42492da0')
    """
    if text and not unfit.search(text) and (limit is None or len(text) <= limit):
        return text
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    stem = unfit.sub("_", text)
    return f"{stem if limit is None else stem[: limit - _HASH_LENGTH - 1]}_{digest}"


def wire_name(name: str) -> str:
    """Return a tool's name as `^[a-zA-Z0-9_-]{1,128}$`, Anthropic's own limit."""
    return fit(name, limit=_MAX_NAME)


def wire_id(call_id: str) -> str:
    """Return a call's id as `^[a-zA-Z0-9_-]+$`."""
    return fit(call_id)
