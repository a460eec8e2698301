"""Where keys of artifacts come from: files, and for the sealing key the environment. What is said holds no key."""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from xmc.schema import (
    PublicKey,
    SealKey,
    SigningKey,
    UnusableKeyError,
    load_public_keys,
    load_signing_key,
    parse_seal_keys,
)

SEAL_KEY = "XMC_SEAL_KEY"
"""Environment variable: the sealing key, or several, if no file is named."""

# A key file is a few hundred bytes. More than this is another file.
_MAX_BYTES = 1024 * 1024
_T = TypeVar("_T")
Warn = Callable[[str], None]


class KeyFileError(ValueError):
    """Keys that cannot be used; the message is for the operator."""


def seal_keys(file: str | None, environ: Mapping[str, str], warn: Warn) -> tuple[SealKey, ...]:
    """Return the sealing keys of a file, or without one those of `XMC_SEAL_KEY`; none if neither is there.

    Raises:
        KeyFileError: they cannot be read or used.
    """
    if file is not None:
        return _parsed(file, _private(file, warn), lambda data: parse_seal_keys(data.decode("utf-8", "replace")))
    text = environ.get(SEAL_KEY, "")
    return _parsed(SEAL_KEY, text.encode("utf-8", "replace"), lambda _: parse_seal_keys(text)) if text.strip() else ()


def signing_key(file: str, warn: Warn) -> SigningKey:
    """Return the signing key of a file. Raises `KeyFileError`."""
    return _parsed(file, _private(file, warn), load_signing_key)


def trusted_keys(file: str) -> tuple[PublicKey, ...]:
    """Return the public keys of a file. Raises `KeyFileError`."""
    return _parsed(file, _read(file)[0], load_public_keys)


def _parsed(name: str, data: bytes, parse: Callable[[bytes], _T]) -> _T:
    try:
        return parse(data)
    except UnusableKeyError as error:
        raise KeyFileError(f"{name} cannot be used: {error}") from None


def _private(file: str, warn: Warn) -> bytes:
    data, mode = _read(file)
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        warn(f"warning: {file} is readable by other users (mode {mode:04o}): chmod 0600 {file}")
    return data


def _read(file: str) -> tuple[bytes, int]:
    try:
        with Path(file).open("rb") as stream:
            return stream.read(_MAX_BYTES), stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
    except OSError as error:
        raise KeyFileError(f"cannot read {file}: {error.strerror or error}") from None
