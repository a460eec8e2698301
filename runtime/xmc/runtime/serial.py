"""Protection against rollback: a file that keeps the highest serial number accepted, and for which table it was.

A lower number is refused, and so is the same number for another table. The file is replaced by rename, under a lock
on its folder, so that processes that start together do not lower it.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from xmc.schema import SignatureError, Statement, canonical_json

_FORMAT = 1


class SerialFileError(ValueError):
    """A serial file that cannot be used; the message is for the operator."""


class _Accepted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The highest serial accepted, and the digest of its table."""

    serial: int
    table: str
    format: int = _FORMAT


def check_serial(file: Path, statement: Statement) -> None:
    """Refuse what is older than what was accepted before; changes nothing.

    Raises:
        SignatureError: the signature has no serial, or one that is refused.
        SerialFileError: the file cannot be read.
    """
    _check(_read(file), statement)


def accept_serial(file: Path, statement: Statement) -> None:
    """Check once more, and make this the serial below which nothing is accepted.

    Raises:
        SignatureError: as `check_serial`.
        SerialFileError: the file cannot be read or written.
    """
    try:
        with _locked(file.parent):
            held = _read(file)
            serial = _check(held, statement)
            if held is None or held.serial < serial:
                _replace(file, _Accepted(serial=serial, table=statement.table))
    except OSError as error:
        raise SerialFileError(f"cannot write the serial file {file}: {error.strerror or error}") from None


def _check(held: _Accepted | None, statement: Statement) -> int:
    if statement.serial is None:
        raise SignatureError("its signature has no serial; `xmc compile --sign KEYFILE --serial N` gives it one")
    if held is not None and statement.serial < held.serial:
        raise SignatureError(f"its serial is {statement.serial}, but {held.serial} was accepted before: a rollback")
    if held is not None and statement.serial == held.serial and statement.table != held.table:
        raise SignatureError(f"its serial, {held.serial}, was accepted before for another table ({held.table})")
    return statement.serial


def _read(file: Path) -> _Accepted | None:
    try:
        held = msgspec.json.decode(file.read_bytes(), type=_Accepted)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SerialFileError(f"cannot read the serial file {file}: {error.strerror or error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SerialFileError(f"{file} is not a serial file") from None
    if held.format != _FORMAT:
        raise SerialFileError(f"{file} has format {held.format}; this version of xmc reads format {_FORMAT}")
    return held


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)  # a rename must last through a power cut
    finally:
        os.close(descriptor)


def _replace(file: Path, accepted: _Accepted) -> None:
    beside = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as stream:
            stream.write(canonical_json(msgspec.to_builtins(accepted)) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(file)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
