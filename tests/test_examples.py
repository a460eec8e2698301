"""Every example compiles, and its table passes the runtime's own reader."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.command import run_cli

from xmc.schema import decode_table

ROOT = Path(__file__).resolve().parent.parent
# The example plugin has a test of its own, where it is installed.
EXAMPLES = sorted(set((ROOT / "examples").rglob("*.yaml")) - set((ROOT / "examples" / "plugin").rglob("*.yaml")))
XMC = Path(sys.executable).with_name("xmc")
# What the examples' specs read from the environment.
KEYS = dict.fromkeys(
    (
        "AI21_API_KEY",
        "ANTHROPIC_API_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_SECRET_ACCESS_KEY",
        "AZURE_CLIENT_SECRET",
        "AZURE_OPENAI_API_KEY",
        "COHERE_API_KEY",
        "DATABRICKS_TOKEN",
        "GOOGLE_SERVICE_ACCOUNT",
        "OPENAI_API_KEY",
        "QUICKSTART_MODEL_KEY",
    ),
    "none",
)


def test_there_are_examples() -> None:
    assert {"anthropic.yaml", "openai.yaml", "endpoints.yaml"} <= {path.name for path in EXAMPLES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_example_compiles_without_a_word(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.xmc.json"
    done = subprocess.run(
        [XMC, "compile", path, "-o", out],
        env={**os.environ, **KEYS},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    table = decode_table(out.read_bytes())
    assert table.endpoints
    assert "none" not in {part for slot in table.secrets.values() for part in (slot.path, slot.field)}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_editors_check_an_example_by_the_schema_beside_it(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (path.parent / first.partition("=")[2]).resolve() == ROOT / "examples" / "xmc.schema.json"


def test_the_schema_for_editors_is_the_one_that_xmc_prints() -> None:
    done = run_cli(ROOT, "schema")
    assert (ROOT / "examples" / "xmc.schema.json").read_text() == done.stdout, "run `make docs`"
