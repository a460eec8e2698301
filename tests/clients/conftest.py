"""One gateway process for all client tests."""

from collections.abc import Iterator

import pytest
from tests.clients.gateway import Gateway, gateway


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running
