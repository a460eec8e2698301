"""`xmc plugins`: what is installed, where it came from, and what it adds."""

import os
from collections.abc import Mapping

import click
import msgspec

from xmc.cli.spec_file import load_plugins
from xmc.plugins import CONTRACT, Plugins

_KINDS: Mapping[str, str] = {
    "providers": "provider",
    "auth_schemes": "authentication scheme",
    "framings": "framing",
    "secret_stores": "secret store",
}


class _Added(msgspec.Struct, frozen=True):
    kind: str
    name: str
    tasks: tuple[str, ...] = ()


class _Row(msgspec.Struct, frozen=True):
    plugin: str
    origin: str
    contract: int
    adds: tuple[_Added, ...]


@click.command()
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
def command(form: str) -> None:
    """List the installed plugins: distribution and version, plugin contract, and what each adds.

    A plugin that does not load, or was written for another contract, ends this and every other command with a line that
    names it.

    \b
    Examples:
      xmc plugins
      xmc plugins --format json

    \b
    Exit codes: 0 all plugins are usable, 2 usage, 3 one is not.
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    rows = _rows(load_plugins(os.environ))
    if form == "json":
        click.echo(msgspec.json.encode(rows).decode())
        return
    width = max((len(row.plugin) for row in rows), default=0)
    for row in rows:
        adds = "; ".join(map(_said, row.adds))
        click.echo(f"{row.plugin:<{width}}  {row.origin}, contract {row.contract}: {adds}")


def _rows(plugins: Plugins) -> list[_Row]:
    return [
        _Row(plugin=name, origin=origin, contract=CONTRACT, adds=_added(plugins, name))
        for name, origin in plugins.origins.items()
    ]


def _added(plugins: Plugins, plugin: str) -> tuple[_Added, ...]:
    return tuple(
        _Added(kind=_KINDS[kind], name=name, tasks=_tasks(plugins, name) if kind == "providers" else ())
        for kind, names in plugins.added[plugin].items()
        for name in names
    )


def _tasks(plugins: Plugins, provider: str) -> tuple[str, ...]:
    return tuple(str(task) for task in plugins.providers[provider].capabilities)


def _said(added: _Added) -> str:
    tasks = f" ({', '.join(added.tasks)})" if added.tasks else ""
    return f"{added.kind} {added.name}{tasks}"
