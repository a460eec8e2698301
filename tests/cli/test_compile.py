"""`xmc compile` as a user meets it: what it prints, writes and returns."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.command import Ran, run_cli
from tests.compiler.specs import SPEC

from xmc.schema import decode_table

TYPED_IN = SPEC.replace('openai_api_key: "{{secrets/openai/key}}"', "openai_api_key_plaintext: c4n4ry-value")
ENV_STORE = "secrets: {stores: {main: {kind: env}}}\n"


XMC = (sys.executable, "-c", "from xmc.cli import main; main()")


def run(folder: Path, *arguments: str, **environ: str) -> Ran:
    """Run `xmc compile` in this process."""
    return run_cli(folder, "compile", *arguments, **environ)


def run_alone(folder: Path, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run `xmc compile` as a process of its own."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environ}
    command = [*XMC, "compile", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "endpoints.yaml"
    path.write_text(SPEC)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_clean_spec_gives_a_table_beside_it(spec: Path) -> None:
    done = run(spec.parent, "endpoints.yaml", "--offline", "-v")
    assert (done.returncode, done.stderr.count("\n")) == (0, 3)
    assert done.stderr.startswith("endpoints.yaml:11:31: note[XMC515]: ")
    table = decode_table((spec.parent / "endpoints.xmc.json").read_bytes())
    first, upstream, worst = done.stdout.splitlines()
    assert first == (
        f"compiled 1 endpoint, 1 served entity, {table.digest}: endpoints.xmc.json, endpoints.xmc.lock.json"
    )
    assert upstream == "  chat/main 100% llm/v1/chat -> https://api.openai.com/v1/chat/completions, region unknown"
    assert worst == "  chat: at most 1 attempt, 600 s, 1 upstream call"
    assert names(spec.parent) == ["endpoints.xmc.json", "endpoints.xmc.lock.json", "endpoints.yaml"]


def test_a_reference_is_proven(spec: Path) -> None:
    spec.write_text(ENV_STORE + SPEC)
    missing = run(spec.parent, "endpoints.yaml")
    assert missing.returncode == 1
    assert missing.stderr.startswith("endpoints.yaml:12:31: error[XMC510]: ")
    assert names(spec.parent) == ["endpoints.yaml"]
    proven = run(spec.parent, "endpoints.yaml", OPENAI_KEY="c4n4ry-value")
    assert proven.returncode == 0
    assert "c4n4ry" not in proven.stdout + proven.stderr


def test_an_unreachable_store_has_an_exit_code_of_its_own(spec: Path) -> None:
    done = run(spec.parent, "endpoints.yaml", VAULT_ADDR="http://127.0.0.1:1", VAULT_TOKEN="x", VAULT_MAX_RETRIES="0")
    assert done.returncode == 4
    assert "endpoints.yaml:11:31: error[XMC512]: " in done.stderr
    assert "Traceback" not in done.stderr
    assert names(spec.parent) == ["endpoints.yaml"]


def test_diagnostics_are_on_stderr_and_nothing_is_written(spec: Path) -> None:
    spec.write_text(SPEC.replace("task:", "tsk:"))
    old = spec.with_name("endpoints.xmc.json")
    old.write_text("the old table")
    done = run(spec.parent, "endpoints.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("endpoints.yaml:9:13: error[XMC201]: unknown key `tsk`")
    assert "\x1b" not in done.stderr
    assert old.read_text() == "the old table"
    assert names(spec.parent) == ["endpoints.xmc.json", "endpoints.yaml"]


@pytest.mark.parametrize(
    ("environ", "colored"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": ""}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours_are_the_users_choice(spec: Path, environ: dict[str, str], colored: bool) -> None:
    spec.write_text(SPEC.replace("task:", "tsk:"))
    assert ("\x1b[1;31m" in run(spec.parent, "endpoints.yaml", **environ).stderr) is colored


def test_json_form(spec: Path) -> None:
    done = run(spec.parent, "endpoints.yaml", "--offline", "--format", "json", "-o", "out.xmc.json")
    assert [one["code"] for one in json.loads(done.stderr)["diagnostics"]] == ["XMC515"]
    summary = json.loads(done.stdout)
    assert summary["files"] == ["out.xmc.json", "out.xmc.lock.json"]
    assert summary["endpoints"] == summary["entities"] == 1
    assert summary["digest"] == decode_table((spec.parent / "out.xmc.json").read_bytes()).digest


def test_typed_in_values_go_to_a_private_file_with_a_warning(spec: Path) -> None:
    spec.write_text(TYPED_IN)
    done = run(spec.parent, "endpoints.yaml")
    assert done.returncode == 0
    assert "endpoints.yaml:11:41: warning[XMC503]: " in done.stderr
    assert '"{{secrets/openai/openai_api_key}}"' in done.stderr
    private = spec.with_name("endpoints.xmc.secrets")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    public = [path for path in spec.parent.iterdir() if path not in (private, spec)]
    shown = done.stdout + done.stderr + "".join(path.read_text() for path in public)
    assert "c4n4ry" in private.read_text()
    assert "c4n4ry" not in shown


def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path) -> None:
    for name, reason in [("absent.yaml", "No such file"), (".", "holds no *.yaml")]:
        done = run(tmp_path, name)
        assert (done.returncode, done.stdout) == (2, "")
        assert reason in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_place_that_cannot_be_written_is_a_usage_error(spec: Path) -> None:
    spec.with_name("link.yaml").symlink_to(spec)
    for place, reason in [
        ("no/such/folder.xmc.json", "there is no folder no/such"),
        (".", "is a folder"),
        ("/dev/null", "not a regular file"),
        ("endpoints.yaml", "the spec itself"),
        ("link.yaml", "the spec itself"),
    ]:
        done = run(spec.parent, "endpoints.yaml", "--offline", "-o", place)
        assert done.returncode == 2
        assert reason in done.stderr
        assert "Traceback" not in done.stderr
        assert names(spec.parent) == ["endpoints.yaml", "link.yaml"]
        assert spec.read_text() == SPEC


def test_a_missing_file_is_asked_about(spec: Path) -> None:
    done = run(spec.parent, "endpoint.yaml")
    assert done.returncode == 2
    assert done.stderr == "Error: cannot read endpoint.yaml: No such file or directory; did you mean endpoints.yaml?\n"


def test_a_pipe_is_compiled_where_it_is_said_to_what(spec: Path) -> None:
    pipe = spec.with_name("pipe")
    os.mkfifo(pipe)
    done = run(spec.parent, "pipe", "--offline")
    assert (done.returncode, done.stderr) == (2, "Error: pipe is not a regular file: say by -o where the table goes\n")
    writer = threading.Thread(target=pipe.write_text, args=(SPEC,))
    writer.start()
    assert run(spec.parent, "pipe", "--offline", "-o", "t.xmc.json").returncode == 0
    writer.join()


def test_a_reader_who_leaves_is_no_fault_and_a_full_disk_is_one_line(spec: Path) -> None:
    command = [*XMC, "compile", "endpoints.yaml", "--offline"]
    there, here = os.pipe()
    os.close(there)
    gone = subprocess.run(command, cwd=spec.parent, stdout=here, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(here)
    assert (gone.returncode, gone.stderr.count(b"Error"), gone.stderr.count(b"rror")) == (0, 0, 0)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=spec.parent, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith(b"\nError: cannot write to stdout: No space left on device\n")
    assert b"Traceback" not in done.stderr


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    child = subprocess.Popen(
        [*XMC, "compile", "pipe", "--offline", "-o", "t.xmc.json"], cwd=tmp_path, stderr=subprocess.PIPE
    )
    with pipe.open("w"):  # returns when the command reads
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=20)
    assert (child.returncode, said) == (1, b"\nAborted!\n")
    assert names(tmp_path) == ["pipe"]


def test_a_file_of_65_mb_is_one_diagnostic(tmp_path: Path) -> None:
    with (tmp_path / "big.yaml").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    done = run(tmp_path, "big.yaml")
    assert done.returncode == 1
    assert done.stderr.startswith("big.yaml:1:1: error[XMC108]: ")


def test_a_fault_of_our_own_is_one_line(spec: Path) -> None:
    (spec.parent / "sitecustomize.py").write_text(
        "import xmc.compiler.compile as module\n"
        "def check(*arguments): raise RuntimeError('c4n4ry')\n"
        "module.check = check\n"
    )
    done = run_alone(spec.parent, "endpoints.yaml", PYTHONPATH=str(spec.parent))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("endpoints.yaml:1:1: error[XMC901]: internal error (RuntimeError)")
    assert "Traceback" not in done.stderr
    assert "c4n4ry" not in done.stderr
    loud = run_alone(spec.parent, "endpoints.yaml", PYTHONPATH=str(spec.parent), XMC_DEBUG="1")
    assert loud.returncode != 0
    assert "Traceback" in loud.stderr
    assert not (spec.parent / "endpoints.xmc.json").exists()


def test_help_shows_examples(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    assert "xmc compile endpoints.yaml" in done.stdout
    assert "Exit codes" in done.stdout
