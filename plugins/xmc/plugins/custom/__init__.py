"""The provider `custom`: any server that speaks OpenAI's API, or nearly; what it answers is normalised."""

from collections.abc import Iterable

from xmc.plugins.contract import Provider
from xmc.plugins.custom.link import CONFIG_KEY, link_custom
from xmc.plugins.hookspecs import hookimpl
from xmc.plugins.openai_family import FamilyProvider, read_capabilities, read_schema
from xmc.plugins.specimen import Specimen

CUSTOM = FamilyProvider(
    name="custom",
    config_key=CONFIG_KEY,
    config_schema=read_schema(__name__),
    capabilities=read_capabilities(__name__),
    linker=link_custom,
)


XMC_CONTRACT = 1


@hookimpl
def xmc_providers() -> Iterable[Provider]:
    """Add the provider `custom`."""
    return (CUSTOM,)


@hookimpl
def xmc_specimens() -> Iterable[Specimen]:
    """Hand over what its upstreams say."""
    from xmc.plugins.custom.specimen import SPECIMENS  # noqa: PLC0415 - for the conformance kit alone

    return SPECIMENS
