"""The `secrets:` of a spec: which store serves which scope, and where a reference is found in it."""

from typing import Any

import msgspec

from xmc.compiler.check import validate_with
from xmc.compiler.node import Mapping, Path, follow, key_span, mapping, plain, string
from xmc.compiler.report import Report, make
from xmc.compiler.spec import mapping_at
from xmc.compiler.suggest import did_you_mean, nearest
from xmc.plugins import Plugins, StoreError
from xmc.schema import PLAINTEXT_STORE, Label, SecretRef, SecretSlot, Span, Store, canonical_json

DEFAULT_STORE = "vault"
"""Name and kind of the one store that a spec without `secrets: stores:` has."""


class StoreMap(msgspec.Struct):
    """The stores that a spec can read from. `usable` holds those without errors, `names` all."""

    usable: dict[str, Store] = {}
    names: tuple[str, ...] = ()
    default: str | None = None
    scopes: dict[str, tuple[str | None, dict[str, Any]]] = {}


def read_stores(report: Report, plugins: Plugins) -> StoreMap:
    """Read and check `secrets:`."""
    node = mapping(mapping_at(report.root, "secrets"))
    listed = mapping(node.get("stores")) if node else None
    found = StoreMap()
    if listed is None:
        found.usable = {DEFAULT_STORE: Store(kind=DEFAULT_STORE)}
        found.names = (DEFAULT_STORE,)
    else:
        found.names = tuple(listed.index)
        for name in listed.index:
            store = _read_store(report, name, plugins)
            if store is not None:
                found.usable[name] = store
    if len(found.names) == 1:
        found.default = found.names[0]
    if node is not None and not report.is_wrong(("secrets", "stores")):
        _read_default(report, node, found)
        _read_scopes(report, node, found, plugins)
    return found


def _read_store(report: Report, name: str, plugins: Plugins) -> Store | None:
    path: Path = ("secrets", "stores", name)
    if name == PLAINTEXT_STORE:
        message = f"{PLAINTEXT_STORE!r} is the name of the values that are typed into a spec"
        report.add("XMC316", path, message, hint="choose another name", at="key")
    kind = string(follow(report.root, (*path, "kind")))
    if report.is_wrong(path) or report.is_wrong((*path, "kind")) or kind is None:
        return None
    plugin = plugins.secret_stores.get(kind)
    if plugin is None:
        message = f"no installed plugin provides the secret store kind {kind!r}"
        report.add("XMC316", (*path, "kind"), message, hint=did_you_mean(kind, plugins.secret_stores))
        return None
    validate_with(report, plugin.config_schema, path, without="kind")
    if report.is_wrong_within(path):
        return None
    config = {key: value for key, value in plain(follow(report.root, path)).items() if key != "kind"}
    try:
        canonical_json(config)
    except TypeError:
        message = f"the settings of store {name!r} must be text, whole numbers, true or false"
        report.add("XMC204", path, message, hint="write fractions as text or in a smaller unit", at="key")
        return None
    return Store(kind=kind, config=config)


def _read_default(report: Report, node: Mapping, found: StoreMap) -> None:
    default = string(node.get("default"))
    if default is None:
        return
    found.default = default
    if default not in found.names:
        path = ("secrets", "default")
        _unknown_store(report, path, default, found, f"the default store {default!r} does not exist")


def _unknown_store(report: Report, path: Path, name: str, found: StoreMap, message: str) -> None:
    guess = nearest(name, found.names)
    labels = (
        () if guess is None else (Label(key_span(report.root, ("secrets", "stores", guess)), f"{guess!r} is here"),)
    )
    report.add("XMC316", path, message, hint=did_you_mean(name, found.names), labels=labels)


def _read_scopes(report: Report, node: Mapping, found: StoreMap, plugins: Plugins) -> None:
    scopes = mapping(node.get("scopes"))
    for entry in scopes.entries if scopes else ():
        path: Path = ("secrets", "scopes", entry.key)
        if not isinstance(entry.value, Mapping):
            continue
        mistyped = _mistyped_store(entry.value, plugins)
        if mistyped is not None:  # which settings can stand here is not known then
            message = f"unknown key `{mistyped}` in `{report.name(path)}`"
            report.add("XMC201", (*path, mistyped), message, hint="did you mean 'store'?", at="key")
            report.mark(path)
            continue
        named = string(entry.value.get("store"))
        if named is not None and named not in found.names:
            message = f"the scope {entry.key!r} names a store {named!r}, which does not exist"
            _unknown_store(report, (*path, "store"), named, found, message)
        store = found.usable.get(named or found.default or "")
        plugin = plugins.secret_stores.get(store.kind) if store else None
        if plugin is not None and not report.is_wrong((*path, "store")):
            validate_with(report, plugin.scope_schema, path, without="store")
        settings = {key: value for key, value in plain(entry.value).items() if key != "store"}
        found.scopes[entry.key] = (named, settings)


def _mistyped_store(scope: Mapping, plugins: Plugins) -> str | None:
    known = {name for plugin in plugins.secret_stores.values() for name in plugin.scope_schema.get("properties", {})}
    return None if "store" in scope.index else nearest("store", scope.index.keys() - known)


def locate(report: Report, stores: StoreMap, plugins: Plugins, reference: SecretRef, span: Span) -> SecretSlot | None:
    """Return where a reference is read from, or report at `span`, its first use, why it cannot be."""
    named, settings = stores.scopes.get(reference.scope, (None, {}))
    name = named or stores.default
    if name is None:
        message = f"{reference} could be in any of {len(stores.names)} stores"
        advice: str | None = "name one as `secrets: default:`, or give the scope a `store:`"
        report.found.append(make("XMC316", span, message, hint=advice))
        return None
    store = stores.usable.get(name)
    if store is None or report.is_wrong_within(("secrets", "scopes", reference.scope)):
        return None  # said where the store or scope is defined
    plugin = plugins.secret_stores.get(store.kind)
    if plugin is None:
        message = f"{reference} needs the secret store kind {store.kind!r}, which no installed plugin provides"
        advice = did_you_mean(store.kind, plugins.secret_stores)
        report.found.append(make("XMC316", span, message, hint=advice))
        return None
    try:
        place, where = plugin.locate(reference.scope, reference.key, settings)
    except StoreError as error:
        report.found.append(make("XMC513", span, f"{reference}: {error}", hint=error.hint))
        return None
    return SecretSlot(ref=str(reference), store=name, path=place, field=where)
