"""`docs/artifacts.md` shows what the commands print: `python -m tests.artifacts_page` runs them and writes it down."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "artifacts.md"
BLOCK = re.compile(r"^```console\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
SPEC = """\
secrets: {stores: {environment: {kind: env}}}
endpoints:
- name: chat
  served_entities:
  - name: main
    external_model:
      name: gpt-4o
      provider: openai
      task: llm/v1/chat
      openai_config: {openai_api_key: "{{secrets/openai/api-key}}"}
"""
# What differs from run to run: digests, ids, times, ciphertext.
VARIES = re.compile(r"[0-9a-f]{16,}|\d{4}-\d\d-\d\dT[0-9:]+Z|[A-Za-z0-9+/]{40,}=*")


def fill(page: str) -> str:
    """Return the page with each command's output as it is now, all run in one new folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "endpoints.yaml").write_text(SPEC)
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


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
