"""The provider `openai`: api.openai.com, or a base URL that speaks its API exactly, and Azure OpenAI."""

from collections.abc import Iterable

from xmc.plugins.contract import EntitySpec, Link, Provider
from xmc.plugins.hookspecs import hookimpl
from xmc.plugins.openai_family import FamilyProvider
from xmc.plugins.specimen import Specimen

XMC_CONTRACT = 1


class OpenAiProvider(FamilyProvider):
    """See the package."""

    name = "openai"
    config_key = "openai_config"
    package = __name__
    trusted = True

    def link(self, entity: EntitySpec) -> Link:
        """Turn a served entity into a target."""
        from xmc.plugins.openai.link import link_openai  # noqa: PLC0415 - at compile time

        return link_openai(entity)


OPENAI = OpenAiProvider()


@hookimpl
def xmc_providers() -> Iterable[Provider]:
    """Add the provider `openai`."""
    return (OPENAI,)


@hookimpl
def xmc_specimens() -> Iterable[Specimen]:
    """Hand over what its upstreams say."""
    from xmc.plugins.openai.specimen import SPECIMENS  # noqa: PLC0415 - for the conformance kit alone

    return SPECIMENS
