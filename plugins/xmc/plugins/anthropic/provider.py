"""The provider: what every command sees of it, and its two doors."""

from xmc.plugins.contract import Adapter, EntitySpec, Link
from xmc.plugins.packaged import PackagedProvider
from xmc.schema import Target


class AnthropicProvider(PackagedProvider):
    """See the package."""

    name = "anthropic"
    config_key = "anthropic_config"
    package = "xmc.plugins.anthropic"

    def link(self, entity: EntitySpec) -> Link:
        """Turn a served entity into a target."""
        from xmc.plugins.anthropic.link import link_anthropic  # noqa: PLC0415 - at compile time

        return link_anthropic(entity)

    def adapter(self, target: Target) -> Adapter:
        """Bind to one target."""
        from xmc.plugins.anthropic.adapter import MessagesAdapter  # noqa: PLC0415 - when a table is loaded

        return MessagesAdapter(target)


ANTHROPIC = AnthropicProvider()
