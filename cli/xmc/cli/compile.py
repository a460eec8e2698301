"""`xmc compile`: check a spec and write its routing table."""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from xmc.cli.exit_code import ExitCode
from xmc.cli.seal_options import protection, protection_options, say_what_is_sealed
from xmc.cli.spec_file import DEFAULT_SPEC, STDIN, Outcome, compile_spec, fail_internally, read_sources, unusable
from xmc.cli.values_options import read_given, with_values
from xmc.compiler import ArtifactError, Protection, Source, write_artifacts
from xmc.plugins import Plugins
from xmc.schema import TABLE_SUFFIX, Endpoint, Table


@click.command()
@click.argument("spec", nargs=-1, type=click.Path(path_type=Path, allow_dash=True), metavar="[SPEC]...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The table's file. Default: beside SPEC, its stem + .xmc.json; of several or a folder, ./endpoints.xmc.json.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="How diagnostics (on stderr) and the summary (on stdout) are written.",
)
@click.option("--offline", is_flag=True, help="Ask no secret store whether the references exist.")
@click.option("-v", "--verbose", is_flag=True, help="Also print upstreams, their regions, and worst cases.")
@with_values
@protection_options
def command(
    spec: tuple[Path, ...], output: Path | None, form: str, *, offline: bool, verbose: bool, **more: Any
) -> None:
    """Check SPEC and write its routing table.

    SPEC can be several files and folders (the *.yaml and *.yml in them), and - for stdin; without any it is
    endpoints.yaml. Their endpoints and principals are joined.

    Everything that is wrong is said in one run, as FILE:LINE:COLUMN lines on stderr. With an error nothing is written,
    and an older table stays as it was. Beside the table come a lock file and, if secrets were typed into SPEC, a
    secrets file; with --seal a sealed file in its place, with --sign a signature.

    \b
    Examples:
      xmc compile endpoints.yaml
      xmc compile common.yaml teams/
      xmc compile endpoints.yaml --values production.yaml --set region=eu-west-1
      xmc compile endpoints.yaml -o build/table.xmc.json --offline
      xmc compile endpoints.yaml --format json 2> diagnostics.json
      xmc compile endpoints.yaml --seal-all --seal-key-file seal.key --sign sign.pem --serial 7

    \b
    Exit codes:
      0 clean, 1 diagnostics, 2 usage, 3 internal error, 4 secret store unreachable
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    out = output or default_output(spec)
    values = read_given(more.pop("values"), more.pop("sets"))
    asked = protection(offline=offline, **more)
    sources = read_sources(spec)
    _refuse_place(sources, out)
    keep = more["seal_all"]
    outcome = compile_spec(sources, os.environ, form=form, offline=offline, keep=keep, values=values)
    if outcome.exit_code is not ExitCode.CLEAN or outcome.compiled.table is None:
        sys.exit(outcome.exit_code)
    files = _write(outcome, out, sources[0].name, asked)
    say_what_is_sealed(asked, len(outcome.compiled.plaintext) + len(outcome.proven.values))
    said = _summary(outcome.compiled.table, files, form)
    _say(said + _details(outcome.compiled.table, outcome.plugins) if verbose and form == "human" else said)


def default_output(spec: Sequence[Path]) -> Path:
    """Return where the table of a spec is written if nobody says.

    Raises:
        click.ClickException: with exit code 2: beside a pipe nobody would look for it.

    >>> default_output([Path("a/endpoints.yaml")]).as_posix(), default_output([Path("a.yaml"), Path("b.yaml")]).name
    ('a/endpoints.xmc.json', 'endpoints.xmc.json')
    """
    for path in spec:
        if path == STDIN or (path.exists() and not path.is_file() and not path.is_dir()):
            raise unusable(f"{path} is not a regular file: say by -o where the table goes")
    if len(spec) == 1 and not spec[0].is_dir():
        return spec[0].with_name(spec[0].stem + TABLE_SUFFIX)
    return DEFAULT_SPEC.with_suffix(TABLE_SUFFIX)


def _refuse_place(sources: Sequence[Source], out: Path) -> None:
    """What can be known about the output before the work is done, is."""
    if out.is_dir():
        raise unusable(f"-o {out} is a folder: name the table's file")
    if not out.parent.is_dir():
        raise unusable(f"cannot write {out}: there is no folder {out.parent}")
    if out.exists() and any(Path(one.name).exists() and out.samefile(one.name) for one in sources):
        raise unusable(f"-o {out} is the spec itself")


def _say(text: str) -> None:
    """Write to stdout. The files are there by now: a reader who has left is no fault, a full disk is."""
    try:
        click.echo(text, nl=False)
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer must not fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise unusable(f"cannot write to stdout: {error.strerror}") from error


def _write(outcome: Outcome, out: Path, name: str, asked: Protection) -> Sequence[Path]:
    now = datetime.now(UTC)
    try:
        return write_artifacts(outcome.compiled, outcome.proven, outcome.plugins, out, now, protection=asked)
    except ArtifactError as error:
        raise unusable(str(error)) from error
    except Exception as error:  # noqa: BLE001 - the outermost boundary: whatever it is, one clear line
        fail_internally(name, error, os.environ)


def _summary(table: Table, files: Sequence[Path], form: str) -> str:
    endpoints, entities = len(table.endpoints), sum(len(endpoint.entities) for endpoint in table.endpoints)
    names = [str(file) for file in files]
    if form == "json":
        summary = {"endpoints": endpoints, "entities": entities, "digest": table.digest, "files": names}
        return msgspec.json.encode(summary).decode() + "\n"
    counts = f"{_count(endpoints, 'endpoint', 'endpoints')}, {_count(entities, 'served entity', 'served entities')}"
    return f"compiled {counts}, {table.digest}: {', '.join(names)}\n"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _details(table: Table, plugins: Plugins) -> str:
    return "".join(_upstreams(endpoint) + _worst(endpoint, plugins) for endpoint in table.endpoints)


def _upstreams(endpoint: Endpoint) -> str:
    return "".join(
        f"  {endpoint.name}/{one.name} {one.weight}% {one.target.task} -> {one.target.url}"
        f", region {one.target.region}\n"
        for one in endpoint.entities
    )


def _worst(endpoint: Endpoint, plugins: Plugins) -> str:
    from xmc.compiler import CALLS_AT_ONCE, worst_case  # noqa: PLC0415 - only `-v` needs it

    worst = worst_case(endpoint, plugins)
    attempts = _count(worst.attempts, "attempt", "attempts")
    if worst.inputs_per_call is None:
        calls = "1 upstream call"
    else:
        inputs = "input" if worst.inputs_per_call == 1 else f"{worst.inputs_per_call} inputs"
        calls = f"1 upstream call for each {inputs}, {CALLS_AT_ONCE} at a time"
    return f"  {endpoint.name}: at most {attempts}, {worst.seconds:g} s, {calls}\n"
