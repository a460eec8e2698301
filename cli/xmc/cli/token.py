"""`xmc token`: make client tokens. A token is shown once; only its hash goes into a spec."""

import re
import secrets
from typing import Any

import click
import msgspec

from xmc.schema import format_token_hash, hash_token, make_token, spec_schema

_SALT_BYTES = 16


@click.group()
def command() -> None:
    """Make client tokens."""


@command.command()
@click.argument("name")
@click.option(
    "--endpoint",
    "-e",
    "endpoints",
    multiple=True,
    help="Allow this endpoint only. May be repeated; '*' is all.  [default: all, or none with --metrics]",
)
@click.option("--metrics", is_flag=True, help="Allow GET /metrics on the serving port.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "yaml", "json"]),
    default="human",
    show_default=True,
    help="human: token and spec entry with explanations; yaml: the spec entry, with the token on stderr; "
    "json: both in one object.",
)
def create(name: str, endpoints: tuple[str, ...], metrics: bool, form: str) -> None:
    """Make a token for the principal NAME.

    The token is printed once and kept nowhere. Put the printed entry under `principals:` in the spec; to rotate, add
    the new hash to the `token_hashes` of the same principal, and remove the old one when nobody uses it.

    \b
    Examples:
      xmc token create alice
      xmc token create batch --endpoint chat --endpoint embed
      xmc token create prometheus --metrics
      xmc token create batch --format yaml 2> token.txt >> principals.yaml
      TOKEN=$(xmc token create ci --format json | jq -r .token)
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    pattern = spec_schema()["$defs"]["principal"]["properties"]["name"]["pattern"]
    if not re.search(pattern, name) or name.endswith("\n"):  # what compile would refuse is refused here
        raise click.BadParameter(f"a principal's name matches {pattern}", param_hint="NAME")
    token = make_token(secrets.token_bytes(40))
    principal: dict[str, Any] = {
        "name": name,
        "token_hashes": [format_token_hash(hash_token(token, secrets.token_hex(_SALT_BYTES)))],
    }
    if endpoints or metrics:  # whoever scrapes has no need to query
        principal["endpoints"] = list(endpoints)
    if metrics:
        principal["metrics"] = True
    _show(token, principal, form)


def _show(token: str, principal: dict[str, Any], form: str) -> None:
    """Print results on stdout and explanations on stderr, so that each form can be piped."""
    if form == "json":
        click.echo(msgspec.json.encode({"token": token, "principal": principal}).decode())
        return
    if form == "yaml":
        click.echo(token, err=True)
        click.echo(_yaml(principal), nl=False)
        return
    click.echo("The token, shown this once:", err=True)
    click.echo(token)
    click.echo("\nIts entry in the spec (add to `principals:`):", err=True)
    click.echo("principals:\n" + _yaml(principal), nl=False)


def _yaml(principal: dict[str, Any]) -> str:
    """Write a list item of YAML. Scalars are JSON strings, which YAML reads as they are."""
    lines = []
    for key, value in principal.items():
        if isinstance(value, list) and value:
            lines.append(f"    {key}:")
            lines += [f"      - {_scalar(item)}" for item in value]
        else:
            lines.append(f"    {key}: {_scalar(value)}")
    return "  - " + "\n".join(lines)[4:] + "\n"


def _scalar(value: object) -> str:
    return msgspec.json.encode(value).decode()
