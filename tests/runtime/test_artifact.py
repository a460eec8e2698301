"""What a serving process does with sealed values, signatures and serials before it serves."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.gateways import endpoint, target
from tests.schema.signed import OTHER_SEAL, OTHER_SIGN, SEAL, SIGN

from xmc.plugins import CONTRACT
from xmc.runtime.process import StartError, load
from xmc.runtime.settings import Settings
from xmc.schema import (
    SecretSlot,
    SigningKey,
    Statement,
    Store,
    Table,
    canonical_json,
    digest_bytes,
    encode_table,
    format_seal_key,
    format_signing_key,
    seal,
    sign,
)

CANARY = "canary-" + "s" * 24
KEYS = {"XMC_SEAL_KEY": format_seal_key(SEAL.reveal())}
# A Vault that nobody answers for: who asks it fails.
TABLE = Table(
    endpoints=(endpoint("chat", target("http://127.0.0.1:9")),),
    contract=CONTRACT,
    stores={"v": Store(kind="vault", config={"address": "http://127.0.0.1:1"})},
    secrets={"scope/key": SecretSlot(ref="{{secrets/scope/key}}", store="v", path="secret:kv2:scope", field="key")},
)


def write(folder: Path, *, serial: int | None = 7, signer: SigningKey = SIGN, table: Table = TABLE) -> Settings:
    """Write a sealed and signed artifact and the public keys; return settings that require the signature."""
    data = encode_table(table)
    digest = json.loads(data)["digest"]
    lock = msgspec.json.encode({"format": 1, "table": digest})
    hidden = seal({"scope/key": CANARY}, digest, SEAL, os.urandom(12))
    said = Statement(table=digest, lock=digest_bytes(lock), key="", sealed=digest_bytes(hidden), serial=serial)
    for suffix, content in {"json": data, "lock.json": lock, "sealed": hidden, "sig": sign(said, signer)}.items():
        (folder / f"t.xmc.{suffix}").write_bytes(content)
    (folder / "trusted.pem").write_bytes(format_signing_key(bytes(range(32)))[1])
    return Settings(table=str(folder / "t.xmc.json"), name="t.xmc.json", require_signature=str(folder / "trusted.pem"))


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xmc.runtime.secrets.RETRY_PAUSES_S", ())


async def loads(settings: Settings, environ: dict[str, str] | None = None) -> None:
    _, upstream = await load(settings, KEYS if environ is None else environ)
    await upstream.close()


async def refusal(settings: Settings, environ: dict[str, str] | None = None) -> tuple[int, str]:
    with pytest.raises(StartError) as caught:
        await loads(settings, environ)
    assert CANARY not in str(caught.value)
    assert KEYS["XMC_SEAL_KEY"].strip() not in str(caught.value)
    return caught.value.exit_code, str(caught.value)


async def test_sealed_values_of_a_store_need_no_store(tmp_path: Path) -> None:
    await loads(write(tmp_path))
    (tmp_path / "t.xmc.sealed").unlink()
    unsigned = Settings(table=str(tmp_path / "t.xmc.json"), name="t")
    code, said = await refusal(unsigned, {"VAULT_TOKEN": "x"})  # as the same table shows without them
    assert code == 4, said


async def test_the_key_is_a_file_or_the_environment_and_the_file_wins(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.key", tmp_path / "wrong.key"
    right.write_text(format_seal_key(SEAL.reveal()))
    wrong.write_text(format_seal_key(OTHER_SEAL.reveal()))
    for path in (right, wrong):
        path.chmod(0o600)
    settings = write(tmp_path)
    with_right = msgspec.structs.replace(settings, seal_key_file=str(right))
    with_wrong = msgspec.structs.replace(settings, seal_key_file=str(wrong))
    await loads(with_right, {})
    await loads(with_right, {"XMC_SEAL_KEY": format_seal_key(OTHER_SEAL.reveal())})
    code, said = await refusal(with_wrong)
    assert (code, f"({SEAL.id}); at hand: {OTHER_SEAL.id}" in said) == (1, True)
    wrong.write_text(wrong.read_text() + right.read_text())  # while keys are rotated
    await loads(with_wrong, {})


@pytest.mark.parametrize("environ", [{}, {"XMC_SEAL_KEY": ""}, {"XMC_SEAL_KEY": " \n"}])
async def test_without_a_key_it_says_how_to_give_one(tmp_path: Path, environ: dict[str, str]) -> None:
    code, said = await refusal(write(tmp_path), environ)
    assert code == 2
    assert said.endswith("t.xmc.sealed is sealed: give its key by --seal-key-file FILE or XMC_SEAL_KEY")


async def test_a_key_of_another_length_is_a_usage_error_that_does_not_show_it(tmp_path: Path) -> None:
    short = base64.b64encode(SEAL.reveal()[:16]).decode()
    code, said = await refusal(write(tmp_path), {"XMC_SEAL_KEY": short})
    assert (code, said) == (2, "XMC_SEAL_KEY cannot be used: a sealing key is 32 bytes; this one is 16")


async def test_a_key_file_that_others_may_read_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "seal.key"
    key.write_text(format_seal_key(SEAL.reveal()))
    settings = msgspec.structs.replace(write(tmp_path), seal_key_file=str(key))
    for mode, warned in [(0o600, False), (0o400, False), (0o640, True), (0o604, True)]:
        key.chmod(mode)
        await loads(settings, {})
        said = capsys.readouterr().err
        assert ("is readable by other users" in said) is warned
        assert key.read_text().strip() not in said


async def test_a_plain_secrets_file_stands_in_for_no_store(tmp_path: Path) -> None:
    typed = SecretSlot(ref="typed", store="plaintext", path="", field="typed")
    table = msgspec.structs.replace(TABLE, secrets={**TABLE.secrets, "typed": typed})
    write(tmp_path, table=table)
    (tmp_path / "t.xmc.sealed").unlink()
    private = tmp_path / "t.xmc.secrets"
    digest = json.loads((tmp_path / "t.xmc.json").read_text())["digest"]
    private.write_text(json.dumps({"digest": digest, "secrets": {"typed": CANARY, "scope/key": CANARY}}))
    private.chmod(0o600)
    settings = Settings(table=str(tmp_path / "t.xmc.json"), secrets=str(private), name="t")
    code, said = await refusal(settings, {"VAULT_TOKEN": "x"})
    assert (code, "scope/key: " in said) == (4, True)


async def test_a_key_file_demands_a_sealed_file(tmp_path: Path) -> None:
    (tmp_path / "seal.key").write_text(format_seal_key(SEAL.reveal()))
    write(tmp_path)
    (tmp_path / "t.xmc.sealed").unlink()
    (tmp_path / "t.xmc.secrets").write_text("{}")  # what somebody might put in its place
    path = str(tmp_path / "t.xmc.json")
    code, said = await refusal(Settings(table=path, name="t", seal_key_file=str(tmp_path / "seal.key")))
    assert (code, said) == (1, "t: --seal-key-file was given, and there is no t.xmc.sealed")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("part", ["json", "lock.json", "sealed", "sig"])
async def test_a_flipped_bit_anywhere_is_refused_where_a_signature_is_required(tmp_path: Path, part: str) -> None:
    settings = write(tmp_path)
    flip(tmp_path / f"t.xmc.{part}")
    code, said = await refusal(settings)
    assert (code, said.startswith("t.xmc.json: ")) == (1, True)


async def test_a_flipped_bit_of_a_sealed_file_is_refused_without_a_signature_too(tmp_path: Path) -> None:
    settings = msgspec.structs.replace(write(tmp_path), require_signature=None)
    held = json.loads((tmp_path / "t.xmc.sealed").read_text())
    data = bytearray(base64.b64decode(held["sealed"]))
    data[3] ^= 1
    held["sealed"] = base64.b64encode(data).decode()
    (tmp_path / "t.xmc.sealed").write_bytes(canonical_json(held) + b"\n")
    code, said = await refusal(settings)
    assert (code, "was changed after it was sealed" in said) == (1, True)


async def test_values_both_sealed_and_plain_are_refused(tmp_path: Path) -> None:
    settings = write(tmp_path)
    (tmp_path / "t.xmc.secrets").write_text("{}")
    code, said = await refusal(settings)
    assert (code, "both t.xmc.sealed and t.xmc.secrets are there" in said) == (1, True)


Change = Callable[[Path], object]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda folder: (folder / "t.xmc.sig").unlink(), "there is no signature"),
        (lambda folder: (folder / "t.xmc.lock.json").unlink(), "there is no lock file"),
        (lambda folder: (folder / "t.xmc.sealed").unlink(), "the sealed file that was signed with it is not there"),
        (lambda folder: write(folder, signer=OTHER_SIGN), "which is not trusted"),
        (lambda folder: (folder / "t.xmc.sig").write_text("{}\n"), "has format None"),
    ],
)
async def test_what_is_not_signed_by_a_trusted_key_is_not_served(tmp_path: Path, change: Change, says: str) -> None:
    settings = write(tmp_path)
    change(tmp_path)
    code, said = await refusal(settings)
    assert (code, says in said) == (1, True), said


async def test_keys_that_cannot_be_used_are_usage_errors(tmp_path: Path) -> None:
    settings = write(tmp_path)
    for change in ({"require_signature": str(tmp_path / "gone")}, {"seal_key_file": str(tmp_path / "gone")}):
        code, said = await refusal(msgspec.structs.replace(settings, **change))
        assert (code, said) == (2, f"cannot read {tmp_path / 'gone'}: No such file or directory")
    code, said = await refusal(msgspec.structs.replace(settings, require_signature=str(tmp_path / "t.xmc.json")))
    assert (code, "holds no public key" in said) == (2, True)


def with_serials(folder: Path, **options: Any) -> Settings:
    return msgspec.structs.replace(write(folder, **options), serial_file=str(folder / "serial"))


async def test_a_lower_serial_is_refused_and_a_higher_one_remembered(tmp_path: Path) -> None:
    for serial, accepted in [(7, True), (7, True), (6, False), (9, True), (7, False), (0, False), (9, True)]:
        settings = with_serials(tmp_path, serial=serial)
        if accepted:
            await loads(settings)
        else:
            code, said = await refusal(settings)
            assert (code, f"its serial is {serial}, but" in said) == (1, True)
    assert json.loads((tmp_path / "serial").read_text())["serial"] == 9


async def test_one_serial_is_good_for_one_table(tmp_path: Path) -> None:
    await loads(with_serials(tmp_path))
    other = msgspec.structs.replace(TABLE, endpoints=())
    code, said = await refusal(with_serials(tmp_path, table=other))
    assert (code, "was accepted before for another table" in said) == (1, True)


async def test_a_signature_without_a_serial_does_not_pass_a_serial_file(tmp_path: Path) -> None:
    code, said = await refusal(with_serials(tmp_path, serial=None))
    assert (code, "has no serial" in said) == (1, True)
    assert not (tmp_path / "serial").exists()


async def test_what_could_not_be_served_does_not_raise_the_serial(tmp_path: Path) -> None:
    await loads(with_serials(tmp_path, serial=1))
    assert (await refusal(with_serials(tmp_path, serial=2), {}))[0] == 2  # no sealing key
    await loads(with_serials(tmp_path, serial=1))


@pytest.mark.parametrize("text", ["", "7", '{"serial":7}', '{"format":2,"serial":7,"table":"t"}', "\xff"])
async def test_a_serial_file_that_is_none_is_a_usage_error(tmp_path: Path, text: str) -> None:
    settings = with_serials(tmp_path)
    (tmp_path / "serial").write_text(text, encoding="latin-1")
    code, said = await refusal(settings)
    assert (code, str(tmp_path / "serial") in said) == (2, True)


async def test_a_serial_that_cannot_be_kept_is_not_accepted(tmp_path: Path) -> None:
    settings = msgspec.structs.replace(write(tmp_path), serial_file=str(tmp_path / "none" / "serial"))
    code, said = await refusal(settings)
    assert (code, "cannot write the serial file" in said) == (2, True)
