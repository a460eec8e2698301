"""The provider: what every command sees of it, and its two doors."""

from xmc.plugins.contract import Adapter, EntitySpec, Link
from xmc.plugins.packaged import PackagedProvider
from xmc.schema import Target


class Ai21Provider(PackagedProvider):
    """See the package."""

    name = "ai21labs"
    config_key = "ai21labs_config"
    package = "xmc.plugins.ai21labs"

    def link(self, entity: EntitySpec) -> Link:
        """Turn a served entity into a target."""
        from xmc.plugins.ai21labs.link import link_ai21  # noqa: PLC0415 - at compile time

        return link_ai21(entity)

    def adapter(self, target: Target) -> Adapter:
        """Bind to one target."""
        from xmc.plugins.ai21labs.adapter import JambaAdapter  # noqa: PLC0415 - when a table is loaded

        return JambaAdapter(target)


AI21 = Ai21Provider()
