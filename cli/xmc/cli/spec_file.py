"""A spec file from reading to proof, for every command that takes one: `xmc compile` and `xmc serve SPEC`."""

import gc
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from xmc.cli.exit_code import ExitCode
from xmc.cli.progress import doing, watching
from xmc.compiler import (
    MAX_BYTES,
    WIDTH,
    Compiled,
    Proven,
    Source,
    compile_sources,
    make,
    nearest,
    prove,
    render_human,
    render_json,
    render_sarif,
)
from xmc.plugins import PluginError, Plugins, build_plugins
from xmc.schema import Diagnostic, Severity, Span

DEBUG = "XMC_DEBUG"
"""Environment variable: 1 shows the traceback of an internal error, which may hold parts of the spec."""


STDIN = Path("-")
DEFAULT_SPEC = Path("endpoints.yaml")
"""What is compiled if nothing is named."""

_MARGIN = 10
"""Columns of a terminal that the line number takes, and some air."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of a spec file. `exit_code` is `CLEAN` exactly if there is a table to use."""

    compiled: Compiled
    proven: Proven
    plugins: Plugins
    exit_code: ExitCode


class _UnusableError(click.ClickException):
    exit_code = int(ExitCode.USAGE)


def read_source(path: Path) -> Source:
    """Read one file of a spec, or stdin for `-`; of a file that is too large only as much as shows it.

    Raises:
        click.ClickException: with exit code 2, if it cannot be read.
    """
    try:
        if path == STDIN:
            return Source("<stdin>", sys.stdin.buffer.read(MAX_BYTES + 1))
        with path.open("rb") as stream:
            return Source(str(path), stream.read(MAX_BYTES + 1))
    except OSError as error:
        raise unusable(f"cannot read {path}: {error.strerror or error}{_similar(path)}") from error


def read_sources(paths: Sequence[Path]) -> tuple[Source, ...]:
    """Read the files of one spec, in the order in which they were named, each once.

    A folder stands for the *.yaml and *.yml files in it and below it, by name; hidden ones are left out. No path at all
    stands for `endpoints.yaml`.

    Raises:
        click.ClickException: with exit code 2, if one cannot be read, or a folder holds none.
    """
    files: dict[Path, Path] = {}
    for path in paths or (DEFAULT_SPEC,):
        for file in _files_in(path) if path != STDIN and path.is_dir() else (path,):
            files.setdefault(file.resolve(), file)
    return tuple(read_source(file) for file in files.values())


def _files_in(folder: Path) -> list[Path]:
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".yaml", ".yml"}
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    ]
    if not files:
        raise unusable(f"the folder {folder} holds no *.yaml or *.yml file")
    return files


def _similar(path: Path) -> str:
    """Return a question that names the file that was probably meant, or nothing."""
    if path.exists() or not path.parent.is_dir():
        return ""
    guess = nearest(path.name, (one.name for one in path.parent.iterdir() if one.is_file()))
    return f"; did you mean {path.with_name(guess)}?" if guess else ""


def unusable(message: str) -> click.ClickException:
    """Return an error of the command line: one line, exit code 2."""
    return _UnusableError(message)


def compile_spec(  # noqa: PLR0913 - what to compile, by what, and how to say what came of it
    sources: Sequence[Source],
    environ: Mapping[str, str],
    *,
    form: str,
    offline: bool,
    stderr: bool = True,
    keep: bool = False,
    values: Mapping[str, Any] | None = None,
) -> Outcome:
    """Compile a spec of one or more files, prove its references, and say the diagnostics on stderr or stdout.

    `form` is `human`, `json` or `sarif`; `values` are for the variables of the spec.

    With `keep` the values of all references are read too, to be sealed.

    Raises:
        SystemExit: 3, after one line on stderr, for a fault of xmc or of a plugin.
    """
    plugins = load_plugins(environ)
    name = sources[0].name if len(sources) == 1 else f"{len(sources)} files"
    try:
        with watching(f"compiling {name}") as progress, _no_collections():
            compiled = compile_sources(sources, plugins, progress, values=values)
        with doing("asking the secret stores"):
            proven = prove(compiled, plugins, environ, offline=offline, keep=keep)
    except Exception as error:  # noqa: BLE001 - the outermost boundary: whatever it is, one clear line
        fail_internally(sources[0].name, error, environ)
    diagnostics = sorted((*compiled.diagnostics, *proven.diagnostics), key=lambda one: one.order)
    show(diagnostics, sources, form, stderr=stderr)
    return Outcome(compiled, proven, plugins, _exit_code(compiled, proven))


@contextmanager
def _no_collections() -> Iterator[None]:
    """A compile makes many values and hardly a cycle: looking for cycles took a third of a large one."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def load_plugins(environ: Mapping[str, str]) -> Plugins:
    """Return the installed plugins; one that does not load ends the program: exit code 3, a line that names it."""
    try:
        return build_plugins()
    except PluginError as error:
        if environ.get(DEBUG) == "1":
            raise
        click.echo(f"xmc: error[XMC902]: {error}", err=True)
        sys.exit(ExitCode.INTERNAL)


def fail_internally(name: str, error: Exception, environ: Mapping[str, str]) -> NoReturn:
    """End with exit code 3 and one line. The error's own text is not shown: it may hold parts of the spec."""
    if environ.get(DEBUG) == "1":
        raise error
    span = Span(name, 1, 1, 1, 1)
    message = f"internal error ({type(error).__name__}); this is a fault of xmc, not of the spec"
    diagnostic = make("XMC901", span, message, hint=f"please report it, with the traceback that {DEBUG}=1 shows")
    click.echo(render_human((diagnostic,), ()), nl=False, err=True)
    sys.exit(ExitCode.INTERNAL)


def show(diagnostics: Iterable[Diagnostic], sources: Sequence[Source], form: str, *, stderr: bool) -> None:
    """Write diagnostics to stderr, or to stdout."""
    if form == "json":
        click.echo(render_json(diagnostics), nl=False, err=stderr)
    elif form == "sarif":
        from importlib import metadata  # noqa: PLC0415 - 30 ms that no other form needs

        click.echo(render_sarif(diagnostics, metadata.version("xmc")), nl=False, err=stderr)
    else:
        color = _wants_color(os.environ)
        width = _columns() - _MARGIN if sys.stderr.isatty() else WIDTH
        text = render_human(diagnostics, sources, color=color, width=min(width, WIDTH))
        click.echo(text, nl=False, err=stderr, color=color)


def _columns() -> int:
    import shutil  # noqa: PLC0415 - for a terminal alone; it brings what packs archives

    return shutil.get_terminal_size().columns


def _wants_color(environ: Mapping[str, str]) -> bool:
    """Colours on a terminal; NO_COLOR and FORCE_COLOR, if they are not empty, decide for their users."""
    return not environ.get("NO_COLOR") and (bool(environ.get("FORCE_COLOR")) or sys.stderr.isatty())


def _exit_code(compiled: Compiled, proven: Proven) -> ExitCode:
    if compiled.table is None:
        return ExitCode.DIAGNOSTICS
    if proven.unreachable:
        return ExitCode.STORE_UNREACHABLE
    if any(one.severity is Severity.ERROR for one in proven.diagnostics):
        return ExitCode.DIAGNOSTICS
    return ExitCode.CLEAN
