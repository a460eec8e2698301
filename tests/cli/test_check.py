"""`xmc check` and `xmc explain` as a user meets them."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.command import run_cli
from tests.compiler.specs import CASES, SPEC, expected

from xmc.compiler import CODES

BAD = SPEC.replace("provider: openai", "provider: opnai").replace("task: llm/v1/chat", "task: llm/v1/chats")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "my specs.yaml"
    path.write_text(SPEC)
    return path


def test_a_clean_spec_leaves_nothing_behind(spec: Path) -> None:
    done = run_cli(spec.parent, "check", spec.name, "--offline")
    assert done.returncode == 0
    assert [path.name for path in spec.parent.iterdir()] == [spec.name]


def test_it_says_what_a_compile_says(spec: Path) -> None:
    spec.write_text(BAD)
    checked, compiled = (run_cli(spec.parent, command, spec.name, "--offline") for command in ("check", "compile"))
    assert checked.returncode == 1
    assert (checked.returncode, checked.stdout, checked.stderr) == (compiled.returncode, "", compiled.stderr)


def test_json_is_one_document_on_stdout_also_where_all_is_well(spec: Path) -> None:
    done = run_cli(spec.parent, "check", spec.name, "--offline", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["errors"] == 0


def sarif(folder: Path, name: str) -> dict[str, Any]:
    done = run_cli(folder, "check", name, "--offline", "--format", "sarif")
    assert done.stderr == ""
    log: dict[str, Any] = json.loads(done.stdout)
    return log


def test_sarif_has_a_result_for_each_diagnostic_and_a_rule_for_each_code(spec: Path) -> None:
    spec.write_text(BAD)
    log = sarif(spec.parent, spec.name)
    (run,) = log["runs"]
    assert (log["version"], run["tool"]["driver"]["name"], run["columnKind"]) == ("2.1.0", "xmc", "unicodeCodePoints")
    told = json.loads(run_cli(spec.parent, "check", spec.name, "--offline", "--format", "json").stdout)["diagnostics"]
    assert [one["ruleId"] for one in run["results"]] == [one["code"] for one in told]
    for result, one in zip(run["results"], told, strict=True):
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert (rule["id"], rule["shortDescription"]["text"]) == (one["code"], one["title"])
        assert result["level"] == one["severity"]
        assert one["message"] in result["message"]["text"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "my%20specs.yaml"
        region, span = place["physicalLocation"]["region"], one["span"]
        assert [region[name] for name in ("startLine", "startColumn", "endLine", "endColumn")] == [
            span[name] for name in ("line", "column", "end_line", "end_column")
        ]


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda case: case.stem)
def test_every_case_can_be_told_in_sarif(case: Path) -> None:
    log = sarif(case.parent, case.name)
    levels = [(one["level"], one["ruleId"]) for one in log["runs"][0]["results"]]
    wanted = [tuple(line.split()[1:3]) for line in expected(case)]
    assert [one for one in levels if one[1] != "XMC515"] == wanted
    assert all(one.get("relatedLocations", [1]) for one in log["runs"][0]["results"])


@pytest.mark.parametrize("written", ["XMC303", "xmc303", "303"])
def test_the_page_of_a_code(tmp_path: Path, written: str) -> None:
    done = run_cli(tmp_path, "explain", written)
    assert done.returncode == 0
    assert done.stdout.startswith("# XMC303: traffic is not 100 percent\n")
    assert "## Reported" in done.stdout


def test_every_code_is_listed_and_has_a_page(tmp_path: Path) -> None:
    lines = run_cli(tmp_path, "explain").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(CODES)
    for code, known in CODES.items():
        assert run_cli(tmp_path, "explain", code).stdout.startswith(f"# {code}: {known.title}\n")


@pytest.mark.parametrize(
    ("written", "said"), [("XMC3O3", "did you mean XMC3"), ("nothing-like-it", "`xmc explain` lists all")]
)
def test_a_code_that_there_is_not(tmp_path: Path, written: str, said: str) -> None:
    done = run_cli(tmp_path, "explain", written)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_a_mistyped_command_is_suggested(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "complie", "endpoints.yaml")
    assert (done.returncode, "No such command 'complie'. Did you mean 'compile'?" in done.stderr) == (2, True)
    assert "Did you mean" not in run_cli(tmp_path, "frobnicate").stderr
