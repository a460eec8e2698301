"""`xmc check`: what `xmc compile` says of a spec, without a table."""

import os
import sys
from pathlib import Path

import click

from xmc.cli.spec_file import compile_spec, read_sources
from xmc.cli.values_options import read_given, with_values


@click.command()
@click.argument("spec", nargs=-1, type=click.Path(path_type=Path, allow_dash=True), metavar="[SPEC]...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "json", "sarif"]),
    default="human",
    show_default=True,
    help="human: on stderr, as `xmc compile` does. json, sarif (2.1.0): one document on stdout, whatever it says.",
)
@click.option("--offline", is_flag=True, help="Ask no secret store whether the references exist.")
@with_values
def command(
    spec: tuple[Path, ...], form: str, *, offline: bool, values: tuple[Path, ...], sets: tuple[str, ...]
) -> None:
    """Check SPEC as `xmc compile` does, and write nothing.

    SPEC can be several files and folders, and - for stdin; without any it is endpoints.yaml.

    \b
    Examples:
      xmc check endpoints.yaml
      xmc check common.yaml teams/
      xmc check endpoints.yaml --values production.yaml --set region=eu-west-1
      xmc check - < endpoints.yaml
      xmc check endpoints.yaml --offline --format sarif > xmc.sarif

    \b
    Exit codes:
      0 clean, 1 diagnostics, 2 usage, 3 internal error, 4 secret store unreachable
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    given = read_given(values, sets)
    sources = read_sources(spec)
    outcome = compile_spec(sources, os.environ, form=form, offline=offline, stderr=form == "human", values=given)
    sys.exit(outcome.exit_code)
