"""The example plugin as its author and its users have it: installed as a package, tested, compiled, served."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from openai import AsyncOpenAI, AuthenticationError, PermissionDeniedError
from tests.clients.gateway import XMC, serving
from tests.simulators.answer_box import simulator

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "examples" / "plugin"
SECRET = "canary-" + "b" * 24


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Install the package into a folder of its own; return the environment in which it is found."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "install"]
    command = [*pip, "--no-deps", "--no-build-isolation", "--no-index", "--target", str(folder), str(PACKAGE)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return {**os.environ, "PYTHONPATH": str(folder), "BOX_SECRET": SECRET}


def run(environ: Mapping[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=dict(environ), capture_output=True, text=True, timeout=120, check=False, cwd=PACKAGE
    )


def test_it_is_listed(environ: Mapping[str, str]) -> None:
    done = run(environ, XMC, "plugins")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("answer-box ")]
    assert "xmc-answer-box 1.0.0, contract 1: provider answer-box (llm/v1/chat, llm/v1/embeddings); " in line
    assert "authentication scheme answer-box-hmac" in line


def test_it_passes_the_kit(environ: Mapping[str, str]) -> None:
    done = run(environ, XMC, "plugins", "test", "answer-box")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1].endswith(" checks, 0 failed")
    assert all(line.startswith("passed ") for line in lines[:-1])  # nothing in it is not applicable


def test_its_own_tests_pass(environ: Mapping[str, str]) -> None:
    done = run(
        environ,
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        ".",
        "-c",
        os.devnull,
        "tests",
    )
    assert done.returncode == 0, done.stdout


def test_its_spec_compiles(environ: Mapping[str, str], tmp_path: Path) -> None:
    done = run(environ, XMC, "compile", "endpoints.yaml", "-o", str(tmp_path / "table.xmc.json"))
    assert (done.returncode, done.stderr) == (0, "")
    assert SECRET not in (tmp_path / "table.xmc.json").read_text()


def test_without_it_the_spec_is_an_error(tmp_path: Path) -> None:
    done = run(os.environ, XMC, "compile", "endpoints.yaml", "-o", str(tmp_path / "table.xmc.json"))
    assert done.returncode == 1
    assert "XMC405" in done.stderr


async def test_openais_client_talks_to_the_server_through_it(environ: Mapping[str, str], tmp_path: Path) -> None:
    async with simulator(SECRET.encode()) as box:
        spec: dict[str, Any] = yaml.safe_load((PACKAGE / "endpoints.yaml").read_text())
        for endpoint in spec["endpoints"]:
            endpoint["config"]["served_entities"][0]["external_model"]["answer_box_config"]["url"] = box.url
        gateway = serving(spec, tmp_path, environ)
        url, _ = await asyncio.to_thread(gateway.__enter__)
        try:
            async with AsyncOpenAI(base_url=f"{url}/serving-endpoints", api_key="none", max_retries=0) as client:
                ask: Any = {"model": "questions", "messages": [{"role": "user", "content": "why?"}]}
                whole = await client.chat.completions.create(**ask)
                stream = await client.chat.completions.create(
                    **ask, stream=True, stream_options={"include_usage": True}
                )
                chunks = [chunk async for chunk in stream]
                rows = await client.embeddings.create(model="vectors", input=["one", "two words"])
                box.secret = b"another"
                with pytest.raises((PermissionDeniedError, AuthenticationError)) as refused:
                    await client.chat.completions.create(**ask)
        finally:
            await asyncio.to_thread(gateway.__exit__, None, None, None)
    assert whole.choices[0].message.content == "You asked: why?"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "You asked: why?"
    assert chunks[-1].usage is not None
    assert [row.embedding for row in rows.data] == [[3.0], [3.0, 5.0]]
    assert refused.value.status_code == 403
    assert SECRET not in (tmp_path / "serve.out").read_text() + (tmp_path / "access.log").read_text()
