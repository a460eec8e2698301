"""Where commands get a routing table from: a table file, or a spec that is compiled in memory."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec

from xmc.cli.exit_code import ExitCode
from xmc.cli.values_options import read_given
from xmc.schema import SECRETS_SUFFIX, TABLE_SUFFIX, Secret, companion, encode_table


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


def the_only_source(folder: Path) -> Path:
    """Return the table or spec of a folder if nobody named one.

    Raises:
        click.UsageError: there is none, or more than one table.
    """
    tables = sorted(folder.glob(f"*{TABLE_SUFFIX}"))
    if len(tables) == 1:
        return Path(tables[0].name)
    if len(tables) > 1:
        names = ", ".join(table.name for table in tables)
        raise click.UsageError(f"this folder holds {len(tables)} routing tables ({names}): say which one is meant")
    if (folder / "endpoints.yaml").is_file():
        return Path("endpoints.yaml")
    raise click.UsageError(
        "there is no *.xmc.json and no endpoints.yaml in this folder: name a routing table or a spec"
    )


def inputs(
    path: Path, values: Sequence[Path] = (), sets: Sequence[str] = (), of_a_file: Sequence[str] = ()
) -> tuple[str, str]:
    """Return where the table is and where the typed-in values are; a spec is compiled first, with values for `vars`.

    `of_a_file` are the options given that are of use with a table file only.

    Raises:
        click.ClickException: with exit code 2, if the file cannot be read.
        SystemExit: the spec cannot be served; said on stderr.
    """
    if path.name.endswith(TABLE_SUFFIX):
        _refuse_values(path, values, sets)
        # Not read here, and nothing imported for it: serving a table must not pay for the compiler.
        return str(path), str(companion(path, SECRETS_SUFFIX))
    from xmc.cli.spec_file import compile_spec, read_source, read_sources  # noqa: PLC0415 - as above

    sources = read_sources((path,)) if path.is_dir() else (read_source(path),)
    if len(sources) == 1 and is_table(path, sources[0].text):
        _refuse_values(path, values, sets)
        return str(path), str(companion(path, SECRETS_SUFFIX))
    if of_a_file:
        raise click.UsageError(f"{', '.join(of_a_file)}: {path} is a spec, and only a table is signed or sealed")
    given = read_given(values, sets)
    outcome = compile_spec(sources, os.environ, form="human", offline=False, values=given)
    if outcome.exit_code is not ExitCode.CLEAN or outcome.compiled.table is None:
        sys.exit(outcome.exit_code)
    return _in_memory(encode_table(outcome.compiled.table)), _in_memory(_revealed(outcome.compiled.plaintext))


def _refuse_values(path: Path, values: Sequence[Path], sets: Sequence[str]) -> None:
    if values or sets:
        raise click.UsageError(f"{path} is a routing table: --set and --values are for specs")


def _revealed(plaintext: Mapping[str, Secret]) -> bytes:
    return msgspec.json.encode({name: value.reveal() for name, value in plaintext.items()})


def _in_memory(data: bytes) -> str:
    """Put bytes where the serving process finds them: an inherited descriptor without a file."""
    descriptor = os.memfd_create("xmc")
    with open(os.dup(descriptor), "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(data)
    os.set_inheritable(descriptor, True)
    return f"fd:{descriptor}"
