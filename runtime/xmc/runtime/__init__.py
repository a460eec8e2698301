"""The runtime room: table to traffic, on aiohttp. Never reads YAML.

Its face is small: whoever wants a gateway starts `python -m xmc.runtime` with settings.
"""

from xmc.runtime.probe import Probed, ProbeError, probe
from xmc.runtime.settings import Settings, encode_settings

__all__ = ["ProbeError", "Probed", "Settings", "encode_settings", "probe"]
