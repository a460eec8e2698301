"""The provider `databricks-model-serving`: an endpoint of a Databricks workspace, or of another xmc."""

from collections.abc import Iterable

from xmc.plugins.contract import EntitySpec, Link, Provider
from xmc.plugins.hookspecs import hookimpl
from xmc.plugins.openai_family import FamilyProvider
from xmc.plugins.specimen import Specimen

XMC_CONTRACT = 1


class DatabricksProvider(FamilyProvider):
    """See the package."""

    name = "databricks-model-serving"
    config_key = "databricks_model_serving_config"
    package = __name__

    def link(self, entity: EntitySpec) -> Link:
        """Turn a served entity into a target."""
        from xmc.plugins.databricks_model_serving.link import link_databricks  # noqa: PLC0415 - at compile time

        return link_databricks(entity)


DATABRICKS = DatabricksProvider()


@hookimpl
def xmc_providers() -> Iterable[Provider]:
    """Add the provider `databricks-model-serving`."""
    return (DATABRICKS,)


@hookimpl
def xmc_specimens() -> Iterable[Specimen]:
    """Hand over what its upstreams say."""
    from xmc.plugins.databricks_model_serving.specimen import SPECIMENS  # noqa: PLC0415 - for the conformance kit alone

    return SPECIMENS
