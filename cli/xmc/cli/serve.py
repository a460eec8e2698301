"""`xmc serve`: check the command line, compile a spec if given one, then become the serving process.

The serving process is a program of its own (`python -m xmc.runtime`), so that it never holds the compiler or the
command line's libraries. A table compiled here and typed-in secrets reach it by inherited memory, not by disk.
"""

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from xmc.cli.source import inputs, the_only_source
from xmc.runtime import Settings, encode_settings

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
    path = source or the_only_source(Path.cwd())
    table, secrets = inputs(path)
    settings = Settings(
        table=table,
        secrets=secrets,
        folder=str(path.parent),
        name=path.name,
        access_log=None if access_log == _NONE else access_log,
        log_format="human" if (log_format or _default_form(access_log)) == "human" else "json",
        grace_s=grace,
        **options,
    )
    _become(settings)


def _default_form(access_log: str) -> str:
    return "human" if access_log == "-" and sys.stdout.isatty() else "json"


def _become(settings: Settings) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    # -P: the folder that the user stands in must not be able to shadow modules.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "xmc.runtime", encode_settings(settings)])  # noqa: S606 - our own
