"""What Microsoft's services share: tokens of Entra ID for an application's own credentials."""

from collections.abc import Iterable

from xmc.plugins.azure.entra import EntraClientSecret
from xmc.plugins.contract import AuthScheme
from xmc.plugins.hookspecs import hookimpl

__all__ = ["EntraClientSecret"]

XMC_CONTRACT = 1


@hookimpl
def xmc_auth_schemes() -> Iterable[AuthScheme]:
    """Add `entra-client-secret`."""
    return (EntraClientSecret(),)
