import os
from collections.abc import Callable
from pathlib import Path

import pytest

from xmc.plugins import StoreError, StoreSession
from xmc.plugins.stores.file import MAX_BYTES, FileStore
from xmc.schema import JsonObject, SecretSlot

STORE = FileStore()
Put = Callable[..., Path]


def slot(scope: str, key: str, settings: JsonObject | None = None) -> SecretSlot:
    path, field = STORE.locate(scope, key, settings or {})
    return SecretSlot(ref="", store="file", path=path, field=field)


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def put(name: str, data: bytes, mode: int = 0o400) -> Path:
        file = tmp_path / "store" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(mode)
        return file

    (tmp_path / "store").mkdir()
    return put


@pytest.fixture
def session(put: Put, tmp_path: Path) -> StoreSession:  # noqa: ARG001 - `put` makes the directory
    return STORE.open({"directory": str(tmp_path / "store")}, {})


@pytest.mark.parametrize(("end", "kept"), [("", ""), ("\n", ""), ("\r\n", ""), ("\n\n", "\n"), (" ", " ")])
def test_one_trailing_newline_is_not_part_of_the_value(
    put: Put, session: StoreSession, canary: str, end: str, kept: str
) -> None:
    put("openai/key", (canary + end).encode())
    assert session.read(slot("openai", "key"))[0].reveal() == canary + kept


def test_a_scope_may_have_a_folder_of_another_name(put: Put, session: StoreSession, canary: str) -> None:
    put("deep/er/key", canary.encode())
    assert session.read(slot("openai", "key", {"path": "deep/er"}))[0].reveal() == canary


def test_links_of_a_mounted_volume_are_followed(put: Put, session: StoreSession, canary: str, tmp_path: Path) -> None:
    put("openai/..2026/key", canary.encode())
    scope = tmp_path / "store" / "openai"
    (scope / "..data").symlink_to("..2026")
    (scope / "key").symlink_to("..data/key")
    assert session.read(slot("openai", "key"))[0].reveal() == canary


def test_a_link_out_of_the_directory_is_refused(put: Put, session: StoreSession, canary: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text(canary)
    put("openai/other", b"x")
    (tmp_path / "store" / "openai" / "key").symlink_to(outside)
    for ask in (session.prove, session.read):
        with pytest.raises(StoreError, match="leads out") as caught:
            ask(slot("openai", "key"))
        assert caught.value.kind == "denied"


@pytest.mark.parametrize(("scope", "key", "settings"), [("..", "k", {}), ("s", "..", {}), ("s", "k", {"path": "/etc"})])
def test_names_that_lead_out_of_the_directory_are_refused(scope: str, key: str, settings: dict[str, str]) -> None:
    with pytest.raises(StoreError, match="leads out"):
        STORE.locate(scope, key, settings)


def test_what_every_user_may_read_is_proven_with_a_warning(put: Put, session: StoreSession) -> None:
    put("a/b", b"x", 0o444)
    assert "chmod 0400" in str(session.prove(slot("a", "b")).warning)
    put("a/c", b"x", 0o440)
    assert session.prove(slot("a", "c")).warning is None


def test_what_every_user_may_change_is_refused(put: Put, session: StoreSession) -> None:
    put("a/b", b"x", 0o666)
    with pytest.raises(StoreError, match="may change"):
        session.read(slot("a", "b"))


def test_proving_does_not_read(put: Put, session: StoreSession, canary: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put("a/b", canary.encode())
    monkeypatch.setattr(os, "fdopen", lambda *_: pytest.fail("the value was read"))
    assert session.prove(slot("a", "b")).value_was_read is False


def test_a_fifo_does_not_hang_and_is_no_secret(put: Put, session: StoreSession, tmp_path: Path) -> None:
    put("a/b", b"x")
    os.mkfifo(tmp_path / "store" / "a" / "pipe")
    with pytest.raises(StoreError, match="not a regular file"):
        session.prove(slot("a", "pipe"))


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"", "missing", "is empty"),
        (b"\n", "missing", "is empty"),
        (b"\xff\xfe", "invalid", "UTF-8"),
        (b"x" * (MAX_BYTES + 1), "invalid", "bytes"),
    ],
)
def test_what_cannot_be_a_secret_is_refused(
    put: Put, session: StoreSession, data: bytes, kind: str, words: str
) -> None:
    put("a/b", data)
    with pytest.raises(StoreError, match=words) as caught:
        session.read(slot("a", "b"))
    assert caught.value.kind == kind
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_missing_file_and_missing_directory(session: StoreSession, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no file") as caught:
        session.prove(slot("no", "such"))
    assert caught.value.kind == "missing"
    with pytest.raises(StoreError, match="does not exist") as caught:
        STORE.open({"directory": str(tmp_path / "nowhere")}, {})
    assert caught.value.kind == "invalid"
