"""Specs of several files, folders and stdin on the command line."""

import json
from pathlib import Path

import pytest
from tests.command import run_cli
from tests.compiler.specs import SPEC


def endpoint(name: str) -> str:
    return SPEC.replace("name: chat", f"name: {name}")


def endpoints(table: Path) -> list[str]:
    return [one["name"] for one in json.loads(table.read_text())["endpoints"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "teams" / "b").mkdir(parents=True)
    (tmp_path / "teams" / ".git").mkdir()
    (tmp_path / "common.yaml").write_text("secrets: {stores: {main: {kind: env}}}\n")
    for name, path in {"a": "a.yaml", "b": "b/endpoints.yml", "hidden": ".git/x.yaml"}.items():
        (tmp_path / "teams" / path).write_text(endpoint(name))
    (tmp_path / "teams" / "README.md").write_text("# no spec\n")
    return tmp_path


def test_files_and_folders_are_one_spec(folder: Path) -> None:
    done = run_cli(folder, "compile", "common.yaml", "teams", "--offline")
    assert done.returncode == 0, done.stderr
    assert endpoints(folder / "endpoints.xmc.json") == ["a", "b"]
    assert done.stdout.startswith("compiled 2 endpoints, 2 served entities, sha256:")


def test_a_file_named_twice_is_read_once(folder: Path) -> None:
    done = run_cli(folder, "compile", "teams/a.yaml", "teams/", "./teams/a.yaml", "-o", "t.xmc.json", "--offline")
    assert done.returncode == 0, done.stderr
    assert endpoints(folder / "t.xmc.json") == ["a", "b"]


def test_a_collision_is_shown_with_both_places(folder: Path) -> None:
    (folder / "teams" / "c.yaml").write_text(endpoint("a"))
    done = run_cli(folder, "check", "teams", "--offline")
    assert done.returncode == 1
    assert "teams/c.yaml:2:11: error[XMC301]: the endpoint 'a' is defined twice\n" in done.stderr
    assert "  2 |   - name: a\n" in done.stderr
    assert "teams/a.yaml:2:11: first defined here\n" in done.stderr


def test_stdin_is_a_spec_and_its_table_needs_a_place(tmp_path: Path) -> None:
    assert run_cli(tmp_path, "check", "-", "--offline", stdin=SPEC).returncode == 0
    done = run_cli(tmp_path, "check", "-", "--offline", stdin="endpoints: [}\n")
    assert done.stderr.startswith("<stdin>:1:13: error[XMC101]: ")
    done = run_cli(tmp_path, "compile", "-", "--offline", stdin=SPEC)
    assert (done.returncode, done.stderr) == (
        2,
        "Error: - is not a regular file: say by -o where the table goes\n",
    )
    done = run_cli(tmp_path, "compile", "-", "--offline", "-o", "t.xmc.json", stdin=SPEC)
    assert (done.returncode, endpoints(tmp_path / "t.xmc.json")) == (0, ["chat"])


def test_no_name_stands_for_endpoints_yaml(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "check", "--offline")
    assert (done.returncode, done.stderr) == (2, "Error: cannot read endpoints.yaml: No such file or directory\n")
    (tmp_path / "endpoints.yaml").write_text(SPEC)
    assert run_cli(tmp_path, "compile", "--offline").returncode == 0
    assert endpoints(tmp_path / "endpoints.xmc.json") == ["chat"]


def test_a_folder_without_specs_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run_cli(tmp_path, "check", "empty")
    assert (done.returncode, done.stderr) == (2, "Error: the folder empty holds no *.yaml or *.yml file\n")
