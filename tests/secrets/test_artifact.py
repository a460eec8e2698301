import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from xmc.compiler.artifact import ArtifactError, write_artifacts
from xmc.plugins import CONTRACT, Proof, build_plugins
from xmc.schema import Secret, SecretSlot, Store, Table, decode_table

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PLUGINS = build_plugins({})
SLOT = "plaintext:chat/gpt/openai_config.openai_api_key"


def compiled(plaintext: dict[str, str]) -> Any:
    table = Table(
        endpoints=(),
        contract=CONTRACT,
        stores={"vault": Store(kind="vault")},
        secrets={
            "a/b": SecretSlot(ref="{{secrets/a/b}}", store="vault", path="p", field="f"),
            **{name: SecretSlot(ref=name, store="plaintext", path="", field=name) for name in plaintext},
        },
    )
    return SimpleNamespace(table=table, plaintext={name: Secret(value) for name, value in plaintext.items()})


PROVEN: Any = SimpleNamespace(proofs={"a/b": Proof(version="7")}, values={})


def write(out: Path, plaintext: dict[str, str]) -> tuple[Path, ...]:
    return write_artifacts(compiled(plaintext), PROVEN, PLUGINS, out, NOW)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_table_lock_and_typed_in_values_lie_side_by_side(tmp_path: Path, canary: str) -> None:
    out = tmp_path / "e.xmc.json"
    written = write(out, {SLOT: canary})
    assert names(tmp_path) == {"e.xmc.json", "e.xmc.lock.json", "e.xmc.secrets"} == {path.name for path in written}
    digest = decode_table(out.read_bytes()).digest
    held = msgspec.json.decode((tmp_path / "e.xmc.secrets").read_bytes())
    assert held == {"digest": digest, "secrets": {SLOT: canary}}
    assert stat.S_IMODE((tmp_path / "e.xmc.secrets").stat().st_mode) == 0o600
    lock = msgspec.json.decode((tmp_path / "e.xmc.lock.json").read_bytes())
    assert lock["table"] == digest
    assert lock["compiled_at"] == "2026-01-02T03:04:05Z"
    assert lock["secrets"]["a/b"] == {"store": "vault", "kind": "vault", "proof": "exists", "version": "7"}
    assert lock["secrets"][SLOT]["proof"] == "none"
    for path in (out, tmp_path / "e.xmc.lock.json"):
        assert canary.encode() not in path.read_bytes()


def test_typed_in_values_are_private_from_their_first_byte(
    tmp_path: Path, canary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: dict[str, int] = {}
    real = os.fsync

    def spy(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        modes[name] = stat.S_IMODE(os.fstat(descriptor).st_mode)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    write(tmp_path / "e.xmc.json", {SLOT: canary})
    staged = {name: mode for name, mode in modes.items() if "secrets" in name}
    assert list(staged.values()) == [0o600]
    assert all(name.startswith(".e.xmc.secrets.") for name in staged)


def test_stale_typed_in_values_do_not_survive(tmp_path: Path, canary: str) -> None:
    write(tmp_path / "e.xmc.json", {SLOT: canary})
    write(tmp_path / "e.xmc.json", {})
    assert names(tmp_path) == {"e.xmc.json", "e.xmc.lock.json"}


def test_nothing_partial_when_a_place_cannot_be_written(tmp_path: Path, canary: str) -> None:
    (tmp_path / "e.xmc.json").write_text("old")
    (tmp_path / "e.xmc.lock.json").mkdir()
    with pytest.raises(ArtifactError, match=r"e\.xmc\.lock\.json: it exists and is not a regular file"):
        write(tmp_path / "e.xmc.json", {SLOT: canary})
    assert (tmp_path / "e.xmc.json").read_text() == "old"
    assert names(tmp_path) == {"e.xmc.json", "e.xmc.lock.json"}


def test_a_full_disk_leaves_no_temporary_file(tmp_path: Path, canary: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArtifactError, match="No space left on device"):
        write(tmp_path / "e.xmc.json", {SLOT: canary})
    assert names(tmp_path) == set()


@pytest.mark.parametrize("out", ["/dev/null", "/nowhere/e.xmc.json"])
def test_odd_places_are_refused_and_stand(out: str) -> None:
    before = Path("/dev/null").stat().st_rdev
    with pytest.raises(ArtifactError, match=f"cannot write {Path(out).parent}"):
        write(Path(out), {})
    assert Path("/dev/null").stat().st_rdev == before


def test_a_compile_with_errors_writes_nothing(tmp_path: Path) -> None:
    broken: Any = SimpleNamespace(table=None, plaintext={})
    with pytest.raises(ValueError, match="no table"):
        write_artifacts(broken, PROVEN, PLUGINS, tmp_path / "e.xmc.json", NOW)
    assert names(tmp_path) == set()
