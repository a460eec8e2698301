import errno
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmc.runtime.access_log import AccessLog, format_human, format_json
from xmc.runtime.record import RequestRecord
from xmc.schema import make_token

TOKEN = make_token(bytes(range(40)))
# Every way out of a line: newlines, separators, terminal codes (7 and 8 bit), direction override, lone surrogate.
NASTY = "a\r\nb\x00\x1b[2J\x9b2J\x7f\u2028\u2029\x85\u202e\udce9 status=200"

KEYS = [
    "time", "request_id", "client_request_id", "method", "path", "route", "status", "outcome", "error_code",
    "endpoint", "entity", "provider", "task", "principal", "upstream_status", "upstream_request_id", "streamed",
    "chunks", "dropped", "prompt_tokens", "completion_tokens", "bytes_in", "bytes_out", "duration_ms",
    "first_byte_ms", "upstream_ms", "table",
]  # fmt: skip


def _record(**fields: Any) -> RequestRecord:
    base: dict[str, Any] = {
        "request_id": "r-1", "started_at": 1_700_000_000.1239, "method": "POST", "path": "/serving-endpoints/chat",
        "route": "invocations", "endpoint": "chat", "status": 200, "duration_s": 0.0123456,
    }  # fmt: skip
    return RequestRecord(**(base | fields))


def test_json_lines_always_have_every_documented_key_in_order() -> None:
    line = json.loads(format_json(_record(first_byte_s=0.0101, dropped=("seed",), prompt_tokens=5)))
    assert list(line) == KEYS
    assert line["time"] == "2023-11-14T22:13:20.123Z"
    assert (line["duration_ms"], line["first_byte_ms"], line["upstream_ms"]) == (12.346, 10.1, None)
    assert (line["dropped"], line["prompt_tokens"], line["completion_tokens"]) == (["seed"], 5, None)


def test_every_key_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "observability.md").read_text()
    assert [key for key in KEYS if f"| `{key}` |" not in page] == []


def test_human_lines_say_what_is_known_and_nothing_else() -> None:
    line = format_human(
        _record(
            entity="a",
            principal="Zoë Q",
            prompt_tokens=5,
            completion_tokens=7,
            first_byte_s=0.01,
            streamed=True,
            chunks=3,
        )
    )
    assert line.decode() == (
        "2023-11-14T22:13:20.123Z 200 ok POST /serving-endpoints/chat endpoint=chat entity=a "
        'principal="Zoë Q" tokens=5+7 chunks=3 first_byte=10.0ms duration=12.346ms id=r-1\n'
    )


CLIENT_CHOSEN = (
    "request_id",
    "client_request_id",
    "method",
    "path",
    "endpoint",
    "entity",
    "principal",
    "upstream_request_id",
)


@pytest.mark.parametrize("field", CLIENT_CHOSEN)
@pytest.mark.parametrize("form", [format_json, format_human])
def test_what_others_choose_cannot_forge_a_line_or_speak_to_a_terminal(field: str, form: Any) -> None:
    data = form(_record(**{field: NASTY}))
    text = data.decode()
    assert text.endswith("\n")
    assert text[:-1].isprintable()
    if form is format_json:
        assert "status=200" in json.loads(data)[field]
    elif "status=200" in text and field not in {"method", "path"}:  # those two cannot hold a space in HTTP
        assert '="' in text


@given(st.text(max_size=400))
def test_any_text_gives_one_printable_line(text: str) -> None:
    record = _record(request_id=text, path=text, client_request_id=text)
    for form in (format_json, format_human):
        line = form(record).decode()
        assert line.count("\n") == 1
        assert line[:-1].isprintable()
        assert len(line) < 10_000


def test_a_token_in_a_path_or_an_id_is_masked() -> None:
    record = _record(path=f"/x/{TOKEN}", request_id=TOKEN, client_request_id=f"{'y' * 230}{TOKEN}")
    for form in (format_json, format_human):
        assert TOKEN[13:29] not in form(record).decode()
        assert TOKEN[:12] in form(record).decode()


def test_long_values_are_cut() -> None:
    assert len(format_json(_record(client_request_id="x" * 100_000))) < 2_000


@pytest.fixture
def sink() -> Iterator[tuple[list[bytes], list[str], AccessLog]]:
    written: list[bytes] = []
    warned: list[str] = []
    log = AccessLog(written.append, form="json", warn=warned.append)
    yield written, warned, log
    log.close()


def test_lines_wait_for_a_flush_and_keep_their_order(sink: tuple[list[bytes], list[str], AccessLog]) -> None:
    written, warned, log = sink
    for number in range(3):
        log.write(_record(request_id=str(number)))
    assert written == []
    log.flush()
    log.write(_record(request_id="last"))
    log.close()
    lines = [json.loads(line)["request_id"] for line in b"".join(written).splitlines()]
    assert lines == ["0", "1", "2", "last"]
    assert (log.lost, warned) == (0, [])


def test_a_full_buffer_is_written_without_a_flush(sink: tuple[list[bytes], list[str], AccessLog]) -> None:
    written, _, log = sink
    full = threading.Event()

    def write(data: bytes) -> None:
        written.append(data)
        full.set()

    log._write = write
    for number in range(200):
        log.write(_record(request_id=str(number)))
    assert full.wait(10)
    assert len(written[0]) >= 64 * 1024


def test_a_closed_pipe_loses_lines_but_nothing_else() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    warned: list[str] = []
    log = AccessLog(lambda data: os.write(write_end, data), form="human", warn=warned.append)
    for _ in range(3):
        log.write(_record())
        log.flush()
    log.close()
    os.close(write_end)
    assert log.lost == 3
    assert len(warned) == 1
    assert "Broken pipe" in warned[0]


def test_a_full_disk_is_survived_and_writing_goes_on_when_there_is_room_again() -> None:
    state: dict[str, Any] = {"full": True, "data": b""}

    def write(data: bytes) -> None:
        if state["full"]:
            raise OSError(errno.ENOSPC, "No space left on device")
        state["data"] += data

    warned: list[str] = []
    log = AccessLog(write, form="json", warn=warned.append)
    log.write(_record())
    log.close()
    assert log.lost == 1
    state["full"] = False
    again = AccessLog(write, form="json", warn=warned.append)
    again.write(_record(request_id="after"))
    again.close()
    assert (json.loads(state["data"])["request_id"], again.lost, len(warned)) == ("after", 0, 1)


def test_the_same_log_writes_on_after_a_failure() -> None:
    failures = [OSError(errno.ENOSPC, "No space left on device")]
    written: list[bytes] = []

    def write(data: bytes) -> None:
        if failures:
            raise failures.pop()
        written.append(data)

    log = AccessLog(write, form="json", warn=lambda _: None)
    for request_id in ("lost", "kept"):
        log.write(_record(request_id=request_id))
        log.flush()
    log.close()
    assert log.lost == 1
    assert json.loads(b"".join(written))["request_id"] == "kept"


def test_a_stuck_destination_blocks_nobody_and_costs_bounded_memory() -> None:
    stuck, release = threading.Event(), threading.Event()

    def write(_: bytes) -> None:
        stuck.set()
        release.wait(30)

    warned: list[str] = []
    log = AccessLog(write, form="json", warn=warned.append)
    log.write(_record())
    log.flush()
    assert stuck.wait(10)
    line = _record(client_request_id="x" * 256, path="y" * 256)
    for _ in range(16_000):  # well over the 8 MB that may wait
        log.write(line)
    assert log.lost > 0
    assert log._backlog <= 8 * 1024 * 1024
    assert len(warned) == 1
    release.set()
    log.close()
