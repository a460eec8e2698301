"""What a table may not ask of the host."""

import msgspec
import pytest
from tests.gateways import endpoint, table, target, traffic_plugins

from xmc.runtime.generation import verify
from xmc.schema import TableError


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "cookie", "proxy-authorization"])
def test_a_target_may_not_see_the_clients_credentials(header: str) -> None:
    one = msgspec.structs.replace(target("http://127.0.0.1:9"), client_headers=("x-harmless", header))
    with pytest.raises(TableError, match=f"chat/e0 asks for the clients' header '{header}'"):
        verify(table(endpoint("chat", one)), traffic_plugins())


def test_a_target_may_see_other_headers() -> None:
    one = msgspec.structs.replace(target("http://127.0.0.1:9"), client_headers=("x-harmless",))
    verify(table(endpoint("chat", one)), traffic_plugins())
