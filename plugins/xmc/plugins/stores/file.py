"""The secret store `file`: one file per secret, as Kubernetes, Docker and systemd mount them.

`{{secrets/scope/key}}` is the file `<directory>/<scope>/<key>`. A mounted volume's symbolic links are followed as
long as they stay inside the directory.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from xmc.plugins.contract import Proof, SecretStore, StoreError, StoreSession
from xmc.plugins.hookspecs import hookimpl
from xmc.schema import JsonObject, Secret, SecretSlot

XMC_CONTRACT = 1

MAX_BYTES = 1024 * 1024
"""A larger file is not a credential, but a mistake."""


class FileSession:
    """A directory of secrets. Holds no value."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def prove(self, slot: SecretSlot) -> Proof:
        """Show that the file is there, fit and readable, without reading it."""
        descriptor, mode = self._open(slot)
        os.close(descriptor)
        warning = None
        if mode & stat.S_IROTH:
            path = self._path(slot)
            warning = (
                f"every user of this machine may read {path} (mode {stat.S_IMODE(mode):04o}); chmod 0400 is enough"
            )
        return Proof(warning=warning)

    def read(self, slot: SecretSlot) -> tuple[Secret, None]:
        """Return the file's text without one trailing newline; files count no versions."""
        descriptor, _ = self._open(slot)
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            # Not `from error`: the exception carries the bytes.
            raise StoreError("invalid", f"{self._path(slot)} is not UTF-8 text") from None
        value = text.removesuffix("\n").removesuffix("\r")
        if not value or len(data) > MAX_BYTES:
            raise _unfit(self._path(slot), len(data) if value else 0)
        return Secret(value), None

    def _path(self, slot: SecretSlot) -> Path:
        return self._directory / slot.path / slot.field

    def _open(self, slot: SecretSlot) -> tuple[int, int]:
        """Open the file that the slot means; return its descriptor and mode."""
        path = self._path(slot)
        try:
            resolved = path.resolve(strict=True)
            if not resolved.is_relative_to(self._directory.resolve(strict=True)):
                raise StoreError("denied", f"{path} leads out of the store's directory {self._directory}")
            # Non-blocking, so that a FIFO cannot hang us; it is refused below.
            descriptor = os.open(resolved, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise StoreError("missing", f"there is no file {path}", f"put the secret into {path}") from None
        except PermissionError:
            raise StoreError(
                "denied", f"{path} may not be read by this user (uid {os.geteuid()})", "change its owner or mode"
            ) from None
        except (OSError, RuntimeError) as error:
            raise StoreError("invalid", f"{path} cannot be read: {error}") from None
        try:
            return descriptor, _fit_mode(path, os.fstat(descriptor))
        except StoreError:
            os.close(descriptor)
            raise


def _fit_mode(path: Path, status: os.stat_result) -> int:
    if not stat.S_ISREG(status.st_mode):
        raise StoreError("invalid", f"{path} is not a regular file")
    if status.st_mode & stat.S_IWOTH:
        raise StoreError(
            "invalid",
            f"every user of this machine may change {path} (mode {stat.S_IMODE(status.st_mode):04o}): not used",
            f"chmod 0400 {path}",
        )
    if not 0 < status.st_size <= MAX_BYTES:
        raise _unfit(path, status.st_size)
    return status.st_mode


def _unfit(path: Path, size: int) -> StoreError:
    if size:
        return StoreError("invalid", f"{path} has {size} bytes; a secret has at most {MAX_BYTES}")
    return StoreError("missing", f"{path} is empty", f"put the secret into {path}")


_CONFIG: JsonObject = {
    "type": "object",
    "properties": {
        "directory": {
            "type": "string",
            "minLength": 1,
            "description": "Holds one folder per scope. Relative to the working directory of xmc.",
        }
    },
    "required": ["directory"],
    "additionalProperties": False,
}
_SCOPE: JsonObject = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "minLength": 1, "description": "Folder in the directory; default: the scope."}
    },
    "additionalProperties": False,
}


class FileStore:
    """Files below one directory."""

    name = "file"
    config_schema = _CONFIG
    scope_schema = _SCOPE

    def locate(self, scope: str, key: str, settings: JsonObject) -> tuple[str, str]:
        """Return the folder below the directory, and the file name.

        Raises:
            StoreError: the two would lead out of the directory.
        """
        path = settings.get("path", scope)
        if Path(path).is_absolute() or {"..", "."} & {*path.split("/"), key}:
            raise StoreError("invalid", f"{path}/{key} leads out of the store's directory", "name a folder inside it")
        return path, key

    def open(self, config: JsonObject, environ: Mapping[str, str]) -> StoreSession:
        """Open the directory, which must exist."""
        directory = Path(config["directory"])
        if directory.parts[:1] == ("~",) and environ.get("HOME"):
            directory = Path(environ["HOME"], *directory.parts[1:])
        if not directory.is_dir():
            raise StoreError(
                "invalid",
                f"the store's directory {directory} does not exist",
                "create it, or set `directory`; a relative one starts at the working directory of xmc",
            )
        return FileSession(directory)


@hookimpl
def xmc_secret_stores() -> Iterable[SecretStore]:
    """Add the store `file`."""
    return [FileStore()]
