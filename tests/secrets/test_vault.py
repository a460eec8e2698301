"""The store `vault` against a real OpenBao: what it proves, what it reads, and what it says when it cannot."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.secrets.openbao import OpenBao, free_port

from xmc.plugins import Proof, StoreError, StoreSession
from xmc.plugins.stores.vault import VaultStore
from xmc.schema import JsonObject, SecretSlot

STORE = VaultStore()
_numbers = count()


def slot(scope: str, key: str = "key", **settings: Any) -> SecretSlot:
    path, field = STORE.locate(scope, key, settings)
    return SecretSlot(ref=f"{{{{secrets/{scope}/{key}}}}}", store="vault", path=path, field=field)


def session(bao: OpenBao, token: str | None = None, **environ: str) -> StoreSession:
    return STORE.open({}, {"VAULT_ADDR": bao.address, "VAULT_TOKEN": token or bao.root, **environ})


def failure(ask: Callable[[], Any]) -> StoreError:
    with pytest.raises(StoreError) as caught:
        ask()
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    return error


@pytest.fixture
def path() -> str:
    return f"scope-{next(_numbers)}"


# --- version 2 -----------------------------------------------------------------------------------------------------


def test_v2_reads_the_latest_version(bao: OpenBao, path: str, canary: str) -> None:
    bao.put(path, key="old")
    bao.put(path, key=canary)
    secret, version = session(bao).read(slot(path))
    assert (secret.reveal(), version) == (canary, "2")


def test_v2_is_proven_by_a_policy_that_allows_only_subkeys(bao: OpenBao, path: str, canary: str) -> None:
    bao.put(path, key=canary)
    token = bao.token(f"secret/subkeys/{path}")
    assert session(bao, token).prove(slot(path)) == Proof(version="1", value_was_read=False)
    denied = failure(lambda: session(bao, token).read(slot(path)))
    assert denied.kind == "denied"
    assert f'path "secret/data/{path}" {{ capabilities = ["read"] }}' in str(denied.hint)


def test_v2_without_subkeys_is_proven_by_metadata_with_a_warning(bao: OpenBao, path: str) -> None:
    bao.put(path, key="x")
    proof = session(bao, bao.token(f"secret/metadata/{path}")).prove(slot(path))
    assert (proof.version, proof.value_was_read) == ("1", False)
    assert '"key" was not proven' in str(proof.warning)


def test_v2_with_nothing_but_data_is_proven_by_reading_and_says_so(bao: OpenBao, path: str, canary: str) -> None:
    bao.put(path, key=canary)
    proof = session(bao, bao.token(f"secret/data/{path}")).prove(slot(path))
    assert proof == Proof(version="1", value_was_read=True)
    assert canary not in repr(proof)


@pytest.mark.parametrize("rule", ["secret/subkeys/{}", "secret/data/{}"])
def test_v2_missing_field_names_a_near_one_and_no_value(bao: OpenBao, path: str, canary: str, rule: str) -> None:
    bao.put(path, api_key=canary)
    error = failure(lambda: session(bao, bao.token(rule.format(path))).prove(slot(path, "api-key")))
    assert error.kind == "missing"
    assert f'path "{path}" in mount "secret" has no field "api-key"' in str(error)
    assert error.hint == 'did you mean "api_key"?'


def test_v2_missing_path(bao: OpenBao, path: str) -> None:
    for ask in (session(bao).prove, session(bao).read):
        error = failure(partial(ask, slot(path)))
        assert error.kind == "missing"
        assert f'no secret at path "{path}" in mount "secret"' in str(error)


@pytest.mark.parametrize("rule", ["secret/subkeys/{}", "secret/metadata/{}", "secret/data/{}"])
@pytest.mark.parametrize("destroy", [False, True])
def test_v2_deleted_version_is_missing_and_named(bao: OpenBao, path: str, rule: str, destroy: bool) -> None:
    bao.put(path, key="x")
    if destroy:
        bao.call("POST", f"secret/destroy/{path}", versions=[1])
    else:
        bao.call("DELETE", f"secret/data/{path}")
    error = failure(lambda: session(bao, bao.token(rule.format(path))).prove(slot(path)))
    assert error.kind == "missing"
    assert "latest version (1)" in str(error)


@pytest.mark.parametrize("value", [5, {"a": "b"}, None, ["x"]])
def test_a_field_that_is_not_text_is_refused(bao: OpenBao, path: str, value: object) -> None:
    bao.put(path, key=value)
    error = failure(lambda: session(bao).read(slot(path)))
    assert (error.kind, "is not text" in str(error)) == ("invalid", True)
    if isinstance(value, dict):  # what can be seen without the value
        assert "is not text" in str(failure(lambda: session(bao).prove(slot(path))))


def test_an_empty_field_is_missing(bao: OpenBao, path: str) -> None:
    bao.put(path, key="")
    assert failure(lambda: session(bao).read(slot(path))).kind == "missing"


# --- version 1, mounts, namespaces ---------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"version": 1}])
def test_v1_is_told_from_v2_and_proven_by_reading(
    bao: OpenBao, path: str, canary: str, settings: dict[str, Any]
) -> None:
    mount = f"one-{path}"
    bao.call("POST", f"sys/mounts/{mount}", type="kv", options={"version": "1"})
    bao.call("POST", f"{mount}/{path}", key=canary, ttl="30s")
    opened = session(bao)
    secret, version = opened.read(slot(path, mount=mount, **settings))
    assert (secret.reveal(), version) == (canary, None)
    assert opened.prove(slot(path, mount=mount, **settings)) == Proof(value_was_read=True)
    assert failure(lambda: opened.prove(slot(path, "other", mount=mount))).kind == "missing"
    assert failure(lambda: opened.prove(slot("nowhere", mount=mount))).kind == "missing"


def test_path_and_field_may_be_made_of_the_key(bao: OpenBao, path: str, canary: str) -> None:
    bao.put(f"{path}/deep down/gpt", value=canary)
    found = slot(path, "gpt", path=f"{path}/deep down/{{key}}", field="value")
    assert session(bao).read(found)[0].reveal() == canary


def test_a_mount_of_several_parts(bao: OpenBao, path: str, canary: str) -> None:
    bao.call("POST", f"sys/mounts/team/{path}", type="kv", options={"version": "2"})
    bao.call("POST", f"team/{path}/data/x", data={"key": canary})
    assert session(bao).read(slot("x", mount=f"team/{path}"))[0].reveal() == canary
    error = failure(lambda: session(bao).read(slot("x", mount="secret/x")))
    assert (error.kind, error.hint) == ("invalid", "set `mount: secret` for the scope, and put the rest into `path`")


def test_a_missing_mount_and_a_mount_of_another_kind(bao: OpenBao, path: str) -> None:
    missing = failure(lambda: session(bao).prove(slot(path, mount="nowhere")))
    assert (missing.kind, 'there is no mount "nowhere"' in str(missing)) == ("denied", True)
    bao.call("POST", f"sys/mounts/pki-{path}", type="pki")
    other = failure(lambda: session(bao).prove(slot(path, mount=f"pki-{path}")))
    assert (other.kind, "'pki'" in str(other)) == ("invalid", True)


def test_namespaces(bao: OpenBao, path: str, canary: str) -> None:
    bao.call("POST", f"sys/namespaces/ns-{path}")
    bao.call("POST", "sys/mounts/secret", namespace=f"ns-{path}", type="kv", options={"version": "2"})
    bao.call("POST", f"secret/data/{path}", namespace=f"ns-{path}", data={"key": canary})
    assert session(bao, VAULT_NAMESPACE=f"ns-{path}").read(slot(path))[0].reveal() == canary
    in_root = failure(lambda: session(bao).prove(slot(path)))
    assert in_root.kind == "missing"
    bao.put(f"{path}-root", key="x")
    wrong = failure(lambda: session(bao, VAULT_NAMESPACE=f"ns-{path}").prove(slot(f"{path}-root")))
    assert (wrong.kind, f'of namespace "ns-{path}"' in str(wrong)) == ("missing", True)
    unknown = failure(lambda: session(bao, VAULT_NAMESPACE="nowhere").prove(slot(path)))
    assert (unknown.kind, 'no namespace "nowhere"' in str(unknown)) == ("invalid", True)


# --- credentials ---------------------------------------------------------------------------------------------------


def test_a_policy_that_denies_is_told_from_a_dead_token(bao: OpenBao, path: str) -> None:
    bao.put(path, key="x")
    for options in ({}, {"no_default_policy": True}):  # without the default policy no token may look itself up
        token = bao.token("secret/subkeys/other", **options)
        denied = failure(partial(session(bao, token).prove, slot(path)))
        assert denied.kind == "denied"
        assert f'path "secret/subkeys/{path}" {{ capabilities = ["read"] }}' in str(denied.hint)
        bao.session.post(
            f"{bao.address}/v1/auth/token/revoke", json={"token": token}, headers={"X-Vault-Token": bao.root}, timeout=9
        ).raise_for_status()
        dead = failure(partial(session(bao, token).prove, slot(path)))
        assert dead.kind == "invalid"
        assert "does not accept the token" in str(dead)
        assert token not in f"{dead}{dead.hint}{dead!r}"


def test_an_expired_token_is_asked_about_once(bao: OpenBao, path: str) -> None:
    bao.put(path, key="x")
    token = bao.token(f"secret/data/{path}", ttl="1s", explicit_max_ttl="1s")
    opened = session(bao, token)
    assert opened.read(slot(path))[1] == "1"
    error = failure(lambda: _read_until_refused(opened, slot(path)))
    assert (error.kind, "expired" in str(error)) == ("invalid", True)
    again = failure(lambda: opened.read(slot("another")))
    assert "expired" in str(again)


def _read_until_refused(opened: StoreSession, wanted: SecretSlot) -> None:
    """Read on; OpenBao expires a token by its own clock."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        opened.read(wanted)
        time.sleep(0.1)


def test_a_token_file_and_the_file_of_the_vault_cli(bao: OpenBao, path: str, tmp_path: Path, canary: str) -> None:
    bao.put(path, key=canary)
    (tmp_path / "token").write_text(bao.root + "\n")
    config: JsonObject = {"address": bao.address, "auth": {"method": "token_file", "path": str(tmp_path / "token")}}
    assert STORE.open(config, {}).read(slot(path))[0].reveal() == canary
    (tmp_path / ".vault-token").write_text(bao.root)
    opened = STORE.open({}, {"VAULT_ADDR": bao.address, "HOME": str(tmp_path)})
    assert opened.read(slot(path))[0].reveal() == canary


def test_approle(bao: OpenBao, path: str, tmp_path: Path, canary: str) -> None:
    bao.put(path, key=canary)
    mount = f"roles-{path}"
    bao.call("POST", f"sys/auth/{mount}", type="approle")
    bao.call("PUT", f"sys/policies/acl/{mount}", policy=f'path "secret/data/{path}" {{ capabilities = ["read"] }}')
    bao.call("POST", f"auth/{mount}/role/ci", token_policies=mount, secret_id_num_uses=1)
    role_id = bao.call("GET", f"auth/{mount}/role/ci/role-id")["data"]["role_id"]
    secret_id = bao.call("POST", f"auth/{mount}/role/ci/secret-id")["data"]["secret_id"]
    (tmp_path / "role").write_text(role_id)
    auth = {"method": "approle", "mount": mount, "role_id_file": str(tmp_path / "role"), "secret_id_env": "SID"}
    config: JsonObject = {"address": bao.address, "auth": auth}
    assert STORE.open(config, {"SID": secret_id}).read(slot(path))[0].reveal() == canary
    used_up = failure(lambda: STORE.open(config, {"SID": secret_id}))
    assert used_up.kind == "invalid"
    assert "refused the AppRole login" in str(used_up)
    assert secret_id not in f"{used_up}{used_up.hint}"


# --- states of the server ------------------------------------------------------------------------------------------


def test_sealed(bao: OpenBao, path: str) -> None:
    bao.put(path, key="x")
    opened = session(bao)
    bao.call("PUT", "sys/seal")
    try:
        error = failure(lambda: opened.read(slot(path)))
        assert (error.kind, str(error)) == ("unreachable", f"Vault at {bao.address} is sealed")
    finally:
        bao.call("PUT", "sys/unseal", key=bao.unseal_key)
        bao.wait(200)
    assert opened.prove(slot(path)).version == "1"


def test_nobody_listens() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    error = failure(lambda: STORE.open({"address": address}, {"VAULT_TOKEN": "t"}).prove(slot("a")))
    assert (error.kind, str(error)) == ("unreachable", f"cannot reach Vault at {address}: Connection refused")


@pytest.fixture
def silent() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_never_answers_does_not_hang_us(silent: str, scheme: str) -> None:
    config: JsonObject = {"address": f"{scheme}://{silent}", "timeout_s": 1}
    started = time.monotonic()
    error = failure(lambda: STORE.open(config, {"VAULT_TOKEN": "t"}).prove(slot("a")))
    assert (error.kind, "did not answer within 1 s" in str(error)) == ("unreachable", True)
    assert time.monotonic() - started < 5


@pytest.fixture
def not_vault() -> Iterator[str]:
    """Answer every request with a page of HTML."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)


def test_something_else_than_vault_is_not_a_missing_secret(not_vault: str) -> None:
    error = failure(lambda: STORE.open({"address": not_vault}, {"VAULT_TOKEN": "t"}).prove(slot("a")))
    assert (error.kind, "does not answer like Vault" in str(error)) == ("invalid", True)
