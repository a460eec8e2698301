"""The KV engine of Vault: prove and read, version 1 and 2.

A proof needs no value where the engine can tell the names of a secret's fields: `subkeys` of version 2. Where the
policy forbids it, `metadata` shows at least that the path is there; where it forbids that too, the value is read and
thrown away, and the proof says so.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from xmc.plugins.contract import Proof, StoreError
from xmc.plugins.stores.vault_http import FORBIDDEN, NOT_FOUND, OK, Reply, VaultHttp
from xmc.plugins.stores.vault_settings import VaultSettings
from xmc.schema import Secret, SecretSlot


def open_session(settings: VaultSettings) -> "VaultSession":
    """Open a session. Raises `StoreError` if a login is refused or a TLS file unusable."""
    return VaultSession(VaultHttp(settings))


class VaultSession:
    """An open Vault. Remembers the engine version of each mount; holds no value."""

    def __init__(self, http: VaultHttp) -> None:
        self._http = http
        self._versions: dict[str, int | StoreError] = {}

    def prove(self, slot: SecretSlot) -> Proof:
        """Show that path and field exist; see the module for how much is looked at."""
        mount, path, version = self._place(slot)
        if version == 1:
            self._read_v1(mount, path, slot.field)
            return Proof(value_was_read=True)
        return self._prove_v2(mount, path, slot.field)

    def read(self, slot: SecretSlot) -> tuple[Secret, str | None]:
        """Return the field's text; in version 2 with the number of the secret's latest version."""
        mount, path, version = self._place(slot)
        return self._read_v1(mount, path, slot.field) if version == 1 else self._read_v2(mount, path, slot.field)

    # --- version 2 ---

    def _prove_v2(self, mount: str, path: str, field: str) -> Proof:
        reply = self._http.get(f"{mount}/subkeys/{path}")
        status, body = reply
        if status == OK:
            subkeys = body["data"]["subkeys"] or {}
            self._check_field(mount, path, field, subkeys)
            if subkeys[field] is not None:  # a leaf is null here, whatever its value
                raise self._not_text(mount, path, field)
            return Proof(_version(body))
        if status == NOT_FOUND and not _is_unsupported(body):
            raise self._missing(mount, path, body)
        hint = f'allow it by policy: path "{mount}/subkeys/{path}" {{ capabilities = ["read"] }}'
        refusal = self._http.refused(f"the token may not look at {self._name(mount, path)}", hint)
        if status == FORBIDDEN and refusal.kind != "denied":
            raise refusal
        return self._prove_v2_otherwise(mount, path, field, refusal)

    def _prove_v2_otherwise(self, mount: str, path: str, field: str, refusal: StoreError) -> Proof:
        """Prove without `subkeys`: by metadata, else by reading."""
        status, body = self._http.get(f"{mount}/metadata/{path}")
        if status == OK:
            current = str(body["data"]["current_version"])
            state = body["data"]["versions"].get(current, {})
            if state.get("deletion_time") or state.get("destroyed"):
                raise self._deleted(mount, path, current)
            return Proof(
                current,
                warning=f'{self._name(mount, path)} exists, but whether it has the field "{field}" was not proven: '
                "the policy allows its metadata, not its subkeys",
            )
        if status == NOT_FOUND:
            raise self._missing(mount, path, body)
        status, body = self._http.get(f"{mount}/data/{path}")
        if status == FORBIDDEN:
            raise refusal
        return Proof(self._value_v2(mount, path, field, (status, body))[1], value_was_read=True)

    def _read_v2(self, mount: str, path: str, field: str) -> tuple[Secret, str | None]:
        return self._value_v2(mount, path, field, self._http.get(f"{mount}/data/{path}"))

    def _value_v2(self, mount: str, path: str, field: str, reply: Reply) -> tuple[Secret, str | None]:
        status, body = reply
        if status != OK:
            raise self._not_read(mount, path, reply, f"{mount}/data/{path}")
        return self._text(mount, path, field, body["data"]["data"] or {}), _version(body)

    # --- version 1 ---

    def _read_v1(self, mount: str, path: str, field: str) -> tuple[Secret, None]:
        reply = self._http.get(f"{mount}/{path}")
        if reply[0] != OK:
            raise self._not_read(mount, path, reply, f"{mount}/{path}")
        return self._text(mount, path, field, reply[1]["data"]), None

    # --- mounts ---

    def _place(self, slot: SecretSlot) -> tuple[str, str, int]:
        """Return mount, path and engine version of a slot."""
        mount, engine, path = slot.path.split(":", 2)
        if engine != "kv":
            return mount, path, int(engine.removeprefix("kv"))
        if mount not in self._versions:
            try:
                self._versions[mount] = self._engine_version(mount)
            except StoreError as error:
                if error.kind == "unreachable":
                    raise
                self._versions[mount] = error
        version = self._versions[mount]
        if isinstance(version, StoreError):
            raise version
        return mount, path, version

    def _engine_version(self, mount: str) -> int:
        """Ask as the vault CLI does, by the one question about mounts that any token may put."""
        status, body = self._http.get(f"sys/internal/ui/mounts/{mount}")
        if status == FORBIDDEN:
            raise self._http.refused(
                f'there is no mount "{mount}"{self._http.where}, or the token may read nothing in it',
                "check `mount` of the scope and the token's policies; `version` of the scope saves the question",
            )
        if status != OK:
            return 1  # a Vault before 0.11 does not know the question, nor version 2
        data = body["data"]
        actual = str(data.get("path", mount)).strip("/")
        if actual != mount:
            raise StoreError(
                "invalid",
                f'"{mount}" is not a mount, but a path in the mount "{actual}"',
                f"set `mount: {actual}` for the scope, and put the rest into `path`",
            )
        if data.get("type") not in {"kv", "generic"}:
            raise StoreError("invalid", f'the mount "{mount}" is not a KV engine, but {data.get("type")!r}')
        return 2 if (data.get("options") or {}).get("version") == "2" else 1

    # --- fields and failures ---

    def _name(self, mount: str, path: str) -> str:
        return f'path "{path}" in mount "{mount}"{self._http.where}'

    def _text(self, mount: str, path: str, field: str, fields: Mapping[str, Any]) -> Secret:
        self._check_field(mount, path, field, fields)
        if not isinstance(fields[field], str):
            raise self._not_text(mount, path, field)
        if not fields[field]:
            raise StoreError(
                "missing", f'the field "{field}" of {self._name(mount, path)} is empty', "put a value into it"
            )
        return Secret(fields[field])

    def _check_field(self, mount: str, path: str, field: str, fields: Mapping[str, Any]) -> None:
        if field in fields:
            return
        near = get_close_matches(field, fields, 1)
        raise StoreError(
            "missing",
            f'{self._name(mount, path)} has no field "{field}"',
            f'did you mean "{near[0]}"?' if near else f"it has {len(fields)} others; put the value into this one",
        )

    def _not_text(self, mount: str, path: str, field: str) -> StoreError:
        return StoreError("invalid", f'the field "{field}" of {self._name(mount, path)} is not text', "store a string")

    def _not_read(self, mount: str, path: str, reply: Reply, full: str) -> StoreError:
        status, body = reply
        if status == NOT_FOUND:
            return self._missing(mount, path, body)
        if status == FORBIDDEN:
            hint = f'allow it by policy: path "{full}" {{ capabilities = ["read"] }}'
            return self._http.refused(f"the token may not read {self._name(mount, path)}", hint)
        return StoreError("invalid", f"Vault refused to read {self._name(mount, path)} (status {status})")

    def _missing(self, mount: str, path: str, body: Mapping[str, Any]) -> StoreError:
        metadata = (body.get("data") or {}).get("metadata")
        if metadata:
            return self._deleted(mount, path, str(metadata.get("version")))
        return StoreError(
            "missing",
            f"there is no secret at {self._name(mount, path)}",
            f"write it (vault kv put -mount={mount} {path} ...), or correct scope, `mount` and `path`",
        )

    def _deleted(self, mount: str, path: str, version: str) -> StoreError:
        return StoreError(
            "missing",
            f"the latest version ({version}) of {self._name(mount, path)} is deleted",
            f"undelete it, or write a new version (vault kv put -mount={mount} {path} ...)",
        )


def _version(body: Mapping[str, Any]) -> str:
    return str(body["data"]["metadata"]["version"])


def _is_unsupported(body: Mapping[str, Any]) -> bool:
    """Tell a Vault without `subkeys` (before 1.10) from a path that is not there."""
    return any("unsupported path" in str(error) for error in body.get("errors") or ())
