"""`xmc plugins`: what is installed."""

import json
from importlib import metadata
from pathlib import Path

import pytest
from tests.command import run_cli

from xmc.plugins import CONTRACT, build_plugins


def test_every_plugin_has_a_line(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "plugins")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert len(lines) == len(build_plugins().origins)
    (line,) = [line for line in lines if line.startswith("openai ")]
    assert f"xmc {metadata.version('xmc')}, contract {CONTRACT}: provider openai (llm/v1/chat, " in line


def test_the_json_form_holds_the_same(tmp_path: Path) -> None:
    rows = {row["plugin"]: row for row in json.loads(run_cli(tmp_path, "plugins", "--format", "json").stdout)}
    assert rows["sse"]["adds"] == [{"kind": "framing", "name": "sse", "tasks": []}]
    assert set(rows) == set(build_plugins().origins)


def test_a_plugin_that_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xmc.plugins.openai.XMC_CONTRACT", 7)
    done = run_cli(tmp_path, "plugins")
    assert done.returncode == 3
    assert "plugin 'openai' of xmc" in done.stderr
    assert "contract 7" in done.stderr
