"""The provider `google-cloud-vertex-ai`: Gemini, Claude and models of partners for chat and completions, embeddings."""

from collections.abc import Iterable

from xmc.plugins.contract import Provider
from xmc.plugins.google_cloud_vertex_ai.provider import VERTEX
from xmc.plugins.hookspecs import hookimpl
from xmc.plugins.specimen import Specimen

__all__ = ["VERTEX", "xmc_providers"]

XMC_CONTRACT = 1


@hookimpl
def xmc_providers() -> Iterable[Provider]:
    """Add the provider `google-cloud-vertex-ai`."""
    return (VERTEX,)


@hookimpl
def xmc_specimens() -> Iterable[Specimen]:
    """Hand over what its upstreams say."""
    from xmc.plugins.google_cloud_vertex_ai.specimen import SPECIMENS  # noqa: PLC0415 - for the conformance kit alone

    return SPECIMENS
