"""The provider `anthropic`: chat and completions as calls of Anthropic's Messages API."""

from collections.abc import Iterable

from xmc.plugins.anthropic.provider import ANTHROPIC
from xmc.plugins.contract import Provider
from xmc.plugins.hookspecs import hookimpl
from xmc.plugins.specimen import Specimen

__all__ = ["ANTHROPIC", "xmc_providers"]


XMC_CONTRACT = 1


@hookimpl
def xmc_providers() -> Iterable[Provider]:
    """Add the provider `anthropic`."""
    return (ANTHROPIC,)


@hookimpl
def xmc_specimens() -> Iterable[Specimen]:
    """Hand over what its upstreams say."""
    from xmc.plugins.anthropic.specimen import SPECIMENS  # noqa: PLC0415 - for the conformance kit alone

    return SPECIMENS
