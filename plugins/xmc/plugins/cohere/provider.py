"""The provider: what every command sees of it, and its two doors."""

from xmc.plugins.contract import Adapter, EntitySpec, Link
from xmc.plugins.packaged import PackagedProvider
from xmc.schema import Target


class CohereProvider(PackagedProvider):
    """See the package."""

    name = "cohere"
    config_key = "cohere_config"
    package = "xmc.plugins.cohere"

    def link(self, entity: EntitySpec) -> Link:
        """Turn a served entity into a target."""
        from xmc.plugins.cohere.link import link_cohere  # noqa: PLC0415 - at compile time

        return link_cohere(entity)

    def adapter(self, target: Target) -> Adapter:
        """Bind to one target."""
        from xmc.plugins.cohere.adapter import adapter_of  # noqa: PLC0415 - when a table is loaded

        return adapter_of(target)


COHERE = CohereProvider()
