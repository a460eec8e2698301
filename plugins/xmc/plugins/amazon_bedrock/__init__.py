"""The provider `amazon-bedrock`: chat and completions as Converse calls, embeddings as InvokeModel calls."""

from collections.abc import Iterable

from xmc.plugins.amazon_bedrock.provider import BEDROCK
from xmc.plugins.contract import Provider
from xmc.plugins.hookspecs import hookimpl
from xmc.plugins.specimen import Specimen

__all__ = ["BEDROCK", "xmc_providers"]

XMC_CONTRACT = 1


@hookimpl
def xmc_providers() -> Iterable[Provider]:
    """Add the provider `amazon-bedrock`."""
    return (BEDROCK,)


@hookimpl
def xmc_specimens() -> Iterable[Specimen]:
    """Hand over what its upstreams say."""
    from xmc.plugins.amazon_bedrock.specimen import SPECIMENS  # noqa: PLC0415 - for the conformance kit alone

    return SPECIMENS
