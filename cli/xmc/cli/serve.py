"""`xmc serve`: check the command line, compile a spec if given one, then become the serving process.

The serving process is a program of its own (`python -m xmc.runtime`), so that it never holds the compiler or the
command line's libraries. A table compiled here and typed-in secrets reach it by inherited memory, not by disk.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from xmc.cli.exit_code import ExitCode
from xmc.runtime import Settings, encode_settings
from xmc.schema import Secret, encode_table

TABLE_SUFFIX = ".xmc.json"
_NONE = "none"


@click.command()
@click.argument("source", required=False, metavar="[TABLE|SPEC]", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free port.")
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="Address of the metrics port.")
@click.option(
    "--metrics-port", type=click.IntRange(0, 65535), help="Also serve /metrics and /health here, without a token."
)
@click.option(
    "--access-log", default="-", show_default=True, metavar="FILE|-|none", help="Where request lines go; - is stdout."
)
@click.option(
    "--log-format",
    type=click.Choice(["human", "json"]),
    help="Form of request lines.  [default: human on a terminal, else json]",
)
@click.option(
    "--ca-bundle",
    type=click.Path(exists=True, dir_okay=False),
    help="PEM file of further authorities to trust upstream.",
)
@click.option("--insecure-no-auth", is_flag=True, help="Listen beyond loopback although the table has no principals.")
@click.option(
    "--grace",
    default=30.0,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long requests in flight may go on after SIGTERM or Ctrl-C.",
)
def command(source: Path | None, access_log: str, log_format: str | None, grace: float, **options: Any) -> None:
    """Serve a routing table, or a spec that is compiled in memory first.

    Without an argument: the one *.xmc.json in this folder, or else endpoints.yaml. Upstream proxies are taken from
    HTTPS_PROXY, HTTP_PROXY and NO_PROXY, authorities from SSL_CERT_FILE and --ca-bundle.

    \b
    Examples:
      xmc serve
      xmc serve endpoints.xmc.json --port 9000
      xmc serve endpoints.yaml --access-log requests.log --log-format json
      xmc serve endpoints.xmc.json --host 0.0.0.0 --metrics-port 9090

    \b
    Exit codes: 0 stopped by a signal, 1 diagnostics or a table that cannot be served,
    2 usage or an address in use, 3 internal error, 4 secret store unreachable.
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    path = source or _the_only_source(Path.cwd())
    table, secrets = _inputs(path)
    settings = Settings(
        table=table,
        secrets=secrets,
        name=path.name,
        access_log=None if access_log == _NONE else access_log,
        log_format="human" if (log_format or _default_form(access_log)) == "human" else "json",
        grace_s=grace,
        **options,
    )
    _become(settings)


def is_table(path: Path, data: bytes) -> bool:
    """Tell a routing table from a spec: by its name, else by its content (a spec may be JSON too).

    >>> is_table(Path("a.xmc.json"), b""), is_table(Path("b.json"), b'{"endpoints": []}')
    (True, False)
    """
    if path.name.endswith(TABLE_SUFFIX):
        return True
    if path.suffix in {".yaml", ".yml"}:
        return False
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(value, dict) and "format" in value and "digest" in value


def secrets_path(table: Path) -> Path:
    """Return where the values typed into a table's spec are.

    >>> secrets_path(Path("x/endpoints.xmc.json")).name, secrets_path(Path("odd.json")).name
    ('endpoints.xmc.secrets', 'odd.xmc.secrets')
    """
    stem = table.name.removesuffix(TABLE_SUFFIX) if table.name.endswith(TABLE_SUFFIX) else table.stem
    return table.with_name(f"{stem}.xmc.secrets")


def _the_only_source(folder: Path) -> Path:
    tables = sorted(folder.glob(f"*{TABLE_SUFFIX}"))
    if len(tables) == 1:
        return Path(tables[0].name)
    if len(tables) > 1:
        names = ", ".join(table.name for table in tables)
        raise click.UsageError(f"this folder holds {len(tables)} routing tables ({names}): say which one to serve")
    if (folder / "endpoints.yaml").is_file():
        return Path("endpoints.yaml")
    raise click.UsageError(
        "there is no *.xmc.json and no endpoints.yaml in this folder: name a routing table or a spec"
    )


def _inputs(path: Path) -> tuple[str, str]:
    """Return where the table is and where the typed-in values are; a spec is compiled first.

    Raises:
        click.ClickException: with exit code 2, if the file cannot be read.
        SystemExit: the spec cannot be served; said on stderr.
    """
    if path.name.endswith(TABLE_SUFFIX):
        # Not read here, and nothing imported for it: serving a table must not pay for the compiler.
        return str(path), str(secrets_path(path))
    from xmc.cli.spec_file import compile_spec, read_source  # noqa: PLC0415 - as above

    source = read_source(path)
    if is_table(path, source.text):
        return str(path), str(secrets_path(path))
    outcome = compile_spec(source, os.environ, form="human", offline=False)
    if outcome.exit_code is not ExitCode.CLEAN or outcome.compiled.table is None:
        sys.exit(outcome.exit_code)
    return _in_memory(encode_table(outcome.compiled.table)), _in_memory(_revealed(outcome.compiled.plaintext))


def _default_form(access_log: str) -> str:
    return "human" if access_log == "-" and sys.stdout.isatty() else "json"


def _revealed(plaintext: Mapping[str, Secret]) -> bytes:
    return msgspec.json.encode({name: value.reveal() for name, value in plaintext.items()})


def _in_memory(data: bytes) -> str:
    """Put bytes where the serving process finds them: an inherited descriptor without a file."""
    descriptor = os.memfd_create("xmc")
    with open(os.dup(descriptor), "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(data)
    os.set_inheritable(descriptor, True)
    return f"fd:{descriptor}"


def _become(settings: Settings) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    # -P: the folder that the user stands in must not be able to shadow modules.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "xmc.runtime", encode_settings(settings)])  # noqa: S606 - our own
