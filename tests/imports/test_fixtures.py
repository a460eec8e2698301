"""Every fixture: its golden files, the account of its keys, a spec that compiles, and no secret anywhere."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.imports.fixtures import FIXTURES, FOLDER, KINDS, document, golden, imported, plugins

from xmc.compiler import Source, compile_source
from xmc.compiler.imports import Outcome, as_markdown, as_text, leaf_paths, show_path
from xmc.schema import Severity

# The sections that LiteLLM 1.110.2 reads from the top level of its file (`proxy/proxy_server.py`), and `include`.
SECTIONS = {
    "model_list", "router_settings", "litellm_settings", "general_settings", "environment_variables",
    "callback_settings",
    "credential_list", "guardrails", "policies", "policy_attachments", "prompts", "mcp_servers", "mcp_tools",
    "search_tools", "sandbox_tools", "vector_store_registry", "agents", "agent_list", "assistant_settings",
    "files_settings", "finetune_settings", "pass_through_endpoints", "default_vertex_config", "plugins",
    "worker_registry", "include",
}  # fmt: skip
NOTHING_SERVED = {"13-include-and-workers"}

each = pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}/{path.stem}")


def test_there_are_as_many_as_promised() -> None:
    counts = {kind: sum(path.parent.name == kind for path in FIXTURES) for kind in KINDS}
    assert counts["litellm"] >= 20
    assert counts["databricks"] >= 5
    assert counts["mlflow"] >= 5


def test_each_section_of_litellm_is_in_one_of_them() -> None:
    used = {key for path in FIXTURES if path.parent.name == "litellm" for key in document(path)}
    assert used == SECTIONS


@each
def test_golden_files(path: Path) -> None:
    for golden_path, text in golden(path).items():
        assert golden_path.read_text(encoding="utf-8") == text, "python -m tests.imports, and read the difference"


def test_no_golden_file_is_left_over() -> None:
    wanted = {one for path in FIXTURES for one in golden(path)}
    found = {path for kind in KINDS for path in (FOLDER / kind).iterdir()}
    assert found == wanted | set(FIXTURES)


@each
def test_every_key_has_one_fate(path: Path) -> None:
    fates = imported(path).report.fates
    assert [fate.path for fate in fates] == list(leaf_paths(document(path)))
    for fate in fates:
        assert bool(fate.to) == (fate.outcome in {Outcome.CARRIED, Outcome.CHANGED}), show_path(fate.path)
        assert bool(fate.reason) == (fate.outcome is not Outcome.CARRIED), show_path(fate.path)


@each
def test_no_key_of_a_fixture_is_unknown(path: Path) -> None:
    unknown = [show_path(fate.path) for fate in imported(path).report.fates if "not a key that" in fate.reason]
    assert not unknown


@each
def test_every_carried_key_stands_in_the_spec(path: Path) -> None:
    one = imported(path)
    spec = yaml.safe_load(one.spec)
    for fate in one.report.fates:
        for place in fate.to:
            value: Any = spec
            for step in place:
                value = value[step]
            assert value is not None


@each
def test_the_spec_compiles(path: Path) -> None:
    one = imported(path)
    compiled = compile_source(Source("endpoints.yaml", one.spec.encode()), plugins())
    assert not [each for each in compiled.diagnostics if each.severity is Severity.ERROR]
    assert not compiled.plaintext
    assert not one.report.diagnostics
    assert compiled.table is not None
    if path.stem not in NOTHING_SERVED:
        assert compiled.table.endpoints


@each
def test_no_secret_is_copied(path: Path) -> None:
    one = imported(path)
    secrets = re.findall(r"typed-in-[a-z-]+", path.read_text(encoding="utf-8"))
    written = one.spec + as_text(one.report) + as_markdown(one.report) + repr(one)
    for secret in secrets:
        assert secret not in written


def test_there_are_secrets_to_copy() -> None:
    assert "typed-in-key-four" in (FOLDER / "litellm" / "14-keys-in-the-file.yaml").read_text(encoding="utf-8")


@each
def test_every_reference_of_the_spec_is_in_the_report(path: Path) -> None:
    one = imported(path)
    wanted = set(re.findall(r"\{\{secrets/[^}]*\}\}", one.spec))
    assert {note.reference for note in one.report.secrets} == wanted
