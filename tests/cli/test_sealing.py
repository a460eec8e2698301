"""`xmc compile --seal` and `--sign`, `xmc keygen` and `xmc verify`: what they write, say and refuse."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.command import Ran, run_cli
from tests.compiler.specs import SPEC

from xmc.schema import decode_table, open_sealed, parse_seal_keys

CANARY = "c4n4ry-" + "v" * 24
STORE = "secrets: {stores: {main: {kind: env}}}\n"
TYPED = SPEC.replace('openai_api_key: "{{secrets/openai/key}}"', f"openai_api_key_plaintext: {CANARY}")
BOTH = STORE + TYPED + SPEC.removeprefix("endpoints:\n").replace("name: chat", "name: more")
OPENAI = {"OPENAI_KEY": CANARY + "-stored"}
ALL = ["--seal-all", "--seal-key-file", "seal.key", "--sign", "sign.pem"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "e.yaml").write_text(BOTH)
    assert run_cli(tmp_path, "keygen", "seal", "seal.key").returncode == 0
    assert run_cli(tmp_path, "keygen", "sign", "sign.pem").returncode == 0
    return tmp_path


def compiled(folder: Path, *words: str, code: int = 0, **environ: str) -> Ran:
    done = run_cli(folder, "compile", "e.yaml", *words, **{**OPENAI, **environ})
    assert done.returncode == code, done.stderr
    assert CANARY not in done.stdout + done.stderr
    return done


def names(folder: Path) -> set[str]:
    return {path.name.removeprefix("e.xmc.") for path in folder.glob("e.xmc.*")}


def values(folder: Path) -> dict[str, str]:
    keys = parse_seal_keys((folder / "seal.key").read_text())
    digest = decode_table((folder / "e.xmc.json").read_bytes()).digest
    return dict(open_sealed((folder / "e.xmc.sealed").read_bytes(), digest, keys))


def test_typed_in_values_are_sealed_in_place_of_the_secrets_file(folder: Path) -> None:
    compiled(folder)
    assert names(folder) == {"json", "lock.json", "secrets"}
    compiled(folder, "--seal", "--seal-key-file", "seal.key")
    assert names(folder) == {"json", "lock.json", "sealed"}
    assert stat.S_IMODE((folder / "e.xmc.sealed").stat().st_mode) == 0o600
    assert values(folder) == {"plaintext:chat/main/openai_config.openai_api_key": CANARY}
    for path in folder.glob("e.xmc.*"):
        assert CANARY.encode() not in path.read_bytes()
    compiled(folder)
    assert names(folder) == {"json", "lock.json", "secrets"}


def test_seal_all_reads_the_stores_and_the_lock_says_so(folder: Path) -> None:
    done = compiled(folder, *ALL)
    assert values(folder) == {
        "plaintext:chat/main/openai_config.openai_api_key": CANARY,
        "openai/key": CANARY + "-stored",
    }
    assert "XMC514" not in done.stderr  # nothing was thrown away, so there is nothing to remark
    assert json.loads((folder / "e.xmc.lock.json").read_text())["secrets"]["openai/key"]["proof"] == "read"
    assert names(folder) == {"json", "lock.json", "sealed", "sig"}


def test_a_value_that_cannot_be_read_is_a_diagnostic_and_nothing_is_written(folder: Path) -> None:
    done = compiled(folder, *ALL, code=1, OPENAI_KEY="")
    assert "error[XMC510]" in done.stderr
    assert names(folder) == set()


def test_the_same_values_are_sealed_anew_with_a_fresh_nonce(folder: Path) -> None:
    nonces = set()
    for _ in range(3):
        compiled(folder, *ALL)
        nonces.add(json.loads((folder / "e.xmc.sealed").read_text())["nonce"])
    assert len(nonces) == 3


def test_the_table_is_the_same_whether_it_is_sealed_or_signed_or_not(folder: Path) -> None:
    compiled(folder)
    plain = (folder / "e.xmc.json").read_bytes()
    compiled(folder, *ALL, "--serial", "3")
    assert (folder / "e.xmc.json").read_bytes() == plain


def test_with_nothing_to_seal_it_says_so_and_the_sealed_file_is_empty(folder: Path) -> None:
    (folder / "e.yaml").write_text(STORE + SPEC)
    done = compiled(folder, "--seal", "--seal-key-file", "seal.key")
    assert done.stderr == "xmc: note: there is no value to seal, so the sealed file holds none\n"
    assert names(folder) == {"json", "lock.json", "sealed"}
    assert values(folder) == {}


def test_a_place_that_cannot_be_written_leaves_the_old_artifact_whole(folder: Path) -> None:
    compiled(folder, *ALL, "--serial", "1")
    before = {path: path.read_bytes() for path in folder.glob("e.xmc.*")}
    (folder / "e.xmc.sig").unlink()
    (folder / "e.xmc.sig").mkdir()
    done = compiled(folder, *ALL, "--serial", "2", code=2)
    assert "e.xmc.sig: it exists and is not a regular file" in done.stderr
    for path, data in before.items():
        assert path.is_dir() or path.read_bytes() == data
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("words", "environ", "says"),
    [
        (["--seal"], {}, "sealing needs a key: give it by --seal-key-file FILE or XMC_SEAL_KEY"),
        (["--seal"], {"XMC_SEAL_KEY": "c2hvcnQ="}, "a sealing key is 32 bytes; this one is 5"),
        (["--seal", "--seal-key-file", "gone"], {}, "cannot read gone"),
        (["--seal", "--seal-key-file", "e.yaml"], {}, "neither"),
        (["--seal-key-file", "seal.key"], {}, "no effect without --seal"),
        (["--seal-all", "--offline", "--seal-key-file", "seal.key"], {}, "--offline asks no store"),
        (["--serial", "1"], {}, "no effect without --sign"),
        (["--sign", "gone"], {}, "cannot read gone"),
        (["--sign", "seal.key"], {}, "no private key"),
        (["--sign", "sign.pem", "--serial", "-1"], {}, "-1 is not in the range"),
        (["--sign", "sign.pem", "--serial", str(2**53)], {}, "is not in the range"),
    ],
)
def test_options_that_cannot_be_meant_are_usage_errors(
    folder: Path, words: list[str], environ: dict[str, str], says: str
) -> None:
    done = compiled(folder, *words, code=2, **environ)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert names(folder) == set()


def test_a_key_that_others_may_read_is_a_warning(folder: Path) -> None:
    (folder / "seal.key").chmod(0o640)
    (folder / "sign.pem").chmod(0o604)
    said = compiled(folder, *ALL).stderr
    assert "xmc: warning: seal.key is readable by other users (mode 0640): chmod 0600 seal.key\n" in said
    assert "xmc: warning: sign.pem is readable by other users (mode 0604): chmod 0600 sign.pem\n" in said
    assert (folder / "e.xmc.sig").is_file()


# --- keygen -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o022, 0o000, 0o077])
def test_keys_are_private_whatever_the_umask_and_never_replaced(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        seal = run_cli(tmp_path, "keygen", "seal", "s.key")
        sign = run_cli(tmp_path, "keygen", "sign", "s.pem")
    finally:
        os.umask(old)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(made) == {"s.key", "s.pem", "s.pem.pub"}
    for name in ("s.key", "s.pem"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert made[name].split()[-1].decode() not in seal.stdout + sign.stdout or name == "s.pem"
    assert made["s.key"].decode().strip() not in seal.stdout
    assert "PRIVATE" not in sign.stdout
    for words in (["seal", "s.key"], ["sign", "s.pem"], ["seal", "s.pem.pub"]):
        again = run_cli(tmp_path, "keygen", *words)
        assert (again.returncode, "exists; a key is never replaced" in again.stderr) == (2, True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == made


def test_keys_are_printed_only_when_asked_and_are_new_each_time(tmp_path: Path) -> None:
    seals = {run_cli(tmp_path, "keygen", "seal", "-").stdout for _ in range(3)}
    assert len({parse_seal_keys(text)[0].id for text in seals}) == 3
    printed = run_cli(tmp_path, "keygen", "sign", "-").stdout.encode()
    assert load_pem_private_key(printed[: printed.index(b"-----BEGIN PUBLIC KEY")], None)
    assert list(tmp_path.iterdir()) == []


def test_half_a_pair_is_never_made(tmp_path: Path) -> None:
    for there in ("s.pem", "s.pem.pub"):
        (tmp_path / there).write_text("mine")
        assert run_cli(tmp_path, "keygen", "sign", "s.pem").returncode == 2
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "mine")]
        (tmp_path / there).unlink()


def test_a_place_without_a_folder_is_a_usage_error(tmp_path: Path) -> None:
    for kind in ("seal", "sign"):
        done = run_cli(tmp_path, "keygen", kind, "none/key")
        assert done.returncode == 2
        assert done.stderr.startswith("Error: cannot write none/key")
        assert done.stderr.endswith(": No such file or directory\n")


@pytest.mark.process
def test_keys_of_openssl_do_as_well(folder: Path) -> None:
    for name in ("sign.pem", "sign.pem.pub"):
        (folder / name).unlink()
    for words in (["genpkey", "-algorithm", "ed25519", "-out", "sign.pem"], ["pkey", "-in", "sign.pem", "-pubout"]):
        done = subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=30)
    (folder / "sign.pem.pub").write_bytes(done.stdout)
    compiled(folder, *ALL)
    assert run_cli(folder, "verify", "e.xmc.json", "--key", "sign.pem.pub").returncode == 0


# --- verify -----------------------------------------------------------------------------------------------------------

KEY = ["--key", "sign.pem.pub"]


def test_verify_says_what_it_found(folder: Path) -> None:
    compiled(folder, *ALL, "--serial", "7")
    digest = decode_table((folder / "e.xmc.json").read_bytes()).digest
    good = run_cli(folder, "verify", "e.xmc.json", *KEY, "--seal-key-file", "seal.key")
    assert (good.returncode, good.stderr) == (0, "")
    lines = good.stdout.splitlines()
    assert lines[:2] == ["e.xmc.json: good", f"  table      {digest}, format 1, plugin contract 1"]
    assert lines[2].startswith("  lock       belongs to it, compiled at 2")
    assert lines[3].endswith(", 2 values")
    assert lines[4].startswith("  signature  good: ed25519:")
    assert lines[4].endswith(", serial 7")
    told = json.loads(run_cli(folder, "verify", "e.xmc.json", "--format", "json").stdout)
    assert told["table"] == digest
    assert told["signature"] == {"key": told["signature"]["key"], "serial": 7, "trusted": False}
    assert told["sealed"]["values"] is None
    assert CANARY not in good.stdout


def test_verify_without_signature_or_key(folder: Path) -> None:
    compiled(folder)
    assert run_cli(folder, "verify", "e.xmc.json").stdout.endswith("  signature  none\n")
    unsigned = run_cli(folder, "verify", "e.xmc.json", *KEY)
    assert (unsigned.returncode, unsigned.stdout) == (1, "")
    assert unsigned.stderr.startswith("xmc: e.xmc.json: there is no signature beside it")
    compiled(folder, *ALL)
    assert "without --key" in run_cli(folder, "verify", "e.xmc.json").stdout


@pytest.mark.parametrize("part", ["json", "lock.json", "sealed", "sig"])
def test_verify_refuses_what_was_changed(folder: Path, part: str) -> None:
    compiled(folder, *ALL)
    path = folder / f"e.xmc.{part}"
    path.write_bytes(path.read_bytes().replace(b":", b";", 1))
    done = run_cli(folder, "verify", "e.xmc.json", *KEY)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


def test_verify_keeps_the_serial(folder: Path) -> None:
    again = ["verify", "e.xmc.json", *KEY, "--serial-file", "serial"]
    compiled(folder, *ALL, "--serial", "7")
    assert run_cli(folder, *again).returncode == 0
    assert run_cli(folder, *again).returncode == 0
    compiled(folder, *ALL, "--serial", "6")
    done = run_cli(folder, *again)
    assert (done.returncode, "its serial is 6, but 7 was accepted before: a rollback" in done.stderr) == (1, True)
    compiled(folder, *ALL, "--serial", "8")
    assert run_cli(folder, *again).returncode == 0


def test_verify_opens_what_it_is_asked_to_open_or_refuses(folder: Path) -> None:
    compiled(folder)
    done = run_cli(folder, "verify", "e.xmc.json", "--seal-key-file", "seal.key")
    assert (done.returncode, "there is no sealed file beside it" in done.stderr) == (1, True)
    # The environment says what is at hand, not what must be there.
    assert run_cli(folder, "verify", "e.xmc.json", XMC_SEAL_KEY="no key").returncode == 0


def test_verify_refuses_the_wrong_sealing_key(folder: Path) -> None:
    compiled(folder, *ALL)
    (folder / "seal.key").unlink()
    run_cli(folder, "keygen", "seal", "seal.key")
    done = run_cli(folder, "verify", "e.xmc.json", *KEY, "--seal-key-file", "seal.key")
    assert (done.returncode, "sealed with another key" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["gone.xmc.json"], "cannot read gone.xmc.json"),
        (["e.xmc.json", "--key", "gone"], "cannot read gone"),
        (["e.xmc.json", "--key", "sign.pem"], "holds a private key"),
        (["e.xmc.json", "--seal-key-file", "e.yaml"], "cannot be used"),
        (["e.xmc.json", "--serial-file", "serial"], "needs --key"),
        (["e.xmc.json", *KEY, "--serial-file", "e.yaml"], "is not a serial file"),
    ],
)
def test_verify_with_what_cannot_be_used(folder: Path, words: list[str], says: str) -> None:
    compiled(folder, *ALL, "--serial", "1")
    done = run_cli(folder, "verify", *words)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr
