"""The provider `cohere`: Command by the chat API of version 2, for chat and completions, and Embed."""

from collections.abc import Iterable

from xmc.plugins.cohere.provider import COHERE
from xmc.plugins.contract import Provider
from xmc.plugins.hookspecs import hookimpl
from xmc.plugins.specimen import Specimen

__all__ = ["COHERE", "xmc_providers"]

XMC_CONTRACT = 1


@hookimpl
def xmc_providers() -> Iterable[Provider]:
    """Add the provider `cohere`."""
    return (COHERE,)


@hookimpl
def xmc_specimens() -> Iterable[Specimen]:
    """Hand over what its upstreams say."""
    from xmc.plugins.cohere.specimen import SPECIMENS  # noqa: PLC0415 - for the conformance kit alone

    return SPECIMENS
