"""The provider `databricks-model-serving`: an endpoint of a Databricks workspace, or of another xmc."""

from collections.abc import Iterable

from xmc.plugins.contract import Provider
from xmc.plugins.databricks_model_serving.link import CONFIG_KEY, link_databricks
from xmc.plugins.hookspecs import hookimpl
from xmc.plugins.openai_family import FamilyProvider, read_capabilities, read_schema
from xmc.plugins.specimen import Specimen

DATABRICKS = FamilyProvider(
    name="databricks-model-serving",
    config_key=CONFIG_KEY,
    config_schema=read_schema(__name__),
    capabilities=read_capabilities(__name__),
    linker=link_databricks,
)


XMC_CONTRACT = 1


@hookimpl
def xmc_providers() -> Iterable[Provider]:
    """Add the provider `databricks-model-serving`."""
    return (DATABRICKS,)


@hookimpl
def xmc_specimens() -> Iterable[Specimen]:
    """Hand over what its upstreams say."""
    from xmc.plugins.databricks_model_serving.specimen import SPECIMENS  # noqa: PLC0415 - for the conformance kit alone

    return SPECIMENS
