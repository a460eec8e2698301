"""`--set` and `--values`: values for the variables of a spec, for every command that compiles one."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from xmc.cli.exit_code import ExitCode


def with_values(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the two options; the command gets `sets` and `values`, for `read_given`."""
    values = click.option(
        "--values",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="YAML file of values for `vars`; of several the later wins.",
    )
    sets = click.option(
        "--set", "sets", multiple=True, metavar="NAME=VALUE", help="One value for `vars`; wins over files."
    )
    return values(sets(command))


def read_given(values: Sequence[Path], sets: Sequence[str]) -> dict[str, Any]:
    """Return what the options say.

    Raises:
        click.ClickException: with exit code 2, if a file cannot be read or a value is no value.
        SystemExit: 1, after the diagnostics of a file on stderr.
    """
    if not values and not sets:
        return {}
    from xmc.cli.spec_file import read_source, show  # noqa: PLC0415 - `xmc serve TABLE` imports no compiler
    from xmc.compiler import ValueTextError, read_values  # noqa: PLC0415 - as above

    files = [read_source(path) for path in values]
    try:
        given, diagnostics = read_values(files, sets)
    except ValueTextError as error:
        raise click.BadParameter(str(error), param_hint="--set") from error
    if diagnostics:
        show(diagnostics, (), "human", stderr=True)  # without the lines: any value may be secret, whatever its name
        sys.exit(ExitCode.DIAGNOSTICS)
    return given
