"""One gateway process for all client tests, and Node with its packages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clients.gateway import Gateway, gateway
from tests.clients.node_packages import node_with_packages


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="session")
def node() -> Path:
    return node_with_packages()
