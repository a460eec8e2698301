"""`xmc import`: a spec from the configuration of another gateway, with a report of every key."""

import os
import sys
from pathlib import Path

import click
import msgspec

from xmc.cli.exit_code import ExitCode
from xmc.cli.spec_file import load_plugins, read_source, show, unusable
from xmc.compiler.imports import (
    ImportReport,
    UnreadableError,
    as_data,
    as_markdown,
    as_text,
    import_document,
    read_document,
)

_file = click.argument("file", type=click.Path(path_type=Path))
_output = click.option("-o", "--output", type=click.Path(path_type=Path), help="The spec's file.  [default: stdout]")
_report = click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="Write the report here, and not to stderr: .json as JSON, .md as Markdown.",
)


@click.group()
def command() -> None:
    """Turn the configuration of another gateway into a spec.

    The spec goes to stdout or to a file, and a report to stderr: every key of FILE is either carried over, with its
    place in the spec, or named with the reason why not. No secret is copied: the spec has references, and the report
    says what to put where.

    \b
    Examples:
      xmc import litellm config.yaml -o endpoints.yaml
      xmc import databricks endpoint.json -o endpoints.yaml --report import.md
    """  # noqa: D301 - click reads \b as "do not re-wrap"


@command.command()
@_file
@_output
@_report
def databricks(file: Path, output: Path | None, report: Path | None) -> None:
    """Import the JSON that Databricks answers for a serving endpoint, or for the list of them.

    A list leaves the routes and most of each provider's settings out: the answer for one endpoint says more. Typed-in
    secrets are in neither, and get references.

    \b
    Examples:
      databricks api get /api/2.0/serving-endpoints/chat > chat.json
      xmc import databricks chat.json -o endpoints.yaml

    \b
    Exit codes: 0 all that matters was carried over, 1 something was lost or changed, or the spec does not compile yet
    (it is written all the same), 2 usage, or FILE cannot be read.
    """  # noqa: D301 - as above
    _run("databricks", file, output, report, {})


@command.command()
@_file
@_output
@_report
@click.option(
    "--env",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="Value of a variable that FILE reads and that is no secret, such as a URL. May be repeated.",
)
def litellm(file: Path, output: Path | None, report: Path | None, pairs: tuple[str, ...]) -> None:
    """Import LiteLLM's config.yaml.

    Entries of one model_name become the served entities of one endpoint. Keys that LiteLLM reads from the environment
    are read from there here too. Other files that FILE includes are not read.

    \b
    Examples:
      xmc import litellm config.yaml -o endpoints.yaml
      xmc import litellm config.yaml --env AZURE_API_BASE=https://my-resource.openai.azure.com --report import.json

    \b
    Exit codes: 0 all that matters was carried over, 1 something was lost or changed, or the spec does not compile yet
    (it is written all the same), 2 usage, or FILE cannot be read.
    """  # noqa: D301 - as above
    environ = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if len(environ) != len(pairs):
        raise click.BadParameter("write NAME=VALUE, each name once", param_hint="--env")
    _run("litellm", file, output, report, environ)


@command.command()
@_file
@_output
@_report
def mlflow(file: Path, output: Path | None, report: Path | None) -> None:
    """Import the YAML of MLflow's AI Gateway or Deployments server, `endpoints:` or the older `routes:`.

    \b
    Examples:
      xmc import mlflow config.yaml -o endpoints.yaml

    \b
    Exit codes: 0 all that matters was carried over, 1 something was lost or changed, or the spec does not compile yet
    (it is written all the same), 2 usage, or FILE cannot be read.
    """  # noqa: D301 - as above
    _run("mlflow", file, output, report, {})


def _run(kind: str, file: Path, output: Path | None, report: Path | None, environ: dict[str, str]) -> None:
    if report is not None and report.suffix not in {".json", ".md"}:
        raise click.BadParameter("its name ends in .json or .md", param_hint="--report")
    source = read_source(file)
    plugins = load_plugins(os.environ)
    try:
        document = read_document(source)
    except UnreadableError as error:
        show(error.diagnostics, (source,), "human", stderr=True)
        sys.exit(ExitCode.USAGE)
    imported = import_document(kind, document, file.name, plugins, environ)
    if output is None:
        click.echo(imported.spec, nl=False)
    else:
        _write(output, imported.spec)
    if report is None:
        click.echo(as_text(imported.report), nl=False, err=True)
    else:
        _write(report, _form(imported.report, report.suffix))
    sys.exit(ExitCode.CLEAN if imported.report.is_whole else ExitCode.DIAGNOSTICS)


def _form(report: ImportReport, suffix: str) -> str:
    if suffix == ".md":
        return as_markdown(report)
    return msgspec.json.format(msgspec.json.encode(as_data(report)), indent=2).decode() + "\n"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unusable(f"cannot write {path}: {error.strerror or error}") from error
