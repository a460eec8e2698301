"""What Google Cloud's services share: access tokens for the key of a service account."""

from collections.abc import Iterable

from xmc.plugins.contract import AuthScheme
from xmc.plugins.google.service_account import ServiceAccount
from xmc.plugins.hookspecs import hookimpl

__all__ = ["ServiceAccount"]

XMC_CONTRACT = 1


@hookimpl
def xmc_auth_schemes() -> Iterable[AuthScheme]:
    """Add `google-service-account`."""
    return (ServiceAccount(),)
