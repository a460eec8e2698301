"""The provider `anthropic`: chat and completions as calls of Anthropic's Messages API."""

from collections.abc import Iterable

from xmc.plugins.anthropic.provider import ANTHROPIC
from xmc.plugins.contract import Provider
from xmc.plugins.hookspecs import hookimpl

__all__ = ["ANTHROPIC", "xmc_providers"]


XMC_CONTRACT = 1


@hookimpl
def xmc_providers() -> Iterable[Provider]:
    """Add the provider `anthropic`."""
    return (ANTHROPIC,)
