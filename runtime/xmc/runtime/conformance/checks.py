"""All checks, in the order in which they are run: from what the compiler sees to what a client sees."""

from collections.abc import Iterator

from xmc.plugins import Plugins, build_plugins
from xmc.runtime.conformance import answers, compile_time, framings, requests, served, streams
from xmc.runtime.conformance.check import Case, Check, Subject

CHECKS: tuple[Check, ...] = (
    *compile_time.CHECKS,
    *requests.CHECKS,
    *answers.CHECKS,
    *streams.CHECKS,
    *framings.CHECKS,
    *served.CHECKS,
)


def subjects(name: str, plugins: Plugins) -> tuple[Subject, ...]:
    """Return the specimens of a plugin, or of the plugin that adds the provider of that name; () if there are none."""
    found = [
        (plugin, specimen)
        for plugin in plugins.origins
        for specimen in (plugins.specimens(plugin) if _may_have(plugin, name, plugins) else ())
    ]
    return tuple(
        Subject(plugin, specimen, plugins) for plugin, specimen in found if name in {plugin, specimen.provider}
    )


def cases(name: str, plugins: Plugins | None = None) -> list[Case]:
    """Return every check of every specimen of a plugin or provider, as cases for a test suite.

    Raises:
        LookupError: there is no such plugin or provider, or it has no specimens.
        PluginError: as `build_plugins`, which makes `plugins` of all that are installed by default.
    """
    known = build_plugins() if plugins is None else plugins
    made = list(_cases(subjects(name, known)))
    if not made:
        raise LookupError(f"no installed plugin has specimens of {name!r}")
    return made


def _may_have(plugin: str, name: str, plugins: Plugins) -> bool:
    return name == plugin or name in plugins.added[plugin].get("providers", ())


def _cases(found: tuple[Subject, ...]) -> Iterator[Case]:
    for subject in found:
        for check in CHECKS:
            yield Case(check, subject)
