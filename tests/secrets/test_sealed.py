"""Values of stores, read once to be sealed: with a store made to order, and with a real OpenBao that then is gone."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from tests.command import run_cli
from tests.gateways import CHAT
from tests.secrets.canary import found
from tests.secrets.fake_store import fake_plugins
from tests.secrets.openbao import OpenBao
from tests.secrets.test_canary import ASK, served
from tests.secrets.test_canary import spec as spec_of
from tests.secrets.test_prove import compiled
from tests.upstreams import json_answer, scripted

from xmc.compiler import prove
from xmc.plugins import Proof, StoreError
from xmc.schema import Secret, SecretSlot


def test_values_are_kept_only_when_asked_for(canary: str) -> None:
    def read(slot: SecretSlot) -> tuple[Secret, str | None]:
        return Secret(canary + slot.field), "4"

    plugins = fake_plugins(prove=lambda _: Proof(version="3", warning="others may read it"), read=read)
    kept = prove(compiled({"a/b": [2], "a/c": [3]}), plugins, {}, offline=False, keep=True)
    assert {name: value.reveal() for name, value in kept.values.items()} == {"a/b": canary + "b", "a/c": canary + "c"}
    assert kept.proofs["a/b"] == Proof(version="4", value_was_read=True, warning="others may read it")
    assert [one.code for one in kept.diagnostics] == ["XMC516", "XMC516"]  # and no note that a value was thrown away
    assert not found(canary, repr(kept))
    proven = prove(compiled({"a/b": [2]}), fake_plugins(prove=lambda _: Proof()), {}, offline=False)
    assert proven.values == {}


@pytest.mark.parametrize(("kind", "code"), [("missing", "XMC510"), ("denied", "XMC511"), ("unreachable", "XMC512")])
def test_what_can_be_proven_and_not_read_is_an_error_at_its_place(kind: str, code: str) -> None:
    def read(slot: SecretSlot) -> tuple[Secret, str | None]:
        raise StoreError(kind, f"no {slot.field}")

    plugins = fake_plugins(prove=lambda _: Proof(), read=read)
    proven = prove(compiled({"a/b": [4]}), plugins, {}, offline=False, keep=True)
    assert [(one.code, one.span.line) for one in proven.diagnostics] == [(code, 4)]
    assert proven.values == {}
    assert proven.unreachable == (kind == "unreachable")


async def test_a_gateway_with_sealed_values_answers_after_the_store_is_gone(bao: OpenBao, tmp_path: Path) -> None:
    key = f"canary-{secrets.token_hex(16)}"
    bao.put("canary", key=key)
    token = bao.token("secret/subkeys/canary", "secret/data/canary")
    environ = {"VAULT_ADDR": bao.address, "VAULT_TOKEN": token}
    async with scripted([json_answer(CHAT)]) as upstream:
        text = json.dumps({"endpoints": spec_of(upstream.url)["endpoints"][:1]})
        (tmp_path / "e.yaml").write_text(text)
        assert run_cli(tmp_path, "keygen", "seal", "seal.key").returncode == 0
        done = run_cli(tmp_path, "compile", "e.yaml", "--seal-all", "--seal-key-file", "seal.key", **environ)
        assert done.returncode == 0, done.stderr
        written = b"".join((tmp_path / f"e.xmc.{part}").read_bytes() for part in ("json", "lock.json", "sealed"))
        assert not found(key, written)
        # No Vault, no token: what is left is the sealed file and its key.
        bare = {name: value for name, value in os.environ.items() if not name.startswith("VAULT_")}
        bare |= {"VAULT_ADDR": "http://127.0.0.1:1", "XMC_SEAL_KEY": (tmp_path / "seal.key").read_text()}
        with served(tmp_path, bare) as (url, out):
            async with aiohttp.ClientSession(url) as client:
                answer = await client.post("/serving-endpoints/referenced/invocations", json=ASK)
                assert answer.status == 200
    assert upstream.requests[0].headers["authorization"] == f"Bearer {key}"
    assert not found(key, out.read_bytes())


def test_a_refused_serve_shows_neither_value_nor_key(tmp_path: Path, canary: str) -> None:
    text = spec_of("http://127.0.0.1:9")["endpoints"][1]
    (tmp_path / "e.yaml").write_text(json.dumps({"endpoints": [text]}).replace('"TYPED"', json.dumps(canary)))
    for name in ("one.key", "other.key"):
        run_cli(tmp_path, "keygen", "seal", name)
    done = run_cli(tmp_path, "compile", "e.yaml", "--seal", "--seal-key-file", "one.key")
    assert done.returncode == 0, done.stderr
    command = [str(Path(sys.executable).with_name("xmc")), "serve", "e.xmc.json", "--seal-key-file", "other.key"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert (ran.returncode, b"sealed with another key" in ran.stderr) == (1, True)
    said = done.stdout.encode() + done.stderr.encode() + ran.stdout + ran.stderr
    assert not found(canary, said)
    for name in ("one.key", "other.key"):
        assert (tmp_path / name).read_bytes().strip() not in said
