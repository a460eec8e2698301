import json
from typing import Any, cast

import pytest

from xmc.runtime.call import Call
from xmc.runtime.dialect import DATABRICKS, MESSAGES, OPENAI, Dialect
from xmc.runtime.http import Inbound
from xmc.runtime.record import RequestRecord


async def _no_body(_: int) -> bytes:
    return b""


@pytest.mark.parametrize(
    ("dialect", "prefix", "where"),
    [
        (OPENAI, "data: ", ("error", "code")),
        (DATABRICKS, "data: ", ("error", "code")),
        (MESSAGES, "event: error\ndata: ", ("error", "type")),
    ],
    ids=["openai", "databricks", "messages"],
)
def test_a_stream_that_the_gateway_ends_says_so_in_its_own_dialect(
    dialect: Dialect, prefix: str, where: tuple[str, str]
) -> None:
    inbound = Inbound("POST", "/", "", {}, _no_body)
    record = RequestRecord(request_id="r1", started_at=0.0, method="POST", path="/")
    call = Call(inbound, record, cast("Any", None), dialect, 0.0, lambda _: None)
    event = call.last_words().decode()
    assert event.startswith(prefix)
    assert event.endswith("\n\n")
    body = json.loads(event.removeprefix(prefix))
    assert body[where[0]][where[1]]
    assert "shutting down" in json.dumps(body)
    assert "[DONE]" not in event
