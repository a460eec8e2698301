"""`xmc compile` as a user runs it, against a real OpenBao: the right line, the documented exit code, nothing half."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.command import run_cli
from tests.secrets.canary import found
from tests.secrets.openbao import OpenBao, free_port

LINE = 9
SPEC = """\
endpoints:
  - name: chat
    config:
      served_entities:
        - external_model:
            name: gpt
            provider: openai
            task: llm/v1/chat
            openai_config: {{openai_api_key: "{{{{secrets/{scope}/key}}}}"}}
  - name: again
    config:
      served_entities:
        - external_model:
            name: gpt
            provider: openai
            task: llm/v1/chat
            openai_config: {{openai_api_key: "{{{{secrets/{scope}/key}}}}"}}
{more}"""


@dataclass
class Ran:
    code: int
    out: str
    err: str
    folder: Path

    @property
    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


def compile_spec(folder: Path, scope: str, *options: str, more: str = "", **environ: str) -> Ran:
    (folder / "e.yaml").write_text(SPEC.format(scope=scope, more=more))
    ran = run_cli(folder, "compile", "e.yaml", *options, HOME=str(folder), **environ)
    assert "Traceback" not in ran.stderr
    return Ran(ran.returncode, ran.stdout, ran.stderr, folder)


def test_proven_without_the_value(bao: OpenBao, tmp_path: Path, canary: str) -> None:
    bao.put("compile-ok", key=canary)
    token = bao.token("secret/subkeys/compile-ok")
    ran = compile_spec(tmp_path, "compile-ok", VAULT_ADDR=bao.address, VAULT_TOKEN=token)
    assert (ran.code, ran.err) == (0, "")
    assert ran.files == {"e.yaml", "e.xmc.json", "e.xmc.lock.json"}
    lock = json.loads((tmp_path / "e.xmc.lock.json").read_text())
    assert lock["secrets"]["compile-ok/key"] == {"kind": "vault", "proof": "exists", "store": "vault", "version": "1"}
    slot = json.loads((tmp_path / "e.xmc.json").read_text())["secrets"]["compile-ok/key"]
    assert (slot["path"], slot["field"]) == ("secret:kv:compile-ok", "key")
    for text in (ran.out, ran.err, *(path.read_text() for path in tmp_path.iterdir())):
        assert not found(canary, text)
        assert not found(token, text)


@pytest.mark.parametrize(
    ("scope", "rule", "said"),
    [
        (
            "compile-none",
            "secret/subkeys/compile-none",
            ("XMC510", "there is no secret at path"),
        ),
        (
            "compile-field",
            "secret/subkeys/compile-field",
            ("XMC510", 'in mount "secret" has no field "key"'),
        ),
        (
            "compile-field",
            "secret/subkeys/other",
            ("XMC511", "the token may not look at path"),
        ),
    ],
)
def test_missing_and_denied_at_each_place_of_use(
    bao: OpenBao, tmp_path: Path, scope: str, rule: str, said: tuple[str, str]
) -> None:
    bao.put("compile-field", other="x")
    (tmp_path / "e.xmc.json").write_text("old")
    ran = compile_spec(tmp_path, scope, VAULT_ADDR=bao.address, VAULT_TOKEN=bao.token(rule))
    lines = [line for line in ran.err.splitlines() if said[0] in line and said[1] in line]
    assert [line.split(":")[:2] for line in lines] == [["e.yaml", str(LINE)], ["e.yaml", str(LINE + 8)]]
    assert ran.code == 1
    assert ran.files == {"e.yaml", "e.xmc.json"}
    assert (tmp_path / "e.xmc.json").read_text() == "old"


def test_an_unreachable_vault_is_one_diagnostic_and_exit_code_4(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    ran = compile_spec(tmp_path, "any", VAULT_ADDR=address, VAULT_TOKEN="t")
    lines = [line for line in ran.err.splitlines() if "XMC512" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"e.yaml:{LINE}:")
    assert f"cannot reach Vault at {address}: Connection refused" in lines[0]
    assert (ran.code, ran.files) == (4, {"e.yaml"})


def test_a_dead_token_is_one_diagnostic(bao: OpenBao, tmp_path: Path) -> None:
    ran = compile_spec(tmp_path, "any", VAULT_ADDR=bao.address, VAULT_TOKEN="s.nosuchtoken")
    assert ran.err.count("error[XMC513]") >= 1
    assert "does not accept the token" in ran.err
    assert "s.nosuchtoken" not in ran.err
    assert (ran.code, ran.files) == (1, {"e.yaml"})


def test_no_token_at_all(bao: OpenBao, tmp_path: Path) -> None:
    ran = compile_spec(tmp_path, "any", VAULT_ADDR=bao.address)
    assert "VAULT_TOKEN is not set and there is no ~/.vault-token" in ran.err
    assert (ran.code, ran.files) == (1, {"e.yaml"})


def test_offline_asks_nobody(tmp_path: Path) -> None:
    ran = compile_spec(tmp_path, "any", "--offline", VAULT_ADDR="http://127.0.0.1:1")
    assert ran.code == 0
    assert ran.err.count("XMC515") == 1
    lock = json.loads((tmp_path / "e.xmc.lock.json").read_text())
    assert lock["secrets"]["any/key"]["proof"] == "none"


def test_kv_version_1_is_proven_with_a_note(bao: OpenBao, tmp_path: Path, canary: str) -> None:
    bao.call("POST", "sys/mounts/compile-v1", type="kv", options={"version": "1"})
    bao.call("POST", "compile-v1/llm/key", value=canary)
    more = "secrets: {scopes: {s: {mount: compile-v1, path: 'llm/{key}', field: value}}}\n"
    ran = compile_spec(tmp_path, "s", more=more, VAULT_ADDR=bao.address, VAULT_TOKEN=bao.root)
    assert ran.code == 0, ran.err
    assert "note[XMC514]" in ran.err
    assert not found(canary, ran.err + ran.out)


@pytest.mark.parametrize(
    "more",
    [
        "secrets: {stores: {v: {kind: vault, token: s.typedin}}}\n",
        "secrets: {stores: {v: {kind: vault, auth: {method: approle, secret_id: typedin}}}}\n",
        "secrets: {scopes: {any: {value: typedin}}}\n",
    ],
)
def test_no_secret_may_stand_in_the_settings_of_a_store(tmp_path: Path, more: str) -> None:
    ran = compile_spec(tmp_path, "any", "--offline", more=more)
    assert "XMC201" in ran.err
    assert ran.code == 1


def test_typed_in_values_go_to_a_file_of_their_own(tmp_path: Path, canary: str) -> None:
    typed = {"endpoints": [_endpoint({"openai_api_key_plaintext": canary})]}
    (tmp_path / "e.json").write_text(json.dumps(typed))
    ran = run_cli(tmp_path, "compile", "e.json")
    assert ran.returncode == 0, ran.stderr
    assert "{{secrets/" in ran.stderr
    assert not found(canary, ran.stdout + ran.stderr)
    for path in tmp_path.iterdir():
        assert bool(found(canary, path.read_bytes())) == (path.name in {"e.json", "e.xmc.secrets"}), path
    held = tmp_path / "e.xmc.secrets"
    assert held.stat().st_mode & 0o777 == 0o600
    digest = json.loads((tmp_path / "e.xmc.json").read_text())["digest"]
    assert json.loads(held.read_text())["digest"] == digest


def _endpoint(config: dict[str, Any]) -> dict[str, Any]:
    model = {"name": "gpt", "provider": "openai", "task": "llm/v1/chat", "openai_config": config}
    return {"name": "chat", "config": {"served_entities": [{"external_model": model}]}}
