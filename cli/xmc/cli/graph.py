"""`xmc graph`: a routing table as a picture, in Mermaid's language."""

from pathlib import Path

import click

from xmc.cli.source import the_only_source
from xmc.cli.table_file import read_table
from xmc.cli.values_options import read_given, with_values
from xmc.compiler import mermaid, nearest


@click.command()
@click.argument("source", required=False, metavar="[TABLE|SPEC]", type=click.Path(path_type=Path))
@click.option("-e", "--endpoint", "endpoints", multiple=True, metavar="NAME", help="Only this one. May be repeated.")
@with_values
def command(source: Path | None, endpoints: tuple[str, ...], values: tuple[Path, ...], sets: tuple[str, ...]) -> None:
    """Print a routing table, or a spec that is compiled in memory, as a Mermaid flowchart.

    Endpoints lead to their entities by their shares, and entities to hosts with their regions by their providers.
    Without an argument: the one *.xmc.json in this folder, or else endpoints.yaml.

    \b
    Examples:
      xmc graph
      xmc graph endpoints.yaml --endpoint chat > chat.mmd

    \b
    Exit codes: 0 clean, 1 a spec does not compile or a table is refused, 2 usage, 3 internal error.
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    table = read_table(source or the_only_source(Path.cwd()), read_given(values, sets))
    known = [endpoint.name for endpoint in table.endpoints]
    for name in endpoints:
        if name not in known:
            guess = nearest(name, known)
            hint = f"; did you mean {guess}?" if guess else ""
            raise click.BadParameter(f"there is no endpoint {name}{hint}", param_hint="--endpoint")
    click.echo(mermaid(table, endpoints), nl=False)
