"""What an authentication scheme calls beside the upstream: an optional part of the plugin contract."""

from collections.abc import Sequence
from typing import Any, Protocol

from xmc.plugins.contract import AuthScheme
from xmc.schema import Auth


class Calling(Protocol):
    """A scheme that goes out by itself through `AuthIO`, to a token endpoint for instance.

    Optional beside `AuthScheme`. What a scheme does not say here is refused only when it is called: a spec with
    `egress.allow` compiles, and the credential cannot be acquired.
    """

    def calls(self, auth: Auth) -> Sequence[str]:
        """Return the URLs that `acquire` calls for a target. Pure; asked at compile time and when a table is loaded."""
        ...


def called_by(scheme: AuthScheme, auth: Auth) -> tuple[str, ...]:
    """Return the URLs that a scheme says it calls; none for a scheme that does not say."""
    calls: Any = getattr(scheme, "calls", None)  # as `Calling`; asking for the protocol takes five times as long
    return () if calls is None else tuple(calls(auth))
