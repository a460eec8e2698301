"""The hooks of the entry-point group `xmc`. Few on purpose: each registers one capability.

A plugin is any module or object with some of these functions, marked with `xmc.plugins.hookimpl`. Shipped plugins
come in by the same entry points as a stranger's.
"""

from collections.abc import Iterable

import pluggy

from xmc.plugins.contract import AuthScheme, Framing, Provider, SecretStore
from xmc.plugins.specimen import Specimen

hookspec = pluggy.HookspecMarker("xmc")
hookimpl = pluggy.HookimplMarker("xmc")


@hookspec
def xmc_providers() -> Iterable[Provider]:  # type: ignore[empty-body]
    """Called once when a manager is built: the providers that this plugin adds. Since contract 1."""


@hookspec
def xmc_auth_schemes() -> Iterable[AuthScheme]:  # type: ignore[empty-body]
    """Called once when a manager is built: the authentication schemes that this plugin adds. Since contract 1."""


@hookspec
def xmc_framings() -> Iterable[Framing]:  # type: ignore[empty-body]
    """Called once when a manager is built: the stream framings that this plugin adds. Since contract 1."""


@hookspec
def xmc_secret_stores() -> Iterable[SecretStore]:  # type: ignore[empty-body]
    """Called once when a manager is built: the secret stores that this plugin adds. Since contract 1."""


@hookspec
def xmc_specimens() -> Iterable[Specimen]:  # type: ignore[empty-body]
    """Called by the conformance kit alone: what the upstreams of this plugin's providers say. Since contract 1."""
