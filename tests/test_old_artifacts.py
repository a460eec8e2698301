"""Artifacts that an earlier xmc compiled go on being loaded, verified and served; those of a later one are refused."""

import shutil
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from tests.command import run_cli
from tests.gateways import CANARY
from tests.schema.signed import SEAL
from tests.simulators.google_tokens import account

from xmc.plugins import CONTRACT, build_plugins
from xmc.runtime.generation import verify
from xmc.runtime.process import StartError, load, start
from xmc.runtime.settings import Settings
from xmc.schema import (
    FORMAT,
    LOCK_SUFFIX,
    SECRETS_SUFFIX,
    TABLE_SUFFIX,
    Artifact,
    TableError,
    canonical_json,
    companion,
    decode_table,
    digest,
    encode_table,
    format_seal_key,
    format_signing_key,
    open_sealed,
    seal,
    verify_artifact,
)

FOLDER = Path(__file__).parent / "artifacts"
OLD = sorted(FOLDER.rglob(f"*{TABLE_SUFFIX}"))
PLUGINS = build_plugins()


def test_every_format_up_to_this_one_is_kept() -> None:
    assert [path.name for path in sorted(FOLDER.iterdir()) if path.is_dir()] == [
        f"format-{number}" for number in range(1, FORMAT + 1)
    ]
    assert len(OLD) >= 10


def holds(new: Any, old: Any) -> bool:
    """Tell whether all of `old` is in `new`, which may have further members by now, with their defaults."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(key in new and holds(new[key], value) for key, value in old.items())
    if isinstance(old, list):
        return len(new) == len(old) and all(map(holds, new, old))
    return bool(new == old)


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.name)
def test_an_old_table_is_read_as_it_was_written(path: Path) -> None:
    data = path.read_bytes()
    table = decode_table(data)
    assert holds(msgspec.json.decode(msgspec.json.encode(table)), msgspec.json.decode(data))
    again = decode_table(encode_table(table))
    assert msgspec.structs.replace(again, digest=table.digest) == table
    verify(table, PLUGINS)
    found = verify_artifact(Artifact(data, lock=companion(path, LOCK_SUFFIX).read_bytes()))
    assert found.lock["compiler"]["distribution"] == "xmc"


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.name)
def test_an_old_table_is_still_verified_by_the_command(path: Path) -> None:
    done = run_cli(path.parent, "verify", path.name)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.name)
async def test_an_old_table_is_served(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()  # noqa: ASYNC240 - before anything runs
    table = decode_table(data)
    shutil.copy(path, tmp_path)
    # Sealed values stand for every store, so that none is needed here.
    values = dict.fromkeys(table.secrets, CANARY) | {"google/service-account": account()}
    assert values.keys() >= table.secrets.keys()
    (tmp_path / path.name.replace(".json", ".sealed")).write_bytes(seal(values, table.digest, SEAL, bytes(12)))
    # Schemes that fetch tokens begin at once: no further than this machine.
    environ = {"XMC_SEAL_KEY": format_seal_key(SEAL.reveal()), "HTTPS_PROXY": "http://127.0.0.1:9"}
    server = await start(Settings(table=str(tmp_path / path.name), name=path.name, port=0), environ)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client:
            health = await client.get("/health/ready")
            listed = await client.get("/api/2.0/serving-endpoints")
            assert health.status == 200
            if table.principals:
                assert listed.status == 401
            else:
                names = [one["name"] for one in (await listed.json())["endpoints"]]
                assert names == [endpoint.name for endpoint in table.endpoints]
    finally:
        await server.close()


async def test_old_sealed_values_and_signatures_are_still_read(tmp_path: Path) -> None:
    for path in sorted(FOLDER.rglob("sealed-and-signed.xmc.*")):
        shutil.copy(path, tmp_path)
    (tmp_path / "trusted.pem").write_bytes(format_signing_key(bytes(range(32)))[1])
    settings = Settings(
        table=str(tmp_path / "sealed-and-signed.xmc.json"),
        name="t",
        require_signature=str(tmp_path / "trusted.pem"),
        serial_file=str(tmp_path / "serial"),
    )
    generation, upstream = await load(settings, {"XMC_SEAL_KEY": format_seal_key(SEAL.reveal())})
    await upstream.close()
    assert list(generation.endpoints["chat"].entities) == ["typed", "stored"]
    digest = generation.table.digest
    values = open_sealed((tmp_path / "sealed-and-signed.xmc.sealed").read_bytes(), digest, (SEAL,))
    assert values == {
        "openai/key": "not-a-key-either",
        "plaintext:chat/typed/openai_config.openai_api_key": "not-a-key-but-a-fixture",
    }
    assert msgspec.json.decode((tmp_path / "serial").read_bytes())["serial"] == 7


async def test_old_typed_in_values_are_still_read(tmp_path: Path) -> None:
    (path,) = (path for path in OLD if companion(path, SECRETS_SUFFIX).exists())
    private = companion(tmp_path / path.name, SECRETS_SUFFIX)
    shutil.copy(path, tmp_path)
    private.write_bytes(companion(path, SECRETS_SUFFIX).read_bytes())
    settings = Settings(table=str(tmp_path / path.name), secrets=str(private), name=path.name)
    private.chmod(0o644)  # as version control gives it
    with pytest.raises(StartError, match="open to other users"):
        await load(settings, {})
    private.chmod(0o600)
    generation, upstream = await load(settings, {})
    assert list(generation.endpoints) == ["chat"]
    await upstream.close()


def rewritten(**changes: object) -> bytes:
    """Return an old table with other members and a digest that fits them."""
    plain = {**msgspec.json.decode(OLD[0].read_bytes()), **changes}
    del plain["digest"]
    plain["digest"] = digest(plain)
    return canonical_json(plain) + b"\n"


@pytest.mark.parametrize("number", [0, FORMAT + 1, 1000])
def test_a_table_of_an_unknown_format_is_refused_although_its_digest_fits(number: int) -> None:
    with pytest.raises(TableError, match=f"format {number}; this version of xmc reads format {FORMAT}"):
        decode_table(rewritten(format=number))


@pytest.mark.parametrize("contract", [0, CONTRACT + 1])
async def test_a_table_of_another_plugin_contract_is_not_served(contract: int, tmp_path: Path) -> None:
    path = tmp_path / "t.xmc.json"
    path.write_bytes(rewritten(contract=contract))
    with pytest.raises(StartError, match=f"plugin contract {contract}; this version of xmc has contract") as caught:
        await load(Settings(table=str(path), name="t"), {})
    assert caught.value.exit_code == 1


def test_a_member_that_this_version_does_not_know_is_refused() -> None:
    with pytest.raises(TableError, match="unknown field `extra`"):
        decode_table(rewritten(extra=1))
