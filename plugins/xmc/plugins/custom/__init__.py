"""The provider `custom`: any server that speaks OpenAI's API, or nearly; what it answers is normalised."""

from collections.abc import Iterable

from xmc.plugins.contract import EntitySpec, Link, Provider
from xmc.plugins.hookspecs import hookimpl
from xmc.plugins.openai_family import FamilyProvider
from xmc.plugins.specimen import Specimen

XMC_CONTRACT = 1


class CustomProvider(FamilyProvider):
    """See the package."""

    name = "custom"
    config_key = "custom_provider_config"
    package = __name__

    def link(self, entity: EntitySpec) -> Link:
        """Turn a served entity into a target."""
        from xmc.plugins.custom.link import link_custom  # noqa: PLC0415 - at compile time

        return link_custom(entity)


CUSTOM = CustomProvider()


@hookimpl
def xmc_providers() -> Iterable[Provider]:
    """Add the provider `custom`."""
    return (CUSTOM,)


@hookimpl
def xmc_specimens() -> Iterable[Specimen]:
    """Hand over what its upstreams say."""
    from xmc.plugins.custom.specimen import SPECIMENS  # noqa: PLC0415 - for the conformance kit alone

    return SPECIMENS
