"""A table and what lies beside it, from disk: read once, verified as one thing, its sealed values opened.

Everything is read before anything is judged, so that what was verified is what is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xmc.runtime.key_file import SEAL_KEY, KeyFileError, Warn, seal_keys, trusted_keys
from xmc.runtime.serial import check_serial
from xmc.runtime.settings import DESCRIPTOR, Settings, read_input
from xmc.schema import (
    LOCK_SUFFIX,
    SEALED_SUFFIX,
    SECRETS_SUFFIX,
    SIGNATURE_SUFFIX,
    Artifact,
    SealError,
    Statement,
    Table,
    companion,
    decode_table,
    open_sealed,
    verify_artifact,
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A table to serve. `statement` is what its signature says, if one was required.

    `sealed` maps slot names to the values of its sealed file; None if there is no such file.
    """

    table: Table = field(repr=False)
    statement: Statement | None = None
    sealed: Mapping[str, str] | None = field(default=None, repr=False)


def read_artifact(table: Path, *, evidence: bool = True) -> Artifact:
    """Read a table and its companions; a companion that is not there is None.

    Without `evidence` lock and signature are left alone: who does not verify them need not be able to read them.

    Raises:
        OSError: the table, or a companion that is there, cannot be read.
    """
    return Artifact(
        table.read_bytes(),
        lock=_if_there(companion(table, LOCK_SUFFIX)) if evidence else None,
        sealed=_if_there(companion(table, SEALED_SUFFIX)),
        signature=_if_there(companion(table, SIGNATURE_SUFFIX)) if evidence else None,
    )


def load_artifact(settings: Settings, environ: Mapping[str, str], warn: Warn) -> Loaded:
    """Read and verify what a process is to serve, as far as its settings ask for it.

    Raises:
        OSError: a file cannot be read.
        KeyFileError: a key is missing or cannot be used.
        SerialFileError: the serial file cannot be used.
        TableError: the table, its signature, its serial or its sealed values must not be served.
    """
    if settings.table.startswith(DESCRIPTOR):  # compiled a moment ago by whoever started this process
        return Loaded(decode_table(read_input(settings.table)))
    artifact = read_artifact(Path(settings.table), evidence=settings.require_signature is not None)
    statement = None
    if settings.require_signature is None:
        table = decode_table(artifact.table)
    else:
        verified = verify_artifact(artifact, trusted_keys(settings.require_signature))
        table, statement = verified.table, verified.statement
        if settings.serial_file is not None and statement is not None:
            check_serial(Path(settings.serial_file), statement)
    return Loaded(table, statement, _opened(artifact.sealed, table, settings, environ, warn))


def _opened(
    data: bytes | None, table: Table, settings: Settings, environ: Mapping[str, str], warn: Warn
) -> Mapping[str, str] | None:
    path = companion(Path(settings.table), SEALED_SUFFIX)
    if data is None:
        if settings.seal_key_file is not None:  # else whoever can remove it could put plain values in its place
            raise SealError(f"--seal-key-file was given, and there is no {path.name}")
        return None
    plain = companion(Path(settings.table), SECRETS_SUFFIX)
    if plain.exists():  # which one is the older, nobody could tell
        raise SealError(
            f"both {path.name} and {plain.name} are there, as an interrupted compile leaves them: compile again"
        )
    keys = seal_keys(settings.seal_key_file, environ, warn)
    if not keys:
        raise KeyFileError(f"{path} is sealed: give its key by --seal-key-file FILE or {SEAL_KEY}")
    try:
        return open_sealed(data, table.digest, keys)
    except SealError as error:
        raise SealError(f"{path.name}: {error}") from None


def _if_there(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
