"""`xmc plugins`: what is installed, where it came from, what it adds, and whether it keeps the contract."""

import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click
import msgspec

from xmc.cli.exit_code import ExitCode
from xmc.cli.progress import doing
from xmc.cli.spec_file import load_plugins
from xmc.plugins import CONTRACT, Plugins

if TYPE_CHECKING:
    from xmc.runtime.conformance import Case, Outcome

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


class _Told(msgspec.Struct, frozen=True):
    specimen: str
    check: str
    outcome: str
    said: str
    what: str
    why: str
    seconds: float


_FORMAT = click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)


@click.group(invoke_without_command=True)
@_FORMAT
@click.pass_context
def command(context: click.Context, form: str) -> None:
    """List the installed plugins: distribution and version, plugin contract, and what each adds.

    A plugin that does not load, or was written for another contract, ends this and every other command with a line that
    names it.

    \b
    Examples:
      xmc plugins
      xmc plugins --format json
      xmc plugins test openai

    \b
    Exit codes: 0 all plugins are usable, 2 usage, 3 one is not.
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    if context.invoked_subcommand is not None:
        return
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


@command.command()
@click.argument("name")
@click.option("--only", "only", multiple=True, metavar="CHECK", help="Run this check only. May be repeated.")
@_FORMAT
def test(name: str, only: tuple[str, ...], form: str) -> None:
    """Run the conformance kit on the providers of the plugin NAME, or on the provider NAME.

    Every check of every specimen that the plugin ships gets a line as it ends: passed, failed with what was seen, or
    not applicable and why. Nothing leaves this machine: upstreams and gateways are on loopback ports. The kit is an
    extra: pip install 'xmc[kit]'.

    \b
    Examples:
      xmc plugins test openai
      xmc plugins test my-plugin --only redaction --only cells
      xmc plugins test my-plugin --format json

    \b
    Exit codes: 0 nothing failed, 1 a check failed, 2 usage, 3 a plugin cannot be used.
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    chosen = _cases(name, only)
    failed = 0
    for case in chosen:
        start = time.monotonic()
        with doing(str(case)):
            outcome = case.outcome()
        failed += outcome.status == "failed"
        click.echo(_told(case, outcome, time.monotonic() - start, form))
    if form == "human":
        click.echo(f"{len(chosen)} checks, {failed} failed")
    sys.exit(ExitCode.DIAGNOSTICS if failed else ExitCode.CLEAN)


def _cases(name: str, only: tuple[str, ...]) -> "list[Case]":
    plugins = load_plugins(os.environ)
    try:
        from xmc.runtime.conformance import CHECKS, cases  # noqa: PLC0415 - hypothesis is an extra, and slow to import
    except ModuleNotFoundError as error:
        raise click.UsageError(f"the conformance kit needs {error.name}: pip install 'xmc[kit]'") from None
    unknown = set(only) - {check.id for check in CHECKS}
    if unknown:
        ids = ", ".join(check.id for check in CHECKS)
        raise click.BadParameter(f"no check {', '.join(sorted(unknown))}; there are {ids}", param_hint="--only")
    try:
        found = cases(name, plugins)
    except LookupError as error:
        known = sorted({*plugins.providers, *plugins.origins})
        raise click.BadParameter(f"{error}; installed are {', '.join(known)}", param_hint="NAME") from None
    return [case for case in found if not only or case.check.id in only]


def _told(case: "Case", outcome: "Outcome", seconds: float, form: str) -> str:
    if form == "json":
        told = _Told(
            specimen=case.subject.specimen.title,
            check=case.check.id,
            outcome=outcome.status,
            said=outcome.said,
            what=case.check.what,
            why=case.check.why,
            seconds=round(seconds, 3),
        )
        return msgspec.json.encode(told).decode()
    line = f"{outcome.status:<14}  {case}"
    if outcome.status == "failed":
        return f"{line}: {outcome.said}\n    {case.check.what};\n    {case.check.why}."
    return f"{line}: {outcome.said}" if outcome.said else line
