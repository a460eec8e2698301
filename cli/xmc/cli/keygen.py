"""`xmc keygen`: make the keys that protect artifacts, in files that only their owner may read.

A key that is there is never replaced: what it sealed or signed would be lost with it.
"""

import os
import secrets
from pathlib import Path

import click

from xmc.cli.exit_code import ExitCode
from xmc.schema import KEY_BYTES, PublicKey, format_seal_key, format_signing_key, load_public_keys, parse_seal_keys

_STDOUT = "-"


class _ExistsError(click.ClickException):
    exit_code = int(ExitCode.USAGE)


@click.group()
def command() -> None:
    """Make keys that seal and sign artifacts."""


@command.command()
@click.argument("file")
def seal(file: str) -> None:
    """Make a sealing key (AES-256) in FILE, mode 0600; - prints it.

    It is one line of base64. A file may hold several keys, one a line: the first one seals, any of them opens.

    \b
    Examples:
      xmc keygen seal seal.key
      export XMC_SEAL_KEY=$(xmc keygen seal -)

    \b
    Exit codes: 0 clean, 2 FILE exists or cannot be written.
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    text = format_seal_key(secrets.token_bytes(KEY_BYTES))
    if file == _STDOUT:
        click.echo(text, nl=False)
        return
    _write_new(Path(file), text.encode(), 0o600)
    click.echo(f"{parse_seal_keys(text)[0].id}: {file}")


@command.command()
@click.argument("file")
def sign(file: str) -> None:
    """Make a signing key (Ed25519) in FILE, mode 0600, and its public key in FILE.pub; - prints both.

    Both are PEM. FILE belongs where tables are compiled, FILE.pub where they are served.

    \b
    Examples:
      xmc keygen sign sign.pem
      xmc compile endpoints.yaml --sign sign.pem --serial 1
      xmc serve endpoints.xmc.json --require-signature sign.pem.pub

    \b
    Exit codes: 0 clean, 2 FILE or FILE.pub exists or cannot be written.
    """  # noqa: D301 - click reads \b as "do not re-wrap"
    private, public = format_signing_key(secrets.token_bytes(KEY_BYTES))
    if file == _STDOUT:
        click.echo((private + public).decode(), nl=False)
        return
    beside = Path(f"{file}.pub")
    _write_new(beside, public, 0o666)
    try:
        _write_new(Path(file), private, 0o600)
    except click.ClickException:
        beside.unlink()  # half a pair would be in the way of the next one
        raise
    key: PublicKey = load_public_keys(public)[0]
    click.echo(f"{key.id}: {file}, {beside}")


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError:
        raise _ExistsError(f"{path} exists; a key is never replaced") from None
    except OSError as error:
        raise _ExistsError(f"cannot write {path}: {error.strerror or error}") from None
