"""Pages that show what commands print: each ```console block is run again, in one new folder for a page."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
# What differs from run to run: digests, ids, times, ciphertext.
VARIES = re.compile(r"[0-9a-f]{16,}|\d{4}-\d\d-\d\dT[0-9:]+Z|[A-Za-z0-9+/]{40,}=*")


def fill(page: str, files: Mapping[str, str]) -> str:
    """Return the page with each command's output as it is now; `files` are in the folder before the first one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, text in files.items():
            (folder / path).parent.mkdir(exist_ok=True, parents=True)
            (folder / path).write_text(text)
        return BLOCK.sub(lambda match: _block(match[1], folder), page)


def steady(page: str) -> str:
    """Return a page without what differs from run to run."""
    return VARIES.sub("…", page)


def _block(text: str, folder: Path) -> str:
    commands = [line for line in text.splitlines() if line.startswith("$ ")]
    return "```console\n" + "".join(f"{line}\n{_run(line[2:], folder)}" for line in commands) + "```\n"


def _run(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {
        "PATH": path,
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "LC_ALL": "C.UTF-8",
        "OPENAI_API_KEY": "none",
    }
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.stdout.decode()
