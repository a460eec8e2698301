"""`--set` and `--values` on every command that compiles a spec."""

import json
from pathlib import Path

import pytest
from tests.command import run_cli
from tests.compiler.specs import SPEC

BY_NAME = (
    "vars: {model: , share: 1}\n" + SPEC.replace("gpt-4o", '"{{ model }}"') + '    description: "{{ share }} of 2"\n'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "endpoints.yaml").write_text(BY_NAME)
    (tmp_path / "live.yaml").write_text("model: gpt-4o\nshare: 2\n")
    return tmp_path


def endpoint(folder: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((folder / "endpoints.xmc.json").read_text())["endpoints"][0]["document"]
    return document


def test_a_table_holds_what_was_given(folder: Path) -> None:
    done = run_cli(folder, "compile", "--offline", "--values", "live.yaml", "--set", "share=7")
    assert done.returncode == 0, done.stderr
    assert endpoint(folder)["description"] == "7 of 2"
    assert "gpt-4o" in json.dumps(endpoint(folder))


@pytest.mark.parametrize("command", ["check", "compile"])
def test_without_a_value_the_place_that_needs_it_is_shown(folder: Path, command: str) -> None:
    done = run_cli(folder, command, "--offline")
    assert done.returncode == 1
    assert done.stderr.startswith("endpoints.yaml:8:23: error[XMC224]: the variable 'model' has no value\n")
    assert "hint: give it one: --set model=…\n" in done.stderr
    assert run_cli(folder, command, "--offline", "--set", "model=gpt-4o").returncode == 0


def test_a_value_for_nothing_is_an_error(folder: Path) -> None:
    done = run_cli(folder, "check", "--offline", "--set", "model=m", "--set", "shaer=1")
    assert done.returncode == 1
    assert "endpoints.yaml:1:1: error[XMC225]: a value is given for 'shaer'" in done.stderr
    assert "did you mean 'share'?" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--set", "model"), 2, "a value is given as name=value"),
        (("--values", "absent.yaml"), 2, "cannot read absent.yaml"),
        (("--values", "broken.yaml"), 1, "broken.yaml:1:4: error[XMC101]"),
    ],
)
def test_what_cannot_be_read_is_said(folder: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    (folder / "broken.yaml").write_text("a: }\n")
    done = run_cli(folder, "check", "--offline", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


@pytest.mark.parametrize("command", [("serve", "t.xmc.json"), ("probe", "--from", "t.xmc.json")])
def test_a_table_has_no_variables_left(folder: Path, command: tuple[str, ...]) -> None:
    compiled = run_cli(folder, "compile", "--offline", "--values", "live.yaml", "-o", "t.xmc.json")
    assert compiled.returncode == 0
    done = run_cli(folder, *command, "--set", "model=m")
    assert done.returncode == 2
    assert "t.xmc.json is a routing table: --set and --values are for specs" in done.stderr


def test_a_file_of_values_is_not_shown(folder: Path) -> None:
    (folder / "broken.yaml").write_text("any: c4n4ry\nany: {{c4n4ry}}\n")
    done = run_cli(folder, "check", "--offline", "--values", "broken.yaml")
    assert done.returncode == 1
    assert "broken.yaml:2:1: error[XMC102]" in done.stderr
    assert "c4n4ry" not in done.stderr
