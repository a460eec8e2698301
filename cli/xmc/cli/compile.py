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
from xmc.cli.spec_file import Outcome, compile_spec, fail_internally, read_source, unusable
from xmc.compiler import ArtifactError, Protection, write_artifacts
from xmc.schema import TABLE_SUFFIX, Table


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The table's file. Default: SPEC's stem + .xmc.json, beside it.",
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
@click.option("-v", "--verbose", is_flag=True, help="Also print the upstream URL of every served entity.")
@protection_options
def command(spec: Path, output: Path | None, form: str, offline: bool, verbose: bool, **protected: Any) -> None:
    """Check SPEC and write its routing table.

    Everything that is wrong is said in one run, as FILE:LINE:COLUMN lines on stderr. With an error nothing is written,
    and an older table stays as it was. Beside the table come a lock file and, if secrets were typed into SPEC, a
    secrets file; with --seal a sealed file in its place, with --sign a signature.

    \b
    Examples:
      xmc compile endpoints.yaml
      xmc compile endpoints.yaml -o build/table.xmc.json --offline
      xmc compile endpoints.yaml --format json 2> diagnostics.json
      xmc compile endpoints.yaml --seal-all --seal-key-file seal.key --sign sign.pem --serial 7

    \b
    Exit codes:
      0 clean, 1 diagnostics, 2 usage, 3 internal error, 4 secret store unreachable
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    _refuse_unclear_place(spec, output)
    asked = protection(offline=offline, **protected)
    source = read_source(spec)
    out = output or default_output(spec)
    _refuse_place(spec, out)
    outcome = compile_spec(source, os.environ, form=form, offline=offline, keep=protected["seal_all"])
    if outcome.exit_code is not ExitCode.CLEAN or outcome.compiled.table is None:
        sys.exit(outcome.exit_code)
    files = _write(outcome, out, source.name, asked)
    say_what_is_sealed(asked, len(outcome.compiled.plaintext) + len(outcome.proven.values))
    said = _summary(outcome.compiled.table, files, form)
    _say(said + _upstreams(outcome.compiled.table) if verbose and form == "human" else said)


def default_output(spec: Path) -> Path:
    """Return where the table of a spec is written if nobody says.

    >>> default_output(Path("a/endpoints.yaml")).as_posix()
    'a/endpoints.xmc.json'
    """
    return spec.with_name(spec.stem + TABLE_SUFFIX)


def _refuse_unclear_place(spec: Path, output: Path | None) -> None:
    """The table of a pipe has no place of its own: beside /dev/stdin nobody would look for it."""
    if output is None and spec.exists() and not spec.is_file() and not spec.is_dir():
        raise unusable(f"{spec} is not a regular file: say by -o where the table goes")


def _refuse_place(spec: Path, out: Path) -> None:
    """What can be known about the output before the work is done, is."""
    if out.is_dir():
        raise unusable(f"-o {out} is a folder: name the table's file")
    if not out.parent.is_dir():
        raise unusable(f"cannot write {out}: there is no folder {out.parent}")
    if out.exists() and spec.exists() and out.samefile(spec):
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


def _upstreams(table: Table) -> str:
    return "".join(
        f"  {endpoint.name}/{entity.name} {entity.weight}% {entity.target.task} -> {entity.target.url}\n"
        for endpoint in table.endpoints
        for entity in endpoint.entities
    )
