"""The plugin manager: a typed facade over pluggy, built anew for every use.

Nothing else touches `pm.hook`. A name that two plugins claim is an error that names both.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import msgspec
import pluggy

from xmc.plugins import hookspecs
from xmc.plugins.contract import CONTRACT, AuthScheme, Framing, Provider, SecretStore
from xmc.plugins.discovery import entry_points
from xmc.plugins.specimen import Specimen

GROUP = "xmc"
_KINDS = ("providers", "auth_schemes", "framings", "secret_stores")


class PluginError(Exception):
    """A plugin that cannot be used: it fails to import, has another contract, or shares a name with another one."""


class Plugins(msgspec.Struct, frozen=True):
    """Everything the registered plugins add, by name."""

    providers: Mapping[str, Provider]
    auth_schemes: Mapping[str, AuthScheme]
    framings: Mapping[str, Framing]
    secret_stores: Mapping[str, SecretStore]
    origins: Mapping[str, str]
    """Plugin name -> the distribution that it came from, e.g. `xmc 0.1.0`."""
    added: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Plugin name -> what it adds: `providers`, `auth_schemes`, `framings`, `secret_stores` -> names."""
    specimens: Callable[[str], tuple[Specimen, ...]]
    """Plugin name -> its specimens, asked for anew with each call."""


def installed() -> dict[str, tuple[object, str]]:
    """Load every entry point of the group: name -> (plugin, origin), in order of name.

    Raises:
        PluginError: a plugin fails to import, or two distributions register the same name.
    """
    found: dict[str, tuple[object, str]] = {}
    for point in entry_points(GROUP):
        if point.name in found:
            first = found[point.name][1]
            if first == point.origin:  # the same distribution found twice on sys.path
                continue
            raise PluginError(f"plugin {point.name!r} is registered by both {first} and {point.origin}; uninstall one")
        try:
            found[point.name] = (point.load(), point.origin)
        except Exception as error:
            raise PluginError(f"plugin {point.name!r} of {point.origin} does not load: {error!r}") from error
    return found


def build_plugins(plugins: Mapping[str, object] | None = None, *, without: Iterable[str] = ()) -> Plugins:
    """Register plugins with a fresh manager and collect what they add.

    `plugins` maps names to plugin objects; by default all installed ones. `without` leaves some out by name.

    Raises:
        PluginError: as `installed`; a plugin was written for another contract; two add something of the same name.
    """
    loaded = installed() if plugins is None else {name: (plugin, "local") for name, plugin in plugins.items()}
    manager = pluggy.PluginManager("xmc")
    manager.add_hookspecs(hookspecs)
    left_out = set(without)
    for name, (plugin, origin) in loaded.items():
        if name not in left_out:
            _check_contract(name, plugin, origin)
            manager.register(plugin, name)
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(f"a plugin implements an unknown hook: {error}") from error
    registered = [name for name in loaded if name not in left_out]
    added: dict[str, dict[str, tuple[str, ...]]] = {name: {} for name in registered}
    return Plugins(
        **{kind: _collect(manager, kind, added) for kind in _KINDS},
        origins=MappingProxyType({name: loaded[name][1] for name in registered}),
        added=MappingProxyType({name: MappingProxyType(kinds) for name, kinds in added.items()}),
        specimens=lambda name: _specimens(manager, name),
    )


def _check_contract(name: str, plugin: object, origin: str) -> None:
    written_for = getattr(plugin, "XMC_CONTRACT", None)
    if written_for is None:
        raise PluginError(
            f"plugin {name!r} of {origin} does not say which plugin contract it was written for; "
            f"it needs `XMC_CONTRACT = {CONTRACT}` beside its hooks"
        )
    if written_for != CONTRACT:
        raise PluginError(
            f"plugin {name!r} of {origin} was written for plugin contract {written_for!r}, and this version of xmc "
            f"has contract {CONTRACT}; install a version of either that fits the other, or uninstall it"
        )


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def _collect(
    manager: pluggy.PluginManager, kind: str, added: dict[str, dict[str, tuple[str, ...]]]
) -> Mapping[str, Any]:
    """Call a hook plugin by plugin, so that a clash can name both sides; `added` is told who adds what."""
    found: dict[str, Any] = {}
    owners: dict[str, str] = {}
    hook = f"xmc_{kind}"
    for owner, plugin in manager.list_name_plugin():
        others = [other for other in manager.get_plugins() if other is not plugin]
        batches: list[Iterable[_Named]] = manager.subset_hook_caller(hook, others)()
        for item in (item for batch in batches for item in batch):
            if item.name in found:
                raise PluginError(f"{hook}: {item.name!r} comes from both {owners[item.name]!r} and {owner!r}")
            found[item.name], owners[item.name] = item, owner
            added[owner][kind] = (*added[owner].get(kind, ()), item.name)
    return MappingProxyType(dict(sorted(found.items())))


def _specimens(manager: pluggy.PluginManager, name: str) -> tuple[Specimen, ...]:
    plugin = manager.get_plugin(name)
    others = [other for other in manager.get_plugins() if other is not plugin]
    batches: list[Iterable[Specimen]] = manager.subset_hook_caller("xmc_specimens", others)()
    return tuple(specimen for batch in batches for specimen in batch)
