"""Names of tools and ids of calls in the characters that the Messages API takes.

Both may come from another provider's part of the conversation. What does not fit is rewritten the same way wherever
it occurs, so calls and results still find each other, and tools are given back their own names in answers.
"""

import re
from hashlib import sha256

_FITS = re.compile(r"[a-zA-Z0-9_-]+")
_OTHERS = re.compile(r"[^a-zA-Z0-9_-]")
_MAX_NAME = 128
_HASH_LENGTH = 8


def wire_name(name: str) -> str:
    """Return a tool's name as `^[a-zA-Z0-9_-]{1,128}$`; a rewritten one ends in a hash, so no two become one.

    >>> wire_name("get_weather"), wire_name("maps.find")
    ('get_weather', 'maps_find_4f651f75')
    """
    return name if _fits(name) and len(name) <= _MAX_NAME else _rewritten(name, _MAX_NAME)


def wire_id(call_id: str) -> str:
    """Return a call's id as `^[a-zA-Z0-9_-]+$`."""
    return call_id if _fits(call_id) else _rewritten(call_id, len(call_id) + _HASH_LENGTH + 1)


def _fits(text: str) -> bool:
    return _FITS.fullmatch(text) is not None


def _rewritten(text: str, limit: int) -> str:
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    return f"{_OTHERS.sub('_', text)[: limit - _HASH_LENGTH - 1]}_{digest}"
