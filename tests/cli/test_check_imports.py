"""What `xmc check` imports for a spec that has nothing wrong in it: each of these would take longer than the check."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.bench.compiler import CHECK, spec

pytestmark = pytest.mark.process

HEAVY = {"asyncio", "botocore", "cryptography", "dataclasses", "email", "hvac", "hypothesis", "importlib.metadata"} | {
    "importlib.resources", "jinja2", "json", "jsonschema", "requests", "rich", "secrets", "ssl", "zipfile",
}  # fmt: skip
PROGRAM = f"""
import atexit, sys
atexit.register(lambda: print("LOADED", *sys.modules))
{CHECK}
"""


def test_a_good_spec_needs_none_of_the_heavy_modules(tmp_path: Path) -> None:
    (tmp_path / "endpoints.yaml").write_text(spec(1))
    words = [sys.executable, "-c", PROGRAM, "check", "--offline", "endpoints.yaml"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True)
    loaded = set(ran.stdout.split("LOADED ")[1].split())
    assert {"xmc.compiler.check", "xmc.plugins.custom.link", "yaml"} <= loaded
    assert loaded & HEAVY == set()
    # Of the plugins only what the spec names is looked at, and of that only how it links.
    parts = {name for name in loaded if name.startswith("xmc.plugins.")}
    assert {name for name in parts if name.endswith(".link")} == {
        "xmc.plugins.openai.link",
        "xmc.plugins.custom.link",
    }
    assert {name for name in parts if name.endswith((".adapter", ".request", ".response", ".stream"))} == set()
