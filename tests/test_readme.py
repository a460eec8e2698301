"""The README is true: every fenced command of it is run, in order, in a fresh clone with an environment of its own.

The clone holds what git would commit now: tracked and new files, not what is ignored. Commands that go on for ever
(`make serve`, `xmc serve`) are started, and the following blocks meet them. Only `make test` is not run, since it is
what runs this; make is asked what it would do instead.
"""

import os
import re
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.making import make_serve
from tests.models import free_port

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [(match["language"], match["text"]) for match in BLOCK.finditer(README)]
INSTALL_WITHIN_S = 600.0
pytestmark = pytest.mark.timeout(1200)


def _clone(folder: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        source, copy = ROOT / name, folder / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)


def _run(folder: Path, command: list[str], text: str | None = None) -> str:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        command, cwd=folder, env=inherited, input=text, capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def _serving(folder: Path, script: str) -> Generator[None]:
    """Run a block whose last command is `xmc serve`, until that listens; stop it afterwards."""
    script = re.sub(r"^(\S*xmc serve (?!--help))", r"exec \1", script, flags=re.MULTILINE)
    process = subprocess.Popen(
        ["bash", "-euc", script],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seen: list[str] = []
    assert process.stdout is not None
    try:
        for line in process.stdout:
            seen.append(line)
            address = re.search(r"http://[\d.]+:\d+", line)
            if address:
                with urllib.request.urlopen(f"{address[0]}/health/ready", timeout=10) as reply:  # noqa: S310 - loopback
                    assert reply.status == 200
                break
        else:
            raise AssertionError("".join(seen))
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        process.wait(30)


def test_every_block_says_what_it_is() -> None:
    languages = [language for language, _ in BLOCKS]
    assert {"sh", "python", "yaml", ""} >= set(languages)
    assert languages.count("sh") >= 5
    assert "make serve\n" in [text for _, text in BLOCKS]
    assert "make test\n" in [text for _, text in BLOCKS]


def test_every_command_works_in_a_fresh_clone(tmp_path: Path) -> None:
    clone = tmp_path / "xmc"
    _clone(clone)
    other = free_port()
    with ExitStack() as stack:
        gateway = stack.enter_context(make_serve(clone))
        assert gateway.await_text("xmc: ", 60) < 5, "a line within five seconds"
        gateway.await_text("READY", INSTALL_WITHIN_S)
        for language, block in BLOCKS:
            text = block.replace("127.0.0.1:8080", f"127.0.0.1:{gateway.port}").replace(
                "--port 8090", f"--port {other}"
            )
            if language == "python":
                assert _run(clone, [".venv/bin/python", "-W", "error", "-"], text).strip()
            elif language == "sh" and text == "make test\n":
                planned = _run(clone, ["make", "--dry-run", "test"])
                assert all(step in planned for step in ("ruff", "mypy", "pyright", "lint-imports", "wheel", "pytest"))
            elif language == "sh" and re.search(r"^\S*xmc serve (?!--help)", text, re.MULTILINE):
                stack.enter_context(_serving(clone, text))
            elif language == "sh" and text != "make serve\n":
                assert _run(clone, ["bash", "-euc", text]).strip()
        gateway.interrupt()


def test_yaml_of_the_readme_stands_in_the_examples() -> None:
    shown = [text for language, text in BLOCKS if language == "yaml"]
    examples = [path.read_text(encoding="utf-8") for path in (ROOT / "examples").rglob("*.yaml")]
    assert shown
    for text in shown:
        assert any(text in example for example in examples)
