"""`xmc serve` by its command line: what it serves, how it refuses, what it becomes."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.command import run_cli

pytestmark = pytest.mark.process

CANARY = "canary-" + "q" * 24
XMC = Path(sys.executable).with_name("xmc")

SPEC = f"""\
endpoints:
- name: chat
  served_entities:
  - name: one
    external_model:
      name: some-model
      provider: openai
      task: llm/v1/chat
      openai_config:
        openai_api_base: http://127.0.0.1:9/v1
        openai_api_key_plaintext: {CANARY}
"""


def xmc(folder: Path, *words: str, environ: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [XMC, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **(environ or {})},
    )


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[tuple["subprocess.Popen[str]", str, list[str]]]:
    """Start `xmc serve` and yield the process, its URL and stderr so far; ends it by SIGTERM and checks that."""
    errors = folder / "stderr"
    with errors.open("w") as err:
        process = subprocess.Popen(
            [XMC, "serve", *words, "--port", "0"], cwd=folder, stdout=subprocess.PIPE, stderr=err, text=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.match(r"listening on (http://127\.0\.0\.1:\d+) ", line)
        assert found is not None, line + errors.read_text()
        yield process, found[1], errors.read_text().splitlines()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def endpoints_at(url: str) -> list[str]:
    with urllib.request.urlopen(f"{url}/api/2.0/serving-endpoints", timeout=5) as reply:  # noqa: S310 - our own
        text = reply.read().decode()
    assert CANARY not in text
    return [endpoint["name"] for endpoint in json.loads(text)["endpoints"]]


def test_a_spec_is_compiled_in_memory_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "endpoints.yaml").write_text(SPEC)
    with serving(tmp_path) as (process, url, said):
        assert endpoints_at(url) == ["chat"]
        arguments = Path(f"/proc/{process.pid}/cmdline").read_text()
        opened = [str(link.readlink()) for link in Path(f"/proc/{process.pid}/fd").iterdir()]
    assert CANARY not in arguments
    assert not [name for name in opened if "memfd" in name]
    assert any("warning" in line for line in said)
    assert CANARY not in "".join(said)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["endpoints.yaml", "stderr"]


def test_a_compiled_table_is_found_and_served_with_its_secrets(tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text(SPEC)
    assert xmc(tmp_path, "compile", "e.yaml").returncode == 0
    with serving(tmp_path) as (_, url, said):
        assert endpoints_at(url) == ["chat"]
    assert said == []


def test_options_reach_the_process(tmp_path: Path) -> None:
    (tmp_path / "endpoints.yaml").write_text(SPEC)
    log = tmp_path / "requests.log"
    with serving(tmp_path, "endpoints.yaml", "--access-log", str(log), "--log-format", "human") as (_, url, _):
        endpoints_at(url)
    assert re.fullmatch(r"\S+ 200 ok GET /api/2\.0/serving-endpoints .*\n", log.read_text())


@pytest.fixture
def no_serving(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes on to serve would replace the process of the tests."""
    monkeypatch.setattr("os.execv", lambda *_: pytest.fail("it went on to serve"))


@pytest.mark.usefixtures("no_serving")
@pytest.mark.parametrize(
    ("files", "words", "code", "says"),
    [
        ({}, [], 2, "name a routing table or a spec"),
        ({"a.xmc.json": "{}", "b.xmc.json": "{}"}, [], 2, "a.xmc.json, b.xmc.json"),
        ({}, ["gone.yaml"], 2, "gone.yaml"),
        ({"endpoints.yaml": SPEC}, ["--port", "70000"], 2, "70000"),
        ({"endpoints.yaml": "endpoints:\n- nme: x\n"}, [], 1, "endpoints.yaml:2:3"),
        ({"endpoints.yaml": "endpoints: ["}, [], 1, "endpoints.yaml:2:1"),
        (
            {"endpoints.yaml": SPEC.replace(f"key_plaintext: {CANARY}", 'key: "{{secrets/a/b}}"')},
            [],
            4,
            "127.0.0.1:9",
        ),
    ],
)
def test_refusals_before_the_process_is_another(
    tmp_path: Path, files: dict[str, str], words: list[str], code: int, says: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    ran = run_cli(tmp_path, "serve", *words, VAULT_ADDR="http://127.0.0.1:9", VAULT_TOKEN="not-a-token")
    assert ran.returncode == code, ran.stderr
    assert says in ran.stderr
    assert ran.stdout == ""
    assert CANARY not in ran.stderr


@pytest.mark.parametrize(
    ("files", "words", "code", "says"),
    [
        ({"endpoints.yaml": SPEC}, ["--host", "0.0.0.0"], 2, "--insecure-no-auth"),  # noqa: S104 - what is refused
        ({"a.xmc.json": "{}"}, [], 1, "a.xmc.json"),
        ({}, ["gone.xmc.json"], 2, "cannot read gone.xmc.json"),
    ],
)
def test_refusals_of_the_serving_process(
    tmp_path: Path, files: dict[str, str], words: list[str], code: int, says: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    ran = xmc(tmp_path, "serve", *words)
    assert ran.returncode == code, ran.stderr
    assert says in ran.stderr
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr
    assert CANARY not in ran.stderr


def test_a_fault_of_our_own_is_one_line_as_it_is_in_a_compile(tmp_path: Path) -> None:
    (tmp_path / "endpoints.yaml").write_text(SPEC)
    (tmp_path / "sitecustomize.py").write_text(
        "import xmc.compiler.compile as module\n"
        f"def check(*arguments): raise RuntimeError({CANARY!r})\n"
        "module.check = check\n"
    )
    ran = xmc(tmp_path, "serve", environ={"PYTHONPATH": str(tmp_path)})
    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr.startswith("endpoints.yaml:1:1: error[XMC901]: internal error (RuntimeError)")
    assert "Traceback" not in ran.stderr
    assert CANARY not in ran.stderr


def test_the_help_has_examples_and_exit_codes() -> None:
    said = xmc(Path.cwd(), "serve", "--help").stdout
    assert "xmc serve endpoints.xmc.json --port 9000" in said
    assert "4 secret store unreachable" in said


def test_a_module_in_the_users_folder_shadows_nothing(tmp_path: Path) -> None:
    (tmp_path / "endpoints.yaml").write_text(SPEC)
    (tmp_path / "msgspec.py").write_text("raise SystemExit('shadowed')\n")
    with serving(tmp_path) as (_, url, _):
        assert endpoints_at(url) == ["chat"]
