"""`xmc probe`: one tiny real request to every target, and a line for each on what came back."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from xmc.cli.exit_code import ExitCode
from xmc.cli.progress import doing
from xmc.cli.source import inputs, the_only_source
from xmc.cli.values_options import with_values
from xmc.runtime import Probed, ProbeError, Settings, probe

_EXCERPT = 40


@click.command()
@click.argument("endpoints", nargs=-1, metavar="[ENDPOINT]...")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="TABLE|SPEC",
    help="Routing table or spec.  [default: the one *.xmc.json of this folder, or else endpoints.yaml]",
)
@click.option(
    "--timeout",
    "timeout_s",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long a target may take.",
)
@click.option(
    "--ca-bundle",
    type=click.Path(exists=True, dir_okay=False),
    help="PEM file of further authorities to trust upstream.",
)
@click.option(
    "--seal-key-file",
    type=click.Path(),
    metavar="FILE",
    help="The key of the table's sealed file.  [default: environment XMC_SEAL_KEY]",
)
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
@with_values
def command(  # noqa: PLR0913 - one argument for each option
    endpoints: tuple[str, ...],
    source: Path | None,
    timeout_s: float,
    ca_bundle: str | None,
    *,
    seal_key_file: str | None,
    form: str,
    **given: Any,
) -> None:
    """Make one tiny real call to every target, with its real credential, and say what came back.

    Each served entity is asked by itself, also those with no traffic: for a few tokens of chat or completions, or for
    the embedding of one word. The calls cost what such calls cost. With ENDPOINT only the entities of these.

    \b
    Examples:
      xmc probe
      xmc probe chat embeddings
      xmc probe --from endpoints.yaml --format json

    \b
    Exit codes: 0 every target answered, 1 one did not, or the table cannot be served, 2 usage,
    3 internal error, 4 secret store unreachable.
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    for name in endpoints:
        if name.endswith((".yaml", ".yml", ".json")) and Path(name).is_file():
            raise click.UsageError(f"{name} is a file: say xmc probe --from {name}")
    path = source or the_only_source(Path.cwd())
    of_a_file = ("--seal-key-file",) if seal_key_file is not None else ()
    table, secrets = inputs(path, given["values"], given["sets"], of_a_file)
    settings = Settings(
        table=table,
        secrets=secrets,
        folder=str(path.parent),
        name=path.name,
        ca_bundle=ca_bundle,
        seal_key_file=seal_key_file,
    )
    try:
        with doing("waiting for the targets"):
            failed = asyncio.run(_probe(settings, endpoints, timeout_s, form))
    except ProbeError as error:
        click.echo(f"xmc: {error}", err=True)
        sys.exit(error.exit_code)
    sys.exit(ExitCode.DIAGNOSTICS if failed else ExitCode.CLEAN)


async def _probe(settings: Settings, endpoints: tuple[str, ...], timeout_s: float, form: str) -> int:
    """Print a line for each result as it comes, and the sum at the end; return how many failed."""
    count = failed = 0
    async for one in probe(settings, os.environ, endpoints, timeout_s=timeout_s):
        count += 1
        failed += not one.ok
        click.echo(msgspec.json.encode(one).decode() if form == "json" else _line(one))
    if form == "human":
        click.echo(f"{count - failed} of {count} targets answered")
    return failed


def _line(one: Probed) -> str:
    """Return a result for people.

    >>> _line(Probed(endpoint="chat", entity="gpt", provider="p", task="llm/v1/chat", ok=True, status=200,
    ...     seconds=0.4123, said="OK.", prompt_tokens=9, completion_tokens=2))
    'ok      chat/gpt (p): 412 ms, 9 + 2 tokens, said "OK."'
    """
    where = f"{one.endpoint}/{one.entity} ({one.provider})"
    if not one.ok:
        upstream = f", upstream {one.upstream_status}" if one.upstream_status else ""
        number = f" [upstream's request id {one.upstream_request_id}]" if one.upstream_request_id else ""
        return f"FAILED  {where}: {one.status or 'no answer'}{upstream}: {one.said}{number}"
    facts = [f"{one.seconds * 1000:.0f} ms"]
    if one.prompt_tokens is not None:
        facts.append(f"{one.prompt_tokens} + {one.completion_tokens or 0} tokens")
    if one.dimensions is not None:
        facts.append(f"{one.dimensions} dimensions")
    elif one.said:
        facts.append(f'said "{one.said[:_EXCERPT]}{"…" if len(one.said) > _EXCERPT else ""}"')
    return f"ok      {where}: {', '.join(facts)}"
