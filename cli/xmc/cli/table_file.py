"""A routing table as a value: from its file, or from a spec that is compiled in memory without asking any store."""

import os
import sys
from pathlib import Path

import click

from xmc.cli.exit_code import ExitCode
from xmc.cli.progress import doing
from xmc.cli.source import is_table
from xmc.cli.spec_file import fail_internally, load_plugins, read_source, show
from xmc.compiler import Source, compile_source
from xmc.schema import Table, TableError, decode_table


def read_table(path: Path) -> Table:
    """Return the table that a file holds, or that its spec compiles to; diagnostics of a spec go to stderr.

    Raises:
        click.ClickException: with exit code 2, if the file cannot be read.
        SystemExit: 1, after the reason on stderr, if there is no table to be had from it; 3 for a fault of xmc.
    """
    source = read_source(path)
    if not is_table(path, source.text):
        return _compiled(source)
    try:
        return decode_table(source.text)
    except TableError as error:
        click.echo(f"xmc: {path}: {error}", err=True)
        sys.exit(ExitCode.DIAGNOSTICS)


def _compiled(source: Source) -> Table:
    plugins = load_plugins(os.environ)
    try:
        with doing(f"compiling {source.name}"):
            compiled = compile_source(source, plugins)
    except Exception as error:  # noqa: BLE001 - the outermost boundary: whatever it is, one clear line
        fail_internally(source.name, error, os.environ)
    show(compiled.diagnostics, source, "human", stderr=True)
    if compiled.table is None:
        sys.exit(ExitCode.DIAGNOSTICS)
    return compiled.table
