"""What a serving process is told: one JSON argument of `python -m xmc.runtime`. Holds no secret.

Inputs are paths, or `fd:N` for an inherited descriptor: so a table compiled in memory and typed-in secrets never
touch a disk.
"""

import ipaddress
import os
from pathlib import Path
from typing import Literal

import msgspec

DESCRIPTOR = "fd:"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one process. Times in seconds. `name` is what messages call the table.

    `seal_key_file`, `require_signature` (a file of public keys) and `serial_file` are paths, and of use with a table
    file only.
    `folder` is what relative paths in the table count from; without it the folder that the table is in.
    """

    table: str
    name: str
    secrets: str | None = None
    folder: str | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    access_log: str | None = None
    log_format: Literal["human", "json"] = "json"
    ca_bundle: str | None = None
    seal_key_file: str | None = None
    require_signature: str | None = None
    serial_file: str | None = None
    insecure_no_auth: bool = False
    grace_s: float = 30.0
    # Longer than the idle limit of the common load balancers, which must close first.
    keepalive_s: float = 620.0


class SettingsError(ValueError):
    """Settings that cannot be used; the message is for the operator."""


def decode_settings(text: str) -> Settings:
    """Read the argument.

    Raises:
        SettingsError: not JSON, or not settings.
    """
    try:
        return msgspec.json.decode(text, type=Settings)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"the settings cannot be read: {error}; start the server by `xmc serve`") from error


def encode_settings(settings: Settings) -> str:
    """Write the argument that `decode_settings` reads."""
    return msgspec.json.encode(settings).decode()


def read_input(source: str) -> bytes:
    """Return what a path or `fd:N` holds; a descriptor is closed afterwards.

    Raises:
        OSError: it cannot be read.
    """
    if source.startswith(DESCRIPTOR):
        with open(int(source.removeprefix(DESCRIPTOR)), "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            return file.read()
    return Path(source).read_bytes()


def is_loopback(host: str) -> bool:
    """Tell whether a listening address is reached from this machine only. A name other than `localhost` is not known.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("localhost")
    (True, True, False, True)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
