"""The command line in this process: a second cheaper than a process of its own, where no process is the point."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from xmc.cli import main


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did, named as `subprocess` names it."""

    returncode: int
    stdout: str
    stderr: str


def run_cli(folder: Path, *arguments: str, stdin: str | None = None, **environ: str) -> Ran:
    """Run `xmc` in a folder, with only these environment variables beside PATH."""
    others = dict.fromkeys(os.environ, None)
    runner = CliRunner(env={**others, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environ})
    with contextlib.chdir(folder):
        result = runner.invoke(main, arguments, input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)
