"""The provider: what every command sees of it, and its two doors."""

from xmc.plugins.contract import Adapter, EntitySpec, Link
from xmc.plugins.packaged import PackagedProvider
from xmc.schema import Target


class BedrockProvider(PackagedProvider):
    """See the package."""

    name = "amazon-bedrock"
    config_key = "amazon_bedrock_config"
    package = "xmc.plugins.amazon_bedrock"

    def link(self, entity: EntitySpec) -> Link:
        """Turn a served entity into a target."""
        from xmc.plugins.amazon_bedrock.link import link_bedrock  # noqa: PLC0415 - at compile time

        return link_bedrock(entity)

    def adapter(self, target: Target) -> Adapter:
        """Bind to one target."""
        from xmc.plugins.amazon_bedrock.adapter import adapter_of  # noqa: PLC0415 - when a table is loaded

        return adapter_of(target)


BEDROCK = BedrockProvider()
