"""`make serve` as a child process, as a person would run it: read until READY, and stopped by Ctrl-C."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from tests.models import free_port

READY = re.compile(r"^READY (http://\S+)$", re.MULTILINE)


@dataclass
class MakeServe:
    """A running `make serve`; its output so far is in `lines`, each with its time in seconds since the start."""

    process: subprocess.Popen[str]
    begin: float
    lines: list[tuple[float, str]] = field(default_factory=list)
    port: int = 0

    @property
    def output(self) -> str:
        """Everything printed so far."""
        return "".join(line for _, line in list(self.lines))

    @property
    def url(self) -> str:
        """The URL of the READY line."""
        match = READY.search(self.output)
        assert match, self.output
        return match[1]

    def await_text(self, text: str, within_s: float) -> float:
        """Wait until the text was printed; return its time in seconds since the start."""
        while time.monotonic() - self.begin < within_s:
            for seen, line in list(self.lines):
                if text in line:
                    return seen
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"no {text!r} within {within_s} s (exit code {self.process.poll()}):\n{self.output}")

    def descendants(self) -> list[psutil.Process]:
        """Return all processes below `make`."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def interrupt(self) -> int:
        """Press Ctrl-C: SIGINT to the whole foreground process group. Return make's exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)


def _read(running: MakeServe) -> None:
    assert running.process.stdout is not None
    for line in running.process.stdout:
        running.lines.append((time.monotonic() - running.begin, line))


@contextmanager
def make_serve(folder: Path, environ: Mapping[str, str] | None = None) -> Generator[MakeServe]:
    """Run `make serve` on free ports, without a terminal, as the leader of a session of its own."""
    port = free_port()
    ports = {"PORT": str(port), "CHAT_PORT": "0", "EMBEDDINGS_PORT": "0"}
    # What a surrounding `make test` hands down must not reach the inner make.
    inherited = {key: value for key, value in os.environ.items() if key not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    begin = time.monotonic()
    process = subprocess.Popen(
        ["make", "serve"],
        cwd=folder,
        env={**inherited, **ports, **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    running = MakeServe(process, begin, port=port)
    reader = threading.Thread(target=_read, args=(running,), daemon=True)
    reader.start()
    try:
        yield running
    finally:
        _end(running)
        reader.join(10)
        if process.stdout is not None:
            process.stdout.close()


def _end(running: MakeServe) -> None:
    if running.process.poll() is not None:
        return
    below = running.descendants()
    os.killpg(running.process.pid, signal.SIGINT)
    try:
        running.process.wait(30)
    except subprocess.TimeoutExpired:
        running.process.kill()
        running.process.wait()
    for child in psutil.wait_procs(below, timeout=10)[1]:
        child.kill()
