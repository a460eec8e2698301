"""A routing table as a value: from its file, or from a spec that is compiled in memory without asking any store."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from xmc.cli.exit_code import ExitCode
from xmc.cli.progress import watching
from xmc.cli.source import is_table
from xmc.cli.spec_file import fail_internally, load_plugins, read_sources, show
from xmc.compiler import Source, compile_sources
from xmc.schema import Table, TableError, decode_table


def read_table(path: Path, values: Mapping[str, Any] | None = None) -> Table:
    """Return the table that a file holds, or that a spec (a file, a folder, or - for stdin) compiles to.

    `values` are for the variables of a spec. Its diagnostics go to stderr.

    Raises:
        click.ClickException: with exit code 2, if the file cannot be read.
        SystemExit: 1, after the reason on stderr, if there is no table to be had from it; 3 for a fault of xmc.
    """
    first, *others = sources = read_sources((path,))
    if others or not is_table(path, first.text):
        return _compiled(sources, values)
    try:
        return decode_table(first.text)
    except TableError as error:
        click.echo(f"xmc: {path}: {error}", err=True)
        sys.exit(ExitCode.DIAGNOSTICS)


def _compiled(sources: Sequence[Source], values: Mapping[str, Any] | None) -> Table:
    plugins = load_plugins(os.environ)
    try:
        with watching(f"compiling {sources[0].name}") as progress:
            compiled = compile_sources(sources, plugins, progress, values=values)
    except Exception as error:  # noqa: BLE001 - the outermost boundary: whatever it is, one clear line
        fail_internally(sources[0].name, error, os.environ)
    show(compiled.diagnostics, sources, "human", stderr=True)
    if compiled.table is None:
        sys.exit(ExitCode.DIAGNOSTICS)
    return compiled.table
