"""The store `vault` against a real TLS server of OpenBao."""

import shutil
from pathlib import Path

import pytest
import trustme
from tests.secrets.openbao import OpenBao, tls_server
from tests.secrets.test_vault import STORE, failure, slot


def environ(bao: OpenBao, **more: str) -> dict[str, str]:
    return {"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.root or "none", **more}


@pytest.fixture
def ca_file(tls_bao: OpenBao) -> str:
    return str(tls_bao.verify)


@pytest.fixture
def ready(tls_bao: OpenBao, canary: str) -> OpenBao:
    tls_bao.put("tls", key=canary)
    return tls_bao


def test_before_it_is_initialised(tmp_path: Path, authority: trustme.CA) -> None:
    with tls_server(tmp_path, authority) as fresh:
        error = failure(lambda: STORE.open({"ca_cert": str(fresh.verify)}, environ(fresh)).prove(slot("a")))
    assert (error.kind, "is not initialised" in str(error)) == ("unreachable", True)


def test_with_its_own_ca(ready: OpenBao, ca_file: str, tmp_path: Path, canary: str) -> None:
    shutil.copy(ca_file, tmp_path / "own.pem")
    for config, more in (
        ({"ca_cert": ca_file}, {}),
        ({}, {"VAULT_CACERT": ca_file}),
        ({}, {"VAULT_CAPATH": str(tmp_path)}),
        ({}, {"VAULT_SKIP_VERIFY": "true"}),
        ({}, {"VAULT_CACERT": ca_file, "VAULT_TLS_SERVER_NAME": "vault.test"}),
    ):
        opened = STORE.open(config, environ(ready, **more))
        assert opened.read(slot("tls"))[0].reveal() == canary
        assert opened.prove(slot("tls")).value_was_read is False


def test_without_its_ca(ready: OpenBao) -> None:
    error = failure(lambda: STORE.open({}, environ(ready)).prove(slot("tls")))
    assert error.kind == "unreachable"
    assert "is not trusted" in str(error)
    assert "VAULT_CACERT" in str(error.hint)


def test_with_another_ca(ready: OpenBao, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    error = failure(lambda: STORE.open({"ca_cert": str(other)}, environ(ready)).prove(slot("tls")))
    assert (error.kind, "is not trusted" in str(error)) == ("unreachable", True)


def test_another_host_name_than_the_certificate_says(ready: OpenBao, ca_file: str) -> None:
    more = environ(ready, VAULT_CACERT=ca_file, VAULT_TLS_SERVER_NAME="other.test")
    error = failure(lambda: STORE.open({}, more).prove(slot("tls")))
    assert (error.kind, "VAULT_TLS_SERVER_NAME" in str(error.hint)) == ("unreachable", True)


def test_plain_http_to_its_tls_port(ready: OpenBao) -> None:
    address = ready.address.replace("https", "http")
    error = failure(lambda: STORE.open({"address": address}, environ(ready)).prove(slot("tls")))
    assert (error.kind, error.hint) == ("invalid", "begin the address with https://")


def test_tls_to_a_plain_port(bao: OpenBao) -> None:
    address = bao.address.replace("http", "https")
    error = failure(lambda: STORE.open({"address": address}, environ(bao)).prove(slot("tls")))
    assert (error.kind, error.hint) == ("invalid", "begin the address with http://")


@pytest.mark.parametrize("name", ["VAULT_CACERT", "VAULT_CLIENT_CERT", "VAULT_CAPATH"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_unusable_tls_files(tls_bao: OpenBao, tmp_path: Path, name: str, content: str | None) -> None:
    file = tmp_path / "folder" / "file.pem"
    if content:
        file.parent.mkdir()
        file.write_text(content)
    value = str(file.parent if name == "VAULT_CAPATH" else file)
    error = failure(lambda: STORE.open({}, environ(tls_bao, **{name: value})))
    assert (error.kind, name in str(error.hint)) == ("invalid", True)


def test_a_client_certificate_is_offered(
    ready: OpenBao, ca_file: str, authority: trustme.CA, tmp_path: Path, canary: str
) -> None:
    issued = authority.issue_cert("client@xmc.test")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "client.pem"))
    more = environ(ready, VAULT_CACERT=ca_file, VAULT_CLIENT_CERT=str(tmp_path / "client.pem"))
    assert STORE.open({}, more).read(slot("tls"))[0].reveal() == canary
