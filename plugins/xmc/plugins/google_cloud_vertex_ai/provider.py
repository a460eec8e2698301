"""The provider: what every command sees of it, and its two doors."""

from xmc.plugins.contract import Adapter, EntitySpec, Link
from xmc.plugins.packaged import PackagedProvider
from xmc.schema import Target


class VertexProvider(PackagedProvider):
    """See the package."""

    name = "google-cloud-vertex-ai"
    config_key = "google_cloud_vertex_ai_config"
    package = "xmc.plugins.google_cloud_vertex_ai"

    def link(self, entity: EntitySpec) -> Link:
        """Turn a served entity into a target."""
        from xmc.plugins.google_cloud_vertex_ai.link import link_vertex  # noqa: PLC0415 - at compile time

        return link_vertex(entity)

    def adapter(self, target: Target) -> Adapter:
        """Bind to one target."""
        from xmc.plugins.google_cloud_vertex_ai.adapter import adapter_of  # noqa: PLC0415 - when a table is loaded

        return adapter_of(target)


VERTEX = VertexProvider()
