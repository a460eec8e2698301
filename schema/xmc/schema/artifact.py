"""What a compile writes, as one thing: which files there are, what they are called, and whether they fit together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from xmc.schema.keys import PublicKey
from xmc.schema.lock import read_lock
from xmc.schema.seal import Sealed, read_sealed
from xmc.schema.signature import SignatureError, Statement, check_signature, digest_bytes, read_signature
from xmc.schema.table import Table, TableError, decode_table

TABLE_SUFFIX = ".xmc.json"
LOCK_SUFFIX = ".xmc.lock.json"
SECRETS_SUFFIX = ".xmc.secrets"
SEALED_SUFFIX = ".xmc.sealed"
SIGNATURE_SUFFIX = ".xmc.sig"


def companion(table: Path, suffix: str) -> Path:
    """Return the path beside a table that has the same stem.

    >>> companion(Path("a/endpoints.xmc.json"), ".xmc.secrets").as_posix()
    'a/endpoints.xmc.secrets'
    >>> companion(Path("table.json"), ".xmc.secrets").as_posix()
    'table.xmc.secrets'
    """
    stem = table.name.removesuffix(TABLE_SUFFIX)
    return table.with_name((table.stem if stem == table.name else stem) + suffix)


class Artifact(msgspec.Struct, frozen=True):
    """The bytes of a table and of its companions; None for a file that is not there."""

    table: bytes
    lock: bytes | None = None
    sealed: bytes | None = None
    signature: bytes | None = None

    def __repr__(self) -> str:
        return f"Artifact(table of {len(self.table)} bytes)"


class Verified(msgspec.Struct, frozen=True):
    """An artifact whose parts fit together. `statement` is what its signature says, if it has one."""

    table: Table
    lock: Mapping[str, Any]
    sealed: Sealed | None
    statement: Statement | None


def verify_artifact(artifact: Artifact, trusted: Sequence[PublicKey] | None = None) -> Verified:
    """Verify that a table is whole and that its companions belong to it.

    With `trusted` keys it must be signed by one of them. Without, a signature that is there must fit the files, but
    who made it is not known.

    Raises:
        TableError: something does not fit; the message begins with the part that it is about, except of the table.
    """
    table = decode_table(artifact.table)
    if artifact.lock is None:
        raise TableError("there is no lock file beside it; compile the spec again")
    lock = read_lock(artifact.lock, table.digest)
    sealed = None if artifact.sealed is None else read_sealed(artifact.sealed, table.digest)
    if artifact.signature is None:
        if trusted is not None:
            raise SignatureError("there is no signature beside it; `xmc compile --sign KEYFILE` signs a table")
        return Verified(table, lock, sealed, None)
    if trusted is None:
        statement, _ = read_signature(artifact.signature)
    else:
        statement = check_signature(artifact.signature, trusted)
    _check_statement(statement, artifact, table)
    return Verified(table, lock, sealed, statement)


def _check_statement(statement: Statement, artifact: Artifact, table: Table) -> None:
    if statement.table != table.digest:
        raise SignatureError(f"its signature is of another table ({statement.table})")
    if statement.lock != digest_bytes(artifact.lock or b""):
        raise SignatureError("its signature is of another lock file")
    if statement.sealed is None and artifact.sealed is not None:
        raise SignatureError("there is a sealed file beside it that was not signed with it")
    if statement.sealed is not None and artifact.sealed is None:
        raise SignatureError("the sealed file that was signed with it is not there")
    if artifact.sealed is not None and statement.sealed != digest_bytes(artifact.sealed):
        raise SignatureError("its signature is of another sealed file")
