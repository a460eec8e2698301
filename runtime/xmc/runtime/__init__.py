"""The runtime room: table to traffic, on aiohttp. Never reads YAML.

Its face is small: whoever wants a gateway starts `python -m xmc.runtime` with settings. What it shows beside that reads
artifacts and keys as a serving process does, and imports no server.
"""

from xmc.runtime.artifact import read_artifact
from xmc.runtime.key_file import SEAL_KEY, KeyFileError, seal_keys, signing_key, trusted_keys
from xmc.runtime.probe import Probed, ProbeError, probe
from xmc.runtime.serial import SerialFileError, accept_serial
from xmc.runtime.settings import Settings, encode_settings

__all__ = [
    "SEAL_KEY",
    "KeyFileError",
    "ProbeError",
    "Probed",
    "SerialFileError",
    "Settings",
    "accept_serial",
    "encode_settings",
    "probe",
    "read_artifact",
    "seal_keys",
    "signing_key",
    "trusted_keys",
]
