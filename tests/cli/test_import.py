"""`xmc import` as a user meets it."""

import json
from pathlib import Path

import pytest
from tests.command import run_cli
from tests.imports.fixtures import FOLDER

INPUT = """\
model_list:
  - model_name: chat
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(INPUT)
    return path


def test_a_whole_import_is_clean_and_its_spec_passes_a_check(config: Path) -> None:
    done = run_cli(config.parent, "import", "litellm", "config.yaml", "-o", "endpoints.yaml")
    assert (done.returncode, done.stdout) == (0, "")
    assert "3 keys: 0 lost" in done.stderr
    checked = run_cli(config.parent, "check", "endpoints.yaml", OPENAI_API_KEY="any")
    assert checked.returncode == 0, checked.stderr


def test_without_an_output_the_spec_is_on_stdout(config: Path) -> None:
    done = run_cli(config.parent, "import", "litellm", "config.yaml")
    assert done.stdout.startswith("# yaml-language-server: $schema=xmc.schema.json\n")


def test_a_loss_is_exit_code_one_and_the_spec_is_written(config: Path) -> None:
    config.write_text(INPUT + "guardrails: [{guardrail_name: pii}]\n")
    done = run_cli(config.parent, "import", "litellm", "config.yaml", "-o", "endpoints.yaml")
    assert done.returncode == 1
    assert (config.parent / "endpoints.yaml").exists()
    assert "guardrails[0].guardrail_name" in done.stderr


def test_reports_by_suffix(config: Path) -> None:
    for name in ("report.json", "report.md"):
        done = run_cli(config.parent, "import", "litellm", "config.yaml", "--report", name)
        assert (done.returncode, done.stderr) == (0, "")
    report = json.loads((config.parent / "report.json").read_text())
    assert report["counts"]["keys"] == len(report["keys"]) == 3
    assert (config.parent / "report.md").read_text().startswith("# Import of config.yaml\n")


@pytest.mark.parametrize("kind", ["databricks", "mlflow"])
def test_the_other_kinds(kind: str, tmp_path: Path) -> None:
    path = min(one for one in (FOLDER / kind).iterdir() if one.name.count(".") == 1)
    done = run_cli(tmp_path, "import", kind, str(path), "-o", "endpoints.yaml")
    assert done.returncode in {0, 1}
    assert run_cli(tmp_path, "check", "endpoints.yaml", "--offline").returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [["missing.yaml"], ["config.yaml", "--report", "report.txt"], ["config.yaml", "--env", "NOTHING"],
     ["config.yaml", "-o", "no/such/folder.yaml"]],
)  # fmt: skip
def test_usage(config: Path, arguments: list[str]) -> None:
    assert run_cli(config.parent, "import", "litellm", *arguments).returncode == 2


def test_an_unreadable_input_is_usage_with_its_place(config: Path) -> None:
    config.write_text("model_list: [\n")
    done = run_cli(config.parent, "import", "litellm", "config.yaml")
    assert done.returncode == 2
    assert "config.yaml:" in done.stderr
