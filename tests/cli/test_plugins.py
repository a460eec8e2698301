"""`xmc plugins`: what is installed."""

import json
import sys
from importlib import metadata
from pathlib import Path

import pytest
from tests.command import run_cli

from xmc.plugins import CONTRACT, build_plugins, custom


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


def test_the_kit_says_a_line_for_each_check(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "plugins", "test", "custom", "--only", "config-schema", "--only", "several-calls")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "passed          custom:config-schema",
        "not applicable  custom:several-calls: no sample takes several calls",
        "passed          custom with a key header:config-schema",
        "not applicable  custom with a key header:several-calls: no sample takes several calls",
        "4 checks, 0 failed",
    ]


def test_a_failed_check_says_what_was_seen_and_why_it_matters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(custom.CUSTOM.config_schema, "additionalProperties", True)
    done = run_cli(tmp_path, "plugins", "test", "custom", "--only", "config-schema", "--format", "json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert {(one["check"], one["outcome"]) for one in told} == {("config-schema", "failed")}
    assert "additionalProperties is not false" in told[0]["said"]
    assert "typing mistake" in told[0]["why"]
    human = run_cli(tmp_path, "plugins", "test", "custom", "--only", "config-schema").stdout
    assert "2 checks, 2 failed" in human
    assert "typing mistake" in human


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody",), "no installed plugin has specimens of 'nobody'; installed are ai21labs, "),
        (("palm",), "no installed plugin has specimens of 'palm'"),
        (("openai", "--only", "x"), "no check x; there are config-schema, "),
    ],
)
def test_names_that_nobody_knows(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run_cli(tmp_path, "plugins", "test", *arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_without_hypothesis_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("xmc.runtime.conformance")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    done = run_cli(tmp_path, "plugins", "test", "openai")
    assert done.returncode == 2
    assert "pip install 'xmc[kit]'" in done.stderr
