"""`xmc plan` and `xmc graph` as a user meets them."""

import json
from pathlib import Path

import pytest
from tests.command import run_cli
from tests.compiler.specs import SPEC

from xmc.cli.exit_code import ExitCode

OTHER = SPEC.replace("gpt-4o", "gpt-5")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "old.yaml").write_text(SPEC)
    (tmp_path / "new.yaml").write_text(OTHER)
    return tmp_path


def test_two_specs(folder: Path) -> None:
    done = run_cli(folder, "plan", "old.yaml", "new.yaml")
    assert (done.returncode, done.stderr) == (ExitCode.CHANGED, "")
    assert 'main: model "gpt-4o" -> "gpt-5"' in done.stdout
    assert sorted(path.name for path in folder.iterdir()) == ["new.yaml", "old.yaml"]


def test_no_change(folder: Path) -> None:
    (folder / "new.yaml").write_text("# a comment means nothing\n" + SPEC)
    for form, said in (
        ("human", "no change in meaning\n"),
        ("markdown", "**Routing table**: no change in meaning.\n"),
    ):
        done = run_cli(folder, "plan", "old.yaml", "new.yaml", "--format", form)
        assert (done.returncode, done.stdout, done.stderr) == (ExitCode.CLEAN, said, "")
    done = run_cli(folder, "plan", "old.yaml", "new.yaml", "--format", "json")
    assert done.returncode == ExitCode.CLEAN
    assert (json.loads(done.stdout)["changed"], json.loads(done.stdout)["changes"]) == (False, [])


def test_a_table_and_its_spec_mean_the_same(folder: Path) -> None:
    assert run_cli(folder, "compile", "old.yaml", "--offline").returncode == 0
    assert run_cli(folder, "plan", "old.xmc.json", "old.yaml").returncode == ExitCode.CLEAN
    assert run_cli(folder, "plan", "old.xmc.json", "new.yaml").returncode == ExitCode.CHANGED
    (folder / "old.xmc.json").rename(folder / "table.json")
    assert run_cli(folder, "plan", "table.json", "old.yaml").returncode == ExitCode.CLEAN


def test_json_is_one_document_with_exact_shares(folder: Path) -> None:
    done = run_cli(folder, "plan", "old.yaml", "new.yaml", "--format", "json")
    document = json.loads(done.stdout)
    assert list(document) == ["changed", "counts", "changes", "traffic"]
    (model,) = [change for change in document["changes"] if change["path"][-1] == "model"]
    assert model == {
        "path": ["endpoints", "chat", "entities", "main", "target", "model"],
        "kind": "changed",
        "risk": "answers",
        "text": 'main: model "gpt-4o" -> "gpt-5"',
        "old": "gpt-4o",
        "new": "gpt-5",
    }


def test_warnings_of_a_spec_go_to_stderr(folder: Path) -> None:
    (folder / "new.yaml").write_text(SPEC.replace("  - name: chat\n", "  - name: chat\n    route_optimized: true\n"))
    done = run_cli(folder, "plan", "old.yaml", "new.yaml")
    assert done.stdout == "no change in meaning\n"
    assert "warning[" in done.stderr


@pytest.mark.parametrize(
    "command", [["plan", "old.yaml", "bad.yaml"], ["plan", "bad.yaml", "old.yaml"], ["graph", "bad.yaml"]]
)
def test_a_spec_that_does_not_compile(folder: Path, command: list[str]) -> None:
    (folder / "bad.yaml").write_text(SPEC.replace("provider: openai", "provider: opnai"))
    done = run_cli(folder, *command)
    assert (done.returncode, done.stdout) == (ExitCode.DIAGNOSTICS, "")
    assert "bad.yaml:8:" in done.stderr


@pytest.mark.parametrize("command", [["plan", "old.yaml", "old.xmc.json"], ["graph", "old.xmc.json"]])
def test_a_table_that_was_tampered_with(folder: Path, command: list[str]) -> None:
    assert run_cli(folder, "compile", "old.yaml", "--offline").returncode == 0
    table = folder / "old.xmc.json"
    table.write_bytes(table.read_bytes().replace(b"gpt-4o", b"gpt-4x"))
    done = run_cli(folder, *command)
    assert (done.returncode, done.stdout) == (ExitCode.DIAGNOSTICS, "")
    assert done.stderr.startswith("xmc: old.xmc.json: the digest does not fit")


@pytest.mark.parametrize("command", [["plan", "old.yaml"], ["plan", "old.yaml", "olt.yaml"], ["graph", "olt.yaml"]])
def test_usage(folder: Path, command: list[str]) -> None:
    assert run_cli(folder, *command).returncode == ExitCode.USAGE


def test_a_typed_in_value_is_in_no_form(folder: Path) -> None:
    old = SPEC.replace('openai_api_key: "{{secrets/openai/key}}"', "openai_api_key_plaintext: marker-0-of-the-test")
    (folder / "old.yaml").write_text(old)
    (folder / "new.yaml").write_text(old.replace("marker-0", "marker-1").replace("gpt-4o", "gpt-5"))
    for form in ("human", "json", "markdown"):
        done = run_cli(folder, "plan", "old.yaml", "new.yaml", "--format", form)
        assert done.returncode == ExitCode.CHANGED
        assert "marker-" not in done.stdout + done.stderr


def test_a_graph(folder: Path) -> None:
    (folder / "endpoints.yaml").write_text(
        SPEC + SPEC.removeprefix("endpoints:\n").replace("name: chat", "name: other")
    )
    whole = run_cli(folder, "graph")
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout.startswith('flowchart LR\n  endpoint1(["chat<br/>llm/v1/chat"])\n')
    one = run_cli(folder, "graph", "endpoints.yaml", "--endpoint", "other").stdout
    assert ('["other' in one, '["chat' in one) == (True, False)


def test_a_graph_of_an_endpoint_that_there_is_not(folder: Path) -> None:
    done = run_cli(folder, "graph", "old.yaml", "-e", "chta")
    assert done.returncode == ExitCode.USAGE
    assert "there is no endpoint chta; did you mean chat?" in " ".join(done.stderr.split())
