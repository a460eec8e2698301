"""Options by which commands seal and sign, and open and verify; and the keys that they name."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from xmc.cli.spec_file import unusable
from xmc.compiler import Protection
from xmc.runtime import SEAL_KEY, KeyFileError, seal_keys, signing_key
from xmc.schema import MAX_SERIAL

_F = TypeVar("_F", bound=Callable[..., Any])


def protection_options(command: _F) -> _F:
    """Add the options of `xmc compile` that `protection` reads."""
    for option in (
        click.option("--serial", type=click.IntRange(0, MAX_SERIAL), metavar="N", help="Serial number, for --sign."),
        click.option(
            "--sign",
            "sign_file",
            type=click.Path(),
            metavar="KEYFILE",
            help="Sign table, lock and sealed file with this Ed25519 key.",
        ),
        click.option(
            "--seal-key-file",
            type=click.Path(),
            metavar="FILE",
            help=f"The sealing key.  [default: environment {SEAL_KEY}]",
        ),
        click.option(
            "--seal-all",
            is_flag=True,
            help="As --seal, and seal the values of all references too, read from the stores.",
        ),
        click.option("--seal", is_flag=True, help="Write typed-in secrets encrypted, to .xmc.sealed."),
    ):
        command = option(command)
    return command


def protection(  # noqa: PLR0913 - one argument for each option
    *, seal: bool, seal_all: bool, seal_key_file: str | None, sign_file: str | None, serial: int | None, offline: bool
) -> Protection:
    """Return what the options ask for, keys included.

    Raises:
        click.ClickException: with exit code 2, if they contradict each other or a key cannot be used.
    """
    wanted = seal or seal_all
    if seal_all and offline:
        raise unusable("--seal-all reads every value, and --offline asks no store: leave one of them out")
    if seal_key_file is not None and not wanted:
        raise unusable("--seal-key-file has no effect without --seal or --seal-all")
    if serial is not None and sign_file is None:
        raise unusable("--serial has no effect without --sign: only a signature can vouch for it")
    try:
        keys = seal_keys(seal_key_file, os.environ, warn) if wanted else ()
        if wanted and not keys:
            raise unusable(f"sealing needs a key: give it by --seal-key-file FILE or {SEAL_KEY}")
        return Protection(
            seal_key=keys[0] if keys else None,
            signing_key=None if sign_file is None else signing_key(sign_file, warn),
            serial=serial,
        )
    except KeyFileError as error:
        raise unusable(str(error)) from None


def warn(message: str) -> None:
    """Say something on stderr that is not about a place in a spec."""
    click.echo(f"xmc: {message}", err=True)


def say_what_is_sealed(asked: Protection, values: int) -> None:
    """Who asks for a sealed file gets one; that it holds nothing is said."""
    if asked.seal_key is not None and not values:
        warn("note: there is no value to seal, so the sealed file holds none")
