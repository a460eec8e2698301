"""The provider `ai21labs`: chat by Jamba models, and completions as chats of one question."""

from collections.abc import Iterable

from xmc.plugins.ai21labs.provider import AI21
from xmc.plugins.contract import Provider
from xmc.plugins.hookspecs import hookimpl
from xmc.plugins.specimen import Specimen

__all__ = ["AI21", "xmc_providers"]

XMC_CONTRACT = 1


@hookimpl
def xmc_providers() -> Iterable[Provider]:
    """Add the provider `ai21labs`."""
    return (AI21,)


@hookimpl
def xmc_specimens() -> Iterable[Specimen]:
    """Hand over what its upstreams say."""
    from xmc.plugins.ai21labs.specimen import SPECIMENS  # noqa: PLC0415 - for the conformance kit alone

    return SPECIMENS
