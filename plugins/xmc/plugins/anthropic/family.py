"""What is known of Claude models by their names: data of `families.json`, the first row that matches.

Learnt on 2026-11-22. Ends of life: anthropic-python 2.12.0, `_data/deprecated_models.py`. Refused parameters: Anthropic
API documentation, "Versioning", and litellm 1.109.1, `supports_sampling_params` and `supports_forced_tool_use` of its
model map. Ways to think: Anthropic API documentation, "Extended thinking" and "Adaptive thinking".
"""

import re
from enum import StrEnum
from functools import cache, lru_cache

import msgspec

from xmc.schema import read_data


class Thinking(StrEnum):
    """How a model is asked to think: not at all, by a budget of tokens, or by an effort (all since 4.6)."""

    NONE = "none"
    BUDGET = "budget"
    ADAPTIVE = "adaptive"


class Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What models of one name have in common.

    `ends` is the day on which Anthropic stops serving them, if it is announced; `refuses` is what they answer 400 to.
    """

    match: str
    thinking: Thinking
    ends: str | None = None
    successor: str | None = None
    refuses: tuple[str, ...] = ()


_UNKNOWN = Family(match=".*", thinking=Thinking.ADAPTIVE)


@cache
def read_families() -> tuple[Family, ...]:
    """Return the rows of the data file."""
    data = read_data("xmc.plugins.anthropic", "families.json")
    return msgspec.json.decode(data, type=tuple[Family, ...])


@lru_cache(1024)
def family_of(model: str) -> Family:
    """Return what is known of a model; of an unknown name, that nothing is refused and that it thinks as new ones do.

    >>> family_of("claude-opus-4-8").refuses
    ('temperature', 'top_p', 'top_k')
    """
    name = model.lower()
    return next((row for row in read_families() if re.fullmatch(row.match, name)), _UNKNOWN)
