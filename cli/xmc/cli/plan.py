"""`xmc plan`: what changes in meaning between two routing tables."""

import sys
from pathlib import Path

import click

from xmc.cli.exit_code import ExitCode
from xmc.cli.table_file import read_table
from xmc.cli.values_options import read_given, with_values
from xmc.compiler import plan_between, render_plan_human, render_plan_json, render_plan_markdown

_RENDERERS = {"human": render_plan_human, "json": render_plan_json, "markdown": render_plan_markdown}


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(list(_RENDERERS)),
    default="human",
    show_default=True,
    help="json: one object with exact shares. markdown: for a comment on a change.",
)
@with_values
def command(old: Path, new: Path, form: str, values: tuple[Path, ...], sets: tuple[str, ...]) -> None:
    """Say what changes in meaning from OLD to NEW: each a routing table, or a spec that is compiled in memory.

    --set and --values are for the specs among them. What clients lose comes first, then where data goes anew, who may
    do more, and which share of the requests moves between entities. The order of endpoints means nothing. No secret
    store is asked, and nothing is written.

    \b
    Examples:
      xmc plan endpoints.xmc.json endpoints.yaml
      xmc plan old.xmc.json new.xmc.json --format markdown > comment.md
      xmc plan old.yaml new.yaml --format json | jq '.counts.loss'

    \b
    Exit codes: 0 no change, 1 a spec does not compile or a table is refused, 2 usage, 3 internal error,
    5 changed.
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    given = read_given(values, sets)
    changes = plan_between(read_table(old, given), read_table(new, given))
    click.echo(_RENDERERS[form](changes), nl=False)
    sys.exit(ExitCode.CHANGED if changes else ExitCode.CLEAN)
