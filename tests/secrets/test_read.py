import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.secrets.fake_store import fake_plugins

from xmc.plugins import CONTRACT, Plugins, StoreError, build_plugins
from xmc.runtime import secrets as module
from xmc.runtime.secrets import RETRY_PAUSES_S, SecretsError, read_secrets, read_secrets_file
from xmc.schema import Secret, SecretSlot, Store, Table

TYPED = "plaintext:chat/gpt/openai_config.openai_api_key"


def table(*names: str, kind: str = "fake") -> Table:
    slots = {name: SecretSlot(ref="", store="main", path="", field=name) for name in names}
    if TYPED in slots:
        slots[TYPED] = SecretSlot(ref="", store="plaintext", path="", field=TYPED)
    return Table(endpoints=(), contract=CONTRACT, stores={"main": Store(kind=kind)}, secrets=slots)


def plugins(read: Callable[[SecretSlot], str]) -> Plugins:
    return fake_plugins(read=lambda slot: (Secret(read(slot)), None))


async def test_values_of_stores_and_of_the_spec_come_together(canary: str) -> None:
    main = threading.get_ident()
    threads: list[int] = []

    def read(slot: SecretSlot) -> str:
        threads.append(threading.get_ident())
        return canary + slot.field

    found = await read_secrets(table("a/b", "a/c", TYPED), plugins(read), {}, {TYPED: "typed"})
    assert {name: secret.reveal() for name, secret in found.items()} == {
        "a/b": canary + "a/b",
        "a/c": canary + "a/c",
        TYPED: "typed",
    }
    assert len(set(threads)) == 1
    assert main not in threads
    assert canary not in repr(found)


async def test_a_store_that_comes_up_late_is_waited_for(canary: str) -> None:
    pauses: list[float] = []

    def read(_: SecretSlot) -> str:
        if len(pauses) < 2:
            raise StoreError("unreachable", "connection refused")
        return canary

    found = await read_secrets(table("a/b"), plugins(read), {}, {}, pause=pauses.append)
    assert found["a/b"].reveal() == canary
    assert pauses == list(RETRY_PAUSES_S[:2])


async def test_a_store_that_stays_away_is_given_up() -> None:
    asked: list[str] = []

    def read(slot: SecretSlot) -> str:
        asked.append(slot.field)
        raise StoreError("unreachable", "connection refused")

    with pytest.raises(SecretsError, match="connection refused") as caught:
        await read_secrets(table("a/b", "a/c"), plugins(read), {}, {}, pause=lambda _: None)
    assert caught.value.unreachable
    assert [name for name, _ in caught.value.failures] == ["a/b", "a/c"]
    assert asked == ["a/b"] * (len(RETRY_PAUSES_S) + 1)


async def test_other_failures_are_not_retried_and_all_are_named() -> None:
    def read(slot: SecretSlot) -> str:
        raise StoreError("missing", f"there is no {slot.field}")

    with pytest.raises(SecretsError) as caught:
        await read_secrets(
            table("a/b", "a/c", TYPED), plugins(read), {}, {}, pause=lambda _: pytest.fail("waited for nothing")
        )
    assert {name: error.kind for name, error in caught.value.failures} == {
        "a/b": "missing",
        "a/c": "missing",
        TYPED: "missing",
    }
    assert not caught.value.unreachable


async def test_a_store_that_hangs_does_not_hang_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOTAL_S", 0.05)
    release = threading.Event()

    def read(slot: SecretSlot) -> str:
        if slot.field == "a/c":
            release.wait(30)
        return "x"

    try:
        with pytest.raises(SecretsError) as caught:
            await read_secrets(table("a/b", "a/c"), plugins(read), {}, {})
    finally:
        release.set()
    assert [name for name, _ in caught.value.failures] == ["a/c"]
    assert caught.value.unreachable


async def test_a_store_kind_that_is_not_installed_is_named() -> None:
    with pytest.raises(SecretsError, match='"fake"') as caught:
        await read_secrets(table("a/b"), build_plugins({}), {}, {})
    assert caught.value.failures[0][1].kind == "invalid"


async def test_a_fault_of_a_plugin_is_not_hidden() -> None:
    def read(_: SecretSlot) -> str:
        raise KeyError("a plugin's own bug")

    with pytest.raises(KeyError, match="own bug"):
        await read_secrets(table("a/b"), plugins(read), {}, {})


# --- the file of values typed into the spec -------------------------------------------------------------------------


@pytest.fixture
def held(tmp_path: Path, canary: str) -> Path:
    path = tmp_path / "e.xmc.secrets"
    path.touch(0o600)
    path.write_text(f'{{"digest":"sha256:1","secrets":{{"{TYPED}":"{canary[:20]}"}}}}')
    return path


def test_a_secrets_file_is_read_for_its_own_table_only(held: Path, canary: str) -> None:
    assert read_secrets_file(held, "sha256:1") == {TYPED: canary[:20]}
    with pytest.raises(StoreError, match="another table") as caught:
        read_secrets_file(held, "sha256:2")
    assert caught.value.kind == "invalid"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o610])
def test_a_secrets_file_open_to_others_is_refused(held: Path, mode: int) -> None:
    held.chmod(mode)
    with pytest.raises(StoreError, match="open to other users") as caught:
        read_secrets_file(held, "sha256:1")
    assert caught.value.kind == "denied"


def _garble(path: Path) -> None:
    path.write_text(path.read_text().replace("{", "["))


def _mistype(path: Path) -> None:
    path.write_text('{"digest":"sha256:1","secrets":{"a":["canary-0123"]}}')


@pytest.mark.parametrize("spoil", [_garble, _mistype, lambda path: path.write_bytes(b"\xff{}")])
def test_a_spoilt_secrets_file_is_refused_without_quoting_it(held: Path, spoil: Callable[[Path], Any]) -> None:
    spoil(held)
    with pytest.raises(StoreError, match="not a secrets file") as caught:
        read_secrets_file(held, "sha256:1")
    assert "canary" not in f"{caught.value!s}{caught.value!r}"
    assert caught.value.__suppress_context__


def test_a_missing_secrets_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="typed into the spec") as caught:
        read_secrets_file(tmp_path / "e.xmc.secrets", "sha256:1")
    assert (caught.value.kind, caught.value.hint) == ("missing", "compile the spec again")


def test_a_link_in_place_of_a_secrets_file_is_refused(held: Path, tmp_path: Path) -> None:
    (tmp_path / "link.xmc.secrets").symlink_to(held)
    with pytest.raises(StoreError, match="cannot read"):
        read_secrets_file(tmp_path / "link.xmc.secrets", "sha256:1")
