"""What an authentication scheme calls beside the upstream: an optional part of the plugin contract."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from xmc.plugins.contract import AuthScheme
from xmc.schema import Auth


@runtime_checkable
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
    return tuple(scheme.calls(auth)) if isinstance(scheme, Calling) else ()
