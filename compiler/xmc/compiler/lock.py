"""The lock file: evidence of how a table came to be. Bound to it by digest; never changes behaviour."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec

from xmc.plugins import CONTRACT, Plugins, Proof
from xmc.schema import LOCK_FORMAT, PLAINTEXT_STORE, Table


def lock_document(
    table: Table, digest: str, proofs: Mapping[str, Proof], plugins: Plugins, now: datetime
) -> dict[str, Any]:
    """Return the lock's content as plain data; holds versions of secrets, never values.

    `digest` is the table's. A secret that was not proven (typed in, or `--offline`) has `proof: none`.
    """
    return {
        "format": LOCK_FORMAT,
        "table": digest,
        "compiled_at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "contract": CONTRACT,
        "compiler": distribution_evidence("xmc"),
        "plugins": {name: _plugin_evidence(origin) for name, origin in sorted(plugins.origins.items())},
        "secrets": {name: _secret_evidence(table, name, proofs.get(name)) for name in sorted(table.secrets)},
    }


def encode_lock(document: Mapping[str, Any]) -> bytes:
    """Encode for people and machines: sorted keys, indented, a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def distribution_evidence(name: str) -> dict[str, str | None]:
    """Return a distribution's version and the digest of its RECORD, which lists the hash of each file of it.

    An editable installation's RECORD says nothing about its source, so there `record` is None.
    """
    from importlib import metadata  # noqa: PLC0415 - takes 30 ms, and `xmc check` writes no lock

    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return {"distribution": name, "version": None, "record": None}
    record = found.read_text("RECORD")
    if record is None or _is_editable(found.read_text("direct_url.json")):
        return {"distribution": name, "version": found.version, "record": None}
    return {
        "distribution": name,
        "version": found.version,
        "record": "sha256:" + sha256(record.encode()).hexdigest(),
    }


def _is_editable(text: str | None) -> bool:
    """Tell by what pip writes down about where a distribution came from (PEP 610)."""
    if text is None:
        return False
    return bool(msgspec.json.decode(text).get("dir_info", {}).get("editable", False))


def _plugin_evidence(origin: str) -> dict[str, str | None]:
    """Turn `name version`, as the plugin manager tells origins, into evidence; anything else is kept as it is."""
    name, _, version = origin.rpartition(" ")
    return distribution_evidence(name) if name and version else {"origin": origin}


def _secret_evidence(table: Table, name: str, proof: Proof | None) -> dict[str, str | None]:
    slot = table.secrets[name]
    how = "none" if proof is None else "read" if proof.value_was_read else "exists"
    kind = PLAINTEXT_STORE if slot.store == PLAINTEXT_STORE else table.stores[slot.store].kind
    return {"store": slot.store, "kind": kind, "proof": how, "version": proof.version if proof else None}
