"""Child processes that end with their parent: started, watched, and stopped in reverse order."""

import ctypes
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

STOP_WITHIN_S = 10.0
WATCH_EVERY_S = 0.2
LOG_LINES = 15
_PR_SET_PDEATHSIG = 1


class StopRequested(BaseException):
    """SIGINT or SIGTERM came."""


class ChildDiedError(Exception):
    """A child ended that should not have, or never became ready."""


def _die_with_parent() -> None:
    """In the child, before exec: have the kernel stop it when its parent is gone, even by SIGKILL."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _on_signal(_number: int, _frame: FrameType | None) -> NoReturn:
    # Only the first counts: while everything is being stopped, another Ctrl-C must not leave children behind.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise StopRequested


class Children:
    """The processes of one run. Each writes to `<folder>/<name>.log`, and is out of the terminal's reach for Ctrl-C."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        signal.signal(signal.SIGINT, _on_signal)
        signal.signal(signal.SIGTERM, _on_signal)

    def start(self, name: str, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start one, in a process group of its own, so that we alone decide the order in which they stop."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - this process has no threads
            )

    def check(self) -> None:
        """Raise `ChildDiedError` if one has ended; the message holds the end of its log."""
        for name, child in self._running.items():
            code = child.poll()
            if code is not None:
                log = self._log(name)
                last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
                raise ChildDiedError("\n  ".join([f"{name} ended with code {code}; the end of {log}:", *last]))

    def watch(self) -> NoReturn:
        """Watch until one ends or a signal comes."""
        while True:
            self.check()
            time.sleep(WATCH_EVERY_S)

    def stop(self) -> None:
        """Stop all, the last started first: SIGTERM, and SIGKILL to what has not ended in time."""
        for child in reversed(self._running.values()):
            child.terminate()
        deadline = time.monotonic() + STOP_WITHIN_S
        for child in reversed(self._running.values()):
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _log(self, name: str) -> Path:
        return self._folder / f"{name.replace(' ', '-')}.log"
