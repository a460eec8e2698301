"""Compiles specs in this interpreter and environment: `python -m tests.identity_child OUT SPEC…`; a tool of a test.

Prints JSON: what world it ran in, as it found it. Uses no part of pytest, so that any interpreter with xmc's own
dependencies can run it.
"""

import json
import locale
import os
import sys
from pathlib import Path

from click.testing import CliRunner

from xmc.cli import main


def activate_locale() -> str | None:
    """Apply all categories of LC_ALL (numbers, case, order), which Python itself does not; None if not installed."""
    try:
        return locale.setlocale(locale.LC_ALL, "")
    except locale.Error:
        return None


def compile_all(out: Path, specs: list[str]) -> None:
    """Compile each spec by the command line itself, to `<out>/<stem>.xmc.json`."""
    for spec in specs:
        table = out / f"{Path(spec).stem}.xmc.json"
        result = CliRunner().invoke(main, ["compile", spec, "-o", str(table), "--offline"])
        if result.exit_code != 0:
            raise SystemExit(f"{spec}: {result.output}")


def world() -> dict[str, object]:
    """Return what this process is: a test that believes to have changed it can look."""
    return {
        "version": sys.version.split()[0],
        "hash": hash("endpoint"),
        "locale": activate_locale(),
        "decimal_point": locale.localeconv()["decimal_point"],
        "folder": os.fspath(Path.cwd()),
    }


if __name__ == "__main__":
    found = world()
    compile_all(Path(sys.argv[1]), sys.argv[2:])
    sys.stdout.write(json.dumps(found))
