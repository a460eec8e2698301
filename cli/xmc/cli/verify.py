"""`xmc verify`: is a table whole, do its companions belong to it, and who vouches for it?"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from xmc.cli.exit_code import ExitCode
from xmc.runtime import (
    SEAL_KEY,
    KeyFileError,
    SerialFileError,
    accept_serial,
    read_artifact,
    seal_keys,
    trusted_keys,
)
from xmc.schema import SealError, TableError, Verified, open_sealed, verify_artifact


@click.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option(
    "--key",
    "key_file",
    type=click.Path(),
    metavar="PUBKEYFILE",
    help="Require a signature by one of these public keys.",
)
@click.option(
    "--serial-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Refuse a serial lower than the highest one accepted, which FILE keeps. Needs --key.",
)
@click.option(
    "--seal-key-file",
    type=click.Path(),
    metavar="FILE",
    help=f"Also open the sealed file with this key.  [default: environment {SEAL_KEY}, if set]",
)
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
def command(table: Path, key_file: str | None, serial_file: Path | None, seal_key_file: str | None, form: str) -> None:
    """Verify TABLE and what lies beside it: lock, sealed file, signature, serial.

    A table's bytes must be exactly those that were compiled, and its companions must belong to it. Without --key a
    signature must fit the files, but whose it is counts for nothing. With --serial-file a table that is accepted
    becomes the oldest one that will be.

    \b
    Examples:
      xmc verify endpoints.xmc.json
      xmc verify endpoints.xmc.json --key sign.pem.pub --serial-file /var/lib/xmc/serial

    \b
    Exit codes: 0 good, 1 refused, 2 usage, or a file or key that cannot be used.
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    if serial_file is not None and key_file is None:
        raise click.UsageError("--serial-file needs --key: a serial that nobody vouches for protects nothing")
    try:
        artifact = read_artifact(table)
        found = verify_artifact(artifact, None if key_file is None else trusted_keys(key_file))
        opened = _opened(artifact.sealed, found.table.digest, seal_key_file)
        if serial_file is not None and found.statement is not None:
            accept_serial(serial_file, found.statement)
    except OSError as error:
        _end(f"cannot read {error.filename or table}: {error.strerror or error}", ExitCode.USAGE)
    except (KeyFileError, SerialFileError) as error:
        _end(str(error), ExitCode.USAGE)
    except TableError as error:
        _end(f"{table}: {error}", ExitCode.DIAGNOSTICS)
    else:
        _say(table, found, opened, form, trusted=key_file is not None)


def _opened(sealed: bytes | None, digest: str, key_file: str | None) -> int | None:
    """Return how many values the sealed file holds; None if there is none, or no key for it is at hand."""
    if sealed is None:
        if key_file is not None:
            raise SealError("there is no sealed file beside it that --seal-key-file could open")
        return None
    keys = seal_keys(key_file, os.environ, lambda message: click.echo(f"xmc: {message}", err=True))
    return len(open_sealed(sealed, digest, keys)) if keys else None


def _end(message: str, code: ExitCode) -> NoReturn:
    click.echo(f"xmc: {message}", err=True)
    sys.exit(code)


def _say(path: Path, found: Verified, opened: int | None, form: str, *, trusted: bool) -> None:
    statement = found.statement
    if form == "json":
        document = {
            "table": found.table.digest,
            "format": found.table.format,
            "contract": found.table.contract,
            "compiled_at": found.lock.get("compiled_at"),
            "sealed": None if found.sealed is None else {"key": found.sealed.key, "values": opened},
            "signature": None
            if statement is None
            else {"key": statement.key, "serial": statement.serial, "trusted": trusted},
        }
        click.echo(msgspec.json.encode(document).decode())
        return
    click.echo(f"{path}: good")
    for name, text in _lines(found, opened, trusted=trusted):
        click.echo(f"  {name:<10} {text}")


def _lines(found: Verified, opened: int | None, *, trusted: bool) -> Iterator[tuple[str, str]]:
    table, statement = found.table, found.statement
    yield "table", f"{table.digest}, format {table.format}, plugin contract {table.contract}"
    yield "lock", f"belongs to it, compiled at {found.lock.get('compiled_at')}"
    if found.sealed is not None:
        values = "not opened" if opened is None else "1 value" if opened == 1 else f"{opened} values"
        yield "sealed", f"belongs to it, key {found.sealed.key}, {values}"
    if statement is None:
        yield "signature", "none"
    else:
        whose = "good" if trusted else "fits the files, but without --key whose it is was not checked"
        serial = "no serial" if statement.serial is None else f"serial {statement.serial}"
        yield "signature", f"{whose}: {statement.key}, {serial}"
