"""Write what a compile yields: the table, its lock, and the values typed into the spec. All or nothing.

Every file is written beside its place and forced to disk before the first one is renamed, and the table is renamed
last: who sees a new table finds the rest of it too, and a failure leaves the old table as it was.
"""

import os
from datetime import datetime
from pathlib import Path

import msgspec

from xmc.compiler.compile import Compiled
from xmc.compiler.lock import encode_lock, lock_document
from xmc.compiler.prove import Proven
from xmc.plugins import Plugins
from xmc.schema import encode_table

TABLE_SUFFIX = ".xmc.json"
LOCK_SUFFIX = ".xmc.lock.json"
SECRETS_SUFFIX = ".xmc.secrets"


class ArtifactError(OSError):
    """Artifacts that could not be written; the old table stands. The message is a sentence for the user."""


class _File(msgspec.Struct, frozen=True):
    """A file to write. Its content may be secret, so it has no part in the repr."""

    path: Path
    content: bytes
    mode: int

    def __repr__(self) -> str:
        return f"_File({self.path}, {len(self.content)} bytes, mode {self.mode:04o})"


def write_artifacts(compiled: Compiled, proven: Proven, plugins: Plugins, out: Path, now: datetime) -> tuple[Path, ...]:
    """Write the table to `out` and its companions beside it; return the paths written, the table first.

    `<stem>.xmc.lock.json` always; `<stem>.xmc.secrets` (mode 0600 from its first byte) if values were typed into the
    spec. Without any, a secrets file of an earlier compile is removed: it would belong to no table.

    Raises:
        ArtifactError: a place cannot be written; the old table, if any, stands.
        ValueError: there is no table to write.
    """
    if compiled.table is None:
        raise ValueError("a compile with errors has no table to write")
    data = encode_table(compiled.table)
    digest: str = msgspec.json.decode(data)["digest"]
    lock = lock_document(compiled.table, digest, proven.proofs, plugins, now)
    secrets_path = companion(out, SECRETS_SUFFIX)
    files = [_File(companion(out, LOCK_SUFFIX), encode_lock(lock), 0o666), _File(out, data, 0o666)]
    if compiled.plaintext:
        values = {name: secret.reveal() for name, secret in compiled.plaintext.items()}
        content = msgspec.json.encode({"digest": digest, "secrets": values}, order="sorted") + b"\n"
        files.insert(0, _File(secrets_path, content, 0o600))
    _replace_all(files)
    if not compiled.plaintext:
        _remove(secrets_path)
    return tuple(file.path for file in reversed(files))


def companion(table: Path, suffix: str) -> Path:
    """Return the path beside a table that has the same stem.

    >>> companion(Path("a/endpoints.xmc.json"), ".xmc.secrets").as_posix()
    'a/endpoints.xmc.secrets'
    >>> companion(Path("table.json"), ".xmc.secrets").as_posix()
    'table.xmc.secrets'
    """
    stem = table.name.removesuffix(TABLE_SUFFIX)
    return table.with_name((table.stem if stem == table.name else stem) + suffix)


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
            f"cannot remove {path}, the secrets of an earlier compile: {error.strerror or error}"
        ) from error
