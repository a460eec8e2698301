"""The provider `openai` (type `openai`): api.openai.com, or a base URL that speaks its API exactly."""

from collections.abc import Iterable

from xmc.plugins.contract import Provider
from xmc.plugins.hookspecs import hookimpl
from xmc.plugins.openai.link import CONFIG_KEY, link_openai
from xmc.plugins.openai_family import FamilyProvider, read_capabilities, read_schema

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
