"""Two ways to tell what work cost: CPU time, and user-mode instructions counted under valgrind's callgrind.

CPU time is the truth, kernel included, and moves by a tenth or more on a machine that others use. Instructions repeat
within a few percent whatever else runs, at a fiftieth of the speed; they leave the kernel's share out, which is about
the same for every subject, so that their ratios are further from 1 than those of CPU time.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tests.bench.machine import cpu_s


class Meter(Protocol):
    """A running count of what processes have cost; only differences mean anything."""

    unit: str
    prefix: tuple[str, ...]
    """What a subject's command line must begin with, so that it can be metered."""

    def read(self, pids: Sequence[int]) -> float:
        """Return the cost so far."""
        ...


class CpuMeter:
    """User and system time, in µs."""

    unit: str = "µs"
    prefix: tuple[str, ...] = ()

    def read(self, pids: Sequence[int]) -> float:
        return cpu_s(pids) * 1e6


class InstructionMeter:
    """User-mode instructions, in thousands. Each reading makes callgrind write what came since the last one."""

    unit: str = "k instructions"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._so_far: dict[int, float] = {}
        output = f"--callgrind-out-file={folder}/%p"
        self.prefix: tuple[str, ...] = ("valgrind", "--tool=callgrind", "-q", "--trace-children=yes", output)

    @staticmethod
    def is_available() -> bool:
        return shutil.which("valgrind") is not None

    def read(self, pids: Sequence[int]) -> float:
        return sum(self._read(pid) for pid in pids) / 1000

    def _read(self, pid: int) -> float:
        subprocess.run(["callgrind_control", "-d", "reading", str(pid)], check=True, capture_output=True, timeout=60)
        for dump in self._folder.glob(f"{pid}.*"):
            for line in dump.read_text().splitlines():
                if line.startswith("totals:"):
                    self._so_far[pid] = self._so_far.get(pid, 0) + int(line.split()[1])
            dump.unlink()
        return self._so_far.get(pid, 0)
