"""The plugin room: hook specifications, the manager, and every shipped plugin."""

from xmc.plugins.calling import Calling, called_by
from xmc.plugins.contract import (
    CONTRACT,
    Adapter,
    AuthError,
    AuthIO,
    AuthScheme,
    Capability,
    Clock,
    Credential,
    EntitySpec,
    FrameReader,
    Framing,
    FramingError,
    Link,
    Proof,
    Provider,
    SecretStore,
    Slot,
    StoreError,
    StoreSession,
)
from xmc.plugins.hookspecs import hookimpl
from xmc.plugins.manager import PluginError, Plugins, build_plugins, installed
from xmc.plugins.specimen import Failure, Sample, Specimen

__all__ = [
    "CONTRACT",
    "Adapter",
    "AuthError",
    "AuthIO",
    "AuthScheme",
    "Calling",
    "Capability",
    "Clock",
    "Credential",
    "EntitySpec",
    "Failure",
    "FrameReader",
    "Framing",
    "FramingError",
    "Link",
    "PluginError",
    "Plugins",
    "Proof",
    "Provider",
    "Sample",
    "SecretStore",
    "Slot",
    "Specimen",
    "StoreError",
    "StoreSession",
    "build_plugins",
    "called_by",
    "hookimpl",
    "installed",
]
