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
from xmc.cli.values_options import with_values
from xmc.runtime import Settings, encode_settings

_NONE = "none"
_OF_A_FILE = {
    "--seal-key-file": "seal_key_file",
    "--require-signature": "require_signature",
    "--serial-file": "serial_file",
}
"""Options of use with a table file only -> their names here."""


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
@click.option(
    "--seal-key-file",
    type=click.Path(),
    metavar="FILE",
    help="The key of the table's sealed file.  [default: environment XMC_SEAL_KEY]",
)
@click.option(
    "--require-signature",
    type=click.Path(),
    metavar="PUBKEYFILE",
    help="Serve only what one of these public keys signed.",
)
@click.option(
    "--serial-file",
    type=click.Path(),
    metavar="FILE",
    help="Refuse a serial lower than the highest one served, which FILE keeps. Needs --require-signature.",
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
@with_values
def command(source: Path | None, access_log: str, log_format: str | None, grace: float, **options: Any) -> None:
    """Serve a routing table, or a spec that is compiled in memory first.

    Without an argument: the one *.xmc.json in this folder, or else endpoints.yaml. Upstream proxies are taken from
    HTTPS_PROXY, HTTP_PROXY and NO_PROXY, authorities from SSL_CERT_FILE and --ca-bundle.

    \b
    Examples:
      xmc serve
      xmc serve endpoints.xmc.json --port 9000
      xmc serve endpoints.yaml --access-log requests.log --log-format json
      xmc serve endpoints.yaml --set region=eu-west-1
      xmc serve endpoints.xmc.json --host 0.0.0.0 --metrics-port 9090
      xmc serve endpoints.xmc.json --require-signature sign.pem.pub --seal-key-file seal.key

    \b
    Exit codes: 0 stopped by a signal, 1 diagnostics or a table that cannot be served (a signature,
    serial or sealed file that is refused is one), 2 usage, a key that cannot be used or an address in
    use, 3 internal error, 4 secret store unreachable.
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    if options["serial_file"] is not None and options["require_signature"] is None:
        raise click.UsageError("--serial-file needs --require-signature: only a signature can vouch for a serial")
    path = source or the_only_source(Path.cwd())
    of_a_file = tuple(option for option, name in _OF_A_FILE.items() if options[name] is not None)
    table, secrets = inputs(path, options.pop("values"), options.pop("sets"), of_a_file)
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
