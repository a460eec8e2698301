"""What the kernel says about processes and cores: CPU time, memory, who else was busy. Linux only."""

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


class UnfitMachineError(Exception):
    """This machine lacks something that measuring needs; the message says what to do."""


def process_tree(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                parent = int(_stat(int(entry.name))[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def cpu_s(pids: Sequence[int]) -> float:
    """Return user + system time so far, from the scheduler's nanoseconds (`stat` counts in steps of 10 ms)."""
    total_ns = 0
    for pid in pids:
        for thread in (PROC / str(pid) / "task").iterdir():
            total_ns += int((thread / "schedstat").read_text().split()[0])
    return total_ns / 1e9


def memory_bytes(pids: Sequence[int]) -> int:
    """Return the private memory of processes: pages that nobody else has, so that shared libraries do not count."""
    total_kb = 0
    for pid in pids:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                total_kb += int(line.split()[1])
    return total_kb * 1024


def open_files(pids: Sequence[int]) -> int:
    """Return how many file descriptors processes hold."""
    return sum(len(list((PROC / str(pid) / "fd").iterdir())) for pid in pids)


def core_busy_s(core: int) -> float:
    """Return how long a core has been busy since boot, with whatever work."""
    for line in (PROC / "stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            ticks = [int(field) for field in line.split()[1:9]]
            return (sum(ticks) - ticks[3] - ticks[4]) / TICKS_PER_S
    message = f"no core {core}"
    raise LookupError(message)


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """Return once something accepts connections.

    Raises:
        RuntimeError: the process ended, or the time is over.
    """
    until = time.monotonic() + timeout_s
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    state = "still running" if process.poll() is None else f"ended with {process.returncode}"
    raise RuntimeError(f"nothing listens on port {port} (process {state})")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that we started: politely, then not."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def _stat(pid: int) -> list[str]:
    # The second field is the command in parentheses and may hold spaces: everything after it.
    return (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()
