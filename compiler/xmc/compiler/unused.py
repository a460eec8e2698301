"""What a spec defines and nothing uses: in a spec without errors that is a typing mistake, or left over."""

from collections.abc import Iterable
from typing import Any

from xmc.compiler.node import Mapping, Path, mapping
from xmc.compiler.report import Report
from xmc.compiler.spec import mapping_at
from xmc.compiler.stores import StoreMap
from xmc.compiler.suggest import did_you_mean, nearest
from xmc.plugins import Plugins

PER_KEY = "x-xmc-per-key"
"""Marks, in the schema of a scope's settings, a mapping whose keys are those of the scope's references."""


def lint_unused(report: Report, stores: StoreMap, plugins: Plugins, references: Iterable[str]) -> None:
    """Warn of scopes that no reference (`scope/key`) names, and of keys in them that no reference has."""
    node = mapping(mapping_at(report.root, "secrets"))
    scopes = mapping(node.get("scopes")) if node else None
    keys: dict[str, set[str]] = {}
    for reference in references:
        scope, _, key = reference.partition("/")
        keys.setdefault(scope, set()).add(key)
    for entry in scopes.entries if scopes and keys else ():
        path: Path = ("secrets", "scopes", entry.key)
        if entry.key not in keys:
            others = keys.keys() - set(scopes.index if scopes else ())
            _warn(report, path, f"no reference names the scope {entry.key!r}", others or keys)
        elif isinstance(entry.value, Mapping):
            for setting in _per_key(stores, plugins, entry.key):
                inner = mapping(entry.value.get(setting))
                for one in inner.entries if inner else ():
                    if one.key not in keys[entry.key]:
                        message = f"no reference has the key {one.key!r} in the scope {entry.key!r}"
                        _warn(report, (*path, setting, one.key), message, keys[entry.key])


def _warn(report: Report, path: Path, message: str, known: Iterable[str]) -> None:
    known = list(known)
    hint = did_you_mean(str(path[-1]), known) if nearest(str(path[-1]), known) else "remove it"
    report.add("XMC350", path, message, hint=hint, at="key")


def _per_key(stores: StoreMap, plugins: Plugins, scope: str) -> list[str]:
    store = stores.usable.get(stores.scopes[scope][0] or stores.default or "")
    plugin = plugins.secret_stores.get(store.kind) if store else None
    properties: Any = plugin.scope_schema.get("properties", {}) if plugin else {}
    return [name for name, schema in properties.items() if schema.get(PER_KEY)]
