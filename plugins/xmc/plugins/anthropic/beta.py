"""The header `anthropic-beta`: what the target always sends, what tools need, and what a request names.

A request names its betas in the body key `anthropic_beta`, since headers of clients are never forwarded; only those on
the list of `betas.json`, and those that the target sends anyway, are let through.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec

from xmc.plugins.translation.refused import RefusedError, list_at, unsupported
from xmc.schema import read_data


class _Betas(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    date: str
    allowed: frozenset[str]


@cache
def allowed_betas(package: str = "xmc.plugins.anthropic") -> frozenset[str]:
    """Return the betas that a request may name: the list of this provider, or of another that serves its models."""
    data = read_data(package, "betas.json")
    return msgspec.json.decode(data, type=_Betas).allowed


def combine_betas(
    always: Iterable[str], needed: Iterable[str], wanted: Any, allowed: frozenset[str]
) -> tuple[str, ...]:
    """Return the betas of one call, each once; `wanted` is a name, a list of names or names with commas between.

    Only those of `allowed` may be asked for, and those that are sent anyway.

    Raises:
        RefusedError: a name that is not on the list.
    """
    names = dict.fromkeys((*always, *needed))
    given = [] if wanted is None else wanted.split(",") if isinstance(wanted, str) else list_at(wanted, _KEY)
    for name in given:
        if not isinstance(name, str):
            raise RefusedError(f"`{_KEY}` holds something that is no name", _KEY)
        stripped = name.strip()
        if stripped not in names and stripped not in allowed:
            raise unsupported(_KEY, f"the beta {stripped!r} is not on the list of those that may be asked for")
        names[stripped] = None
    return tuple(names)


_KEY = "anthropic_beta"
