"""The provider `openai`: api.openai.com, or a base URL that speaks its API exactly, and Azure OpenAI."""

from collections.abc import Iterable

from xmc.plugins.contract import Provider
from xmc.plugins.hookspecs import hookimpl
from xmc.plugins.openai.azure import CONFIG_KEY
from xmc.plugins.openai.link import link_openai
from xmc.plugins.openai_family import FamilyProvider, read_capabilities, read_schema
from xmc.plugins.specimen import Specimen

OPENAI = FamilyProvider(
    name="openai",
    config_key=CONFIG_KEY,
    config_schema=read_schema(__name__),
    capabilities=read_capabilities(__name__),
    linker=link_openai,
    trusted=True,
)


XMC_CONTRACT = 1


@hookimpl
def xmc_providers() -> Iterable[Provider]:
    """Add the provider `openai`."""
    return (OPENAI,)


@hookimpl
def xmc_specimens() -> Iterable[Specimen]:
    """Hand over what its upstreams say."""
    from xmc.plugins.openai.specimen import SPECIMENS  # noqa: PLC0415 - for the conformance kit alone

    return SPECIMENS
