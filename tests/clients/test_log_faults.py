"""A log destination that fails is no outage: a real gateway goes on answering, counts the lines, and says so once."""

import os
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.clients.gateway import serving

# No endpoint is needed: every request has its line, whatever it asks for.
SPEC: dict[str, Any] = {"endpoints": []}
REQUESTS = 50


def get(url: str, path: str) -> tuple[int, str]:
    address = urlsplit(url)
    connection = HTTPConnection(str(address.hostname), address.port, timeout=10)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


def lost(url: str) -> float:
    status, text = get(url, "/metrics")
    assert status == 200
    (family,) = (f for f in text_string_to_metric_families(text) if f.name == "xmc_access_log_lost")
    return family.samples[0].value


def until(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # another process is to get there; it can only be asked


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk(tmp_path: Path) -> None:
    with serving(SPEC, tmp_path, {}, access_log=Path("/dev/full")) as (url, _):
        assert [get(url, "/api/2.0/serving-endpoints")[0] for _ in range(REQUESTS)] == [200] * REQUESTS
        until(lambda: lost(url) >= REQUESTS)
        assert get(url, "/api/2.0/serving-endpoints") == (200, '{"endpoints":[]}')
    shown = (tmp_path / "serve.out").read_text()
    assert shown.count("access log: lines are being lost") == 1
    assert "Traceback" not in shown


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    pipe = tmp_path / "log.pipe"
    os.mkfifo(pipe)
    first: list[bytes] = []

    def read_a_little() -> None:
        with pipe.open("rb", buffering=0) as reader:
            first.append(reader.read(1))

    reading = threading.Thread(target=read_a_little, daemon=True)
    reading.start()
    with serving(SPEC, tmp_path, {}, access_log=pipe) as (url, _):
        assert get(url, "/health/live")[0] == 200
        reading.join(10)
        assert first == [b"{"]
        for _ in range(REQUESTS):
            assert get(url, "/health/live")[0] == 200
        until(lambda: get(url, "/health/live")[0] == 200 and lost(url) > 0)
    shown = (tmp_path / "serve.out").read_text()
    assert shown.count("access log: lines are being lost") == 1
    assert "Traceback" not in shown
