"""`xmc serve` with sealed and signed artifacts, as a process: what it opens, and what its command line refuses."""

from pathlib import Path

import pytest
from tests.cli.test_serve import CANARY, SPEC, endpoints_at, serving, xmc
from tests.command import run_cli

pytestmark = pytest.mark.process


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "e.yaml").write_text(SPEC)
    for words in (["keygen", "seal", "seal.key"], ["keygen", "sign", "sign.pem"]):
        assert run_cli(tmp_path, *words).returncode == 0
    words = ["--seal", "--seal-key-file", "seal.key", "--sign", "sign.pem", "--serial", "1"]
    assert run_cli(tmp_path, "compile", "e.yaml", *words).returncode == 0
    return tmp_path


def test_a_sealed_and_signed_table_is_served(folder: Path) -> None:
    assert CANARY not in "".join(path.read_text() for path in folder.glob("e.xmc.*"))
    words = ["--seal-key-file", "seal.key", "--require-signature", "sign.pem.pub", "--serial-file", "serial"]
    with serving(folder, "e.xmc.json", *words) as (_, url, said):
        assert endpoints_at(url) == ["chat"]
    assert said == []
    assert '"serial":1' in (folder / "serial").read_text()


def test_without_its_key_it_is_refused_in_one_line(folder: Path) -> None:
    ran = xmc(folder, "serve", "e.xmc.json", environ={"XMC_SEAL_KEY": ""})
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "xmc: e.xmc.sealed is sealed: give its key by --seal-key-file FILE or XMC_SEAL_KEY\n"


@pytest.mark.parametrize("option", ["--seal-key-file", "--require-signature"])
def test_options_of_a_table_are_refused_with_a_spec(folder: Path, option: str) -> None:
    ran = run_cli(folder, "serve", "e.yaml", option, "sign.pem.pub")
    assert (ran.returncode, f"{option}: e.yaml is a spec" in ran.stderr) == (2, True)


def test_a_serial_without_a_signature_is_refused(folder: Path) -> None:
    ran = run_cli(folder, "serve", "e.xmc.json", "--serial-file", "serial")
    assert (ran.returncode, "needs --require-signature" in ran.stderr) == (2, True)


def test_probe_opens_it_too(folder: Path) -> None:
    ran = xmc(folder, "probe", "--from", "e.xmc.json", "--seal-key-file", "seal.key", "--timeout", "5")
    assert ran.returncode == 1  # nothing listens upstream: it came as far as asking
    assert "chat/one" in ran.stdout
    assert "sealed" not in ran.stdout + ran.stderr
