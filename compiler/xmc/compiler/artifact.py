"""Write what a compile yields: the table, its lock, secret values, and a signature. All or nothing.

Every file is written beside its place and forced to disk before the first one is renamed, and the table is renamed
last: who sees a new table finds the rest of it too, and a failure leaves the old table as it was.
"""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from xmc.compiler.compile import Compiled
from xmc.compiler.lock import encode_lock, lock_document
from xmc.compiler.prove import Proven
from xmc.plugins import Plugins
from xmc.schema import (
    LOCK_SUFFIX,
    NONCE_BYTES,
    SEALED_SUFFIX,
    SECRETS_SUFFIX,
    SIGNATURE_SUFFIX,
    SealKey,
    Secret,
    SigningKey,
    Statement,
    companion,
    digest_bytes,
    encode_table,
    seal,
    sign,
)


class ArtifactError(OSError):
    """Artifacts that could not be written; the old table stands. The message is a sentence for the user."""


class _File(msgspec.Struct, frozen=True):
    """A file to write. Its content may be secret, so it has no part in the repr."""

    path: Path
    content: bytes
    mode: int

    def __repr__(self) -> str:
        return f"_File({self.path}, {len(self.content)} bytes, mode {self.mode:04o})"


class Protection(msgspec.Struct, frozen=True):
    """How artifacts are protected. Without a key nothing is sealed or signed; `serial` is what a signature says."""

    seal_key: SealKey | None = None
    signing_key: SigningKey | None = None
    serial: int | None = None


_UNPROTECTED = Protection()


def write_artifacts(  # noqa: PLR0913 - one argument for each thing that an artifact is made of
    compiled: Compiled,
    proven: Proven,
    plugins: Plugins,
    out: Path,
    now: datetime,
    *,
    protection: Protection = _UNPROTECTED,
) -> tuple[Path, ...]:
    """Write the table to `out` and its companions beside it; return the paths written, the table first.

    `<stem>.xmc.lock.json` always. With a sealing key `<stem>.xmc.sealed`, which holds the values that were typed into
    the spec or read from the stores, also if there are none: who serves with a key may count on the file. Without it
    `<stem>.xmc.secrets`, if values were typed in. Both are of mode 0600 from their first byte. `<stem>.xmc.sig` with a
    signing key. What an earlier compile left and this one does not write is removed: it would belong to no table.

    Raises:
        ArtifactError: a place cannot be written; the old table, if any, stands.
        ValueError: there is no table to write, or there are values of stores and no sealing key.
    """
    if compiled.table is None:
        raise ValueError("a compile with errors has no table to write")
    data = encode_table(compiled.table)
    digest: str = msgspec.json.decode(data)["digest"]
    lock = encode_lock(lock_document(compiled.table, digest, proven.proofs, plugins, now))
    held = _held(compiled, proven, digest, protection.seal_key)
    files = [_File(companion(out, suffix), content, 0o600) for suffix, content in held.items()]
    files += [_File(companion(out, LOCK_SUFFIX), lock, 0o666), _File(out, data, 0o666)]
    if protection.signing_key is not None:
        sealed = held.get(SEALED_SUFFIX)
        statement = Statement(
            table=digest,
            lock=digest_bytes(lock),
            key="",
            sealed=None if sealed is None else digest_bytes(sealed),
            serial=protection.serial,
        )
        files.insert(-1, _File(companion(out, SIGNATURE_SUFFIX), sign(statement, protection.signing_key), 0o666))
    _replace_all(files)
    written = {file.path for file in files}
    for suffix in (SECRETS_SUFFIX, SEALED_SUFFIX, SIGNATURE_SUFFIX):
        if companion(out, suffix) not in written:
            _remove(companion(out, suffix))
    return tuple(file.path for file in reversed(files))


def _held(compiled: Compiled, proven: Proven, digest: str, key: SealKey | None) -> Mapping[str, bytes]:
    """Return the file that holds secret values, by its suffix; nothing if there is none."""
    secret: dict[str, Secret] = {**compiled.plaintext, **proven.values}
    values = {name: one.reveal() for name, one in secret.items()}
    if key is not None:
        return {SEALED_SUFFIX: seal(values, digest, key, os.urandom(NONCE_BYTES))}
    if not values:
        return {}
    if proven.values:
        raise ValueError("values of stores are written sealed or not at all")
    return {SECRETS_SUFFIX: msgspec.json.encode({"digest": digest, "secrets": values}, order="sorted") + b"\n"}


def _replace_all(files: list[_File]) -> None:
    import secrets  # noqa: PLC0415 - brings `random`, and `xmc check` writes nothing

    staged: list[tuple[Path, _File]] = []
    try:
        for file in files:
            _refuse_odd_place(file.path)
            # Listed before it exists, so that whatever happens next it is cleaned up.
            staged.append((file.path.with_name(f".{file.path.name}.{secrets.token_hex(8)}"), file))
            _write_new(*staged[-1])
        while staged:
            os.replace(staged[0][0], staged[0][1].path)  # noqa: PTH105 - says what it does
            staged.pop(0)
        _sync_folder(files[0].path.parent)
    except OSError as error:
        if isinstance(error, ArtifactError):
            raise
        where = staged[-1][1].path if staged else files[-1].path
        raise ArtifactError(f"cannot write {where}: {error.strerror or error}") from error
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def _refuse_odd_place(path: Path) -> None:
    """A rename would turn a device or a folder's name into a file: `-o /dev/null` must not."""
    if path.exists() and not path.is_file():
        raise ArtifactError(f"cannot write {path}: it exists and is not a regular file")


def _write_new(path: Path, file: _File) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, file.mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(file.content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the renames last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ArtifactError(
            f"cannot remove {path}, which belongs to an earlier compile: {error.strerror or error}"
        ) from error
