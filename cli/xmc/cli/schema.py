"""`xmc schema`: the JSON Schema of a spec or of a table, for editors and for validators of others."""

import os

import click
import msgspec

from xmc.cli.spec_file import load_plugins
from xmc.compiler import composed_schema
from xmc.schema import table_schema


@click.command()
@click.option("--table", is_flag=True, help="Print the schema of a routing table instead.")
def command(table: bool) -> None:
    """Print the JSON Schema (2020-12) of a spec, the configurations of all installed providers included.

    Editors complete and check by it; a spec names it in its first line:

    \b
      # yaml-language-server: $schema=xmc.schema.json

    It knows the shape of a spec and not its meaning: `xmc check` finds more, says it better, and knows which secrets
    exist.

    \b
    Examples:
      xmc schema > xmc.schema.json
      check-jsonschema --schemafile xmc.schema.json endpoints.yaml
      xmc schema --table > table.schema.json

    \b
    Exit codes: 0 clean, 3 a plugin cannot be used.
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    document = msgspec.json.encode(table_schema() if table else composed_schema(load_plugins(os.environ)))
    click.echo(msgspec.json.format(document, indent=2).decode())
