"""What Amazon's services share: signatures of version 4, where credentials come from, and binary event streams."""

from collections.abc import Iterable

from xmc.plugins.aws.chain import DefaultChain
from xmc.plugins.aws.event_stream import EventStream, EventStreamReader
from xmc.plugins.aws.sigv4 import SigV4
from xmc.plugins.contract import AuthScheme, Framing
from xmc.plugins.hookspecs import hookimpl

__all__ = ["DefaultChain", "EventStream", "EventStreamReader", "SigV4"]

XMC_CONTRACT = 1


@hookimpl
def xmc_auth_schemes() -> Iterable[AuthScheme]:
    """Add `aws-sigv4` and `aws-default-chain`."""
    return (SigV4(), DefaultChain())


@hookimpl
def xmc_framings() -> Iterable[Framing]:
    """Add `aws-event-stream`."""
    return (EventStream(),)
