"""`xmc init`: a first spec, by flags."""

import os
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
import yaml

from xmc.cli.exit_code import ExitCode
from xmc.cli.spec_file import DEFAULT_SPEC, STDIN, load_plugins, show, unusable
from xmc.compiler import (
    Compiled,
    Drafted,
    FirstSpec,
    Source,
    compile_source,
    composed_schema,
    did_you_mean,
    draft,
)
from xmc.plugins import Plugins
from xmc.schema import Task

SCHEMA_FILE = "xmc.schema.json"


@click.command()
@click.option("--provider", required=True, help="Whose model it is; `xmc plugins` lists the installed ones.")
@click.option("--model", required=True, help="The provider's own id of the model.")
@click.option("--task", type=click.Choice([str(task) for task in Task]), default=str(Task.CHAT), show_default=True)
@click.option("--name", help="The endpoint's name.  [default: the last word of the task]")
@click.option(
    "--config",
    multiple=True,
    metavar="KEY[=VALUE]",
    help="A key of the provider's configuration; a secret one without a value becomes a reference.",
)
@click.option("--store", default="vault", show_default=True, help="Kind of secret store: vault, env, file.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=DEFAULT_SPEC, show_default=True)
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
@click.option("--no-schema", is_flag=True, help=f"Do not write {SCHEMA_FILE}, by which editors check the spec.")
def command(output: Path, config: tuple[str, ...], *, force: bool, no_schema: bool, **wanted: Any) -> None:
    """Write a first spec, of one endpoint, that compiles.

    Secrets become references {{secrets/SCOPE/KEY}}; what only you can know is asked for. `-o -` prints the spec.

    \b
    Examples:
      xmc init --provider openai --model gpt-4o
      xmc init --provider anthropic --model claude-sonnet-4-6 --store env --name claude
      xmc init --provider amazon-bedrock --model amazon.nova-lite-v1:0 \\
        --config aws_region=eu-west-1 --config bedrock_provider=Amazon --config aws_bearer_token

    \b
    Exit codes:
      0 clean, 1 the spec would not compile, 2 usage or the file is there already, 3 internal error
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    plugins = load_plugins(os.environ)
    first = _wanted(plugins, dict(_pair(text) for text in config), **wanted)
    if output != STDIN and output.exists() and not force:
        raise unusable(f"{output} is there already; --force replaces it")
    drafted = draft(first, plugins)
    if drafted.missing:
        flags = " ".join(f"--config {key}=…" for key in drafted.missing)
        raise click.UsageError(f"the provider {first.provider} also needs {flags}")
    source = Source(str(output), drafted.text.encode())
    compiled = compile_source(source, plugins)
    show(compiled.diagnostics, (source,), "human", stderr=True)
    if compiled.table is None:
        sys.exit(ExitCode.DIAGNOSTICS)
    if output == STDIN:
        click.echo(drafted.text, nl=False)
        return
    written = [_write(output, drafted.text)]
    if not no_schema:
        schema = msgspec.json.format(msgspec.json.encode(composed_schema(plugins)), indent=2).decode()
        written.append(_write(output.with_name(SCHEMA_FILE), schema + "\n"))
    click.echo(_next(written, drafted, compiled), nl=False)


def _wanted(plugins: Plugins, config: dict[str, Any], *, name: str | None, **wanted: str) -> FirstSpec:
    provider, store = wanted["provider"], wanted["store"]
    for flag, value, known in (("--provider", provider, plugins.providers), ("--store", store, plugins.secret_stores)):
        if value not in known:
            raise click.BadParameter(f"{value!r} is not installed; {did_you_mean(value, known)}", param_hint=flag)
    return FirstSpec(**wanted, endpoint=name or wanted["task"].rpartition("/")[2], config=config)


def _pair(text: str) -> tuple[str, Any]:
    """Read KEY=VALUE, the value as YAML reads it; without a value it is None."""
    key, equals, value = text.partition("=")
    if not equals:
        return key, None
    try:
        read = yaml.safe_load(value)
    except yaml.YAMLError:
        read = value
    return key, read if isinstance(read, bool | int | float | list) else value


def _write(path: Path, text: str) -> Path:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unusable(f"cannot write {path}: {error.strerror or error}") from error
    return path


def _next(written: list[Path], drafted: Drafted, compiled: Compiled) -> str:
    """Say what was written, which secrets it needs, and what to do with it."""
    lines = [f"wrote {' and '.join(str(path) for path in written)}"]
    stores = {slot.ref: slot.store for slot in compiled.table.secrets.values()} if compiled.table else {}
    lines += [f"  {reference} is read from the store {stores[reference]!r}" for reference in drafted.references]
    lines += ["next:", f"  xmc compile {written[0]}", f"  xmc serve {written[0].with_suffix('.xmc.json')}"]
    return "\n".join(lines) + "\n"
