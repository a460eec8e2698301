"""Shared by the tests about secrets: a canary that must never leak, and real OpenBao servers."""

import secrets
from collections.abc import Iterator

import pytest
import trustme
from tests.secrets.openbao import OpenBao, dev_server, initialise, tls_server


@pytest.fixture
def canary() -> str:
    """Return a key that occurs nowhere else; its odd characters change under every escaping."""
    return f'canary-{secrets.token_hex(16)}/+"é{secrets.token_hex(4)}'


@pytest.fixture(scope="session")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """Run one dev server for the whole run; tests use paths, mounts and namespaces of their own."""
    with dev_server(tmp_path_factory.mktemp("bao")) as server:
        yield server


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Make the test's own CA."""
    return trustme.CA()


@pytest.fixture(scope="session")
def tls_bao(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[OpenBao]:
    """Run one real server for the whole run: raft, TLS by the test's own CA."""
    with tls_server(tmp_path_factory.mktemp("tls-bao"), authority) as server:
        initialise(server)
        yield server
