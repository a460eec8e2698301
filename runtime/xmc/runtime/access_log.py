"""One line per request: JSON for machines or one readable line for people. Never prompt text, never a credential.

Lines are collected in memory and handed in batches to a thread of the log's own, so that a slow, full or closed
destination cannot hold up traffic: what it does not take is dropped and counted. Keys: `docs/observability.md`.
"""

import queue
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

import msgspec

from xmc.runtime.record import RequestRecord
from xmc.schema import mask_tokens

Write = Callable[[bytes], object]

_FLUSH_BYTES = 64 * 1024
_BACKLOG_BYTES = 8 * 1024 * 1024
_MAX_VALUE = 256
_CLOSE_S = 2.0


class _Line(msgspec.Struct, kw_only=True):
    """The JSON form. Every key is always there, in this order; a new key may be added, none changes its meaning."""

    time: str
    request_id: str
    client_request_id: str | None
    method: str
    path: str
    route: str
    status: int
    outcome: str
    error_code: str | None
    endpoint: str | None
    entity: str | None
    provider: str | None
    task: str | None
    principal: str | None
    upstream_status: int | None
    upstream_request_id: str | None
    streamed: bool
    chunks: int
    dropped: tuple[str, ...]
    prompt_tokens: int | None
    completion_tokens: int | None
    bytes_in: int
    bytes_out: int
    duration_ms: float
    first_byte_ms: float | None
    upstream_ms: float | None
    table: str | None


_ENCODE = msgspec.json.Encoder().encode


def format_json(record: RequestRecord) -> bytes:
    """Return the record as one JSON object and a newline."""
    return _ENCODE(_line(record)) + b"\n"


def format_human(record: RequestRecord) -> bytes:
    """Return the record as one readable line: time, status, outcome, request line, `key=value` of what is known."""
    line = _line(record)
    words = [line.time, str(line.status), line.outcome, line.method, line.path]
    for key in ("endpoint", "entity", "principal", "error_code", "upstream_status"):
        value = getattr(line, key)
        if value is not None:
            words.append(f"{key}={_word(str(value))}")
    if line.prompt_tokens is not None or line.completion_tokens is not None:
        words.append(f"tokens={line.prompt_tokens or 0}+{line.completion_tokens or 0}")
    if line.streamed:
        words.append(f"chunks={line.chunks}")
    if line.dropped:
        words.append(f"dropped={_word(','.join(line.dropped))}")
    if line.first_byte_ms is not None:
        words.append(f"first_byte={line.first_byte_ms}ms")
    words += [f"duration={line.duration_ms}ms", f"id={_word(line.request_id)}"]
    return (" ".join(words) + "\n").encode()


class AccessLog:
    """Collects lines and writes them in batches from a thread of its own; `write` may block or raise `OSError`.

    The owner calls `flush` from a timer and `close` once. `warn` is told the first time that lines are lost; `end` is
    called when all is written.
    """

    def __init__(
        self,
        write: Write,
        *,
        form: Literal["human", "json"],
        warn: Callable[[str], object],
        end: Callable[[], object] = lambda: None,
    ) -> None:
        self._format = format_json if form == "json" else format_human
        self._write = write
        self._warn = warn
        self._end = end
        self._lines: list[bytes] = []
        self._size = 0
        self._batches: queue.SimpleQueue[tuple[bytes, int] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._backlog = 0
        self._lost = 0
        self._thread = threading.Thread(target=self._drain, name="xmc-access-log", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """How many lines were dropped because the destination did not take them."""
        return self._lost

    def write(self, record: RequestRecord) -> None:
        """Add one line; never blocks, never raises for what a record holds."""
        line = self._format(record)
        self._lines.append(line)
        self._size += len(line)
        if self._size >= _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand the collected lines to the writing thread; drop them if it is too far behind."""
        if not self._lines:
            return
        data, count = b"".join(self._lines), len(self._lines)
        self._lines, self._size = [], 0
        with self._lock:
            behind = self._backlog + len(data) > _BACKLOG_BYTES
            if not behind:
                self._backlog += len(data)
        if behind:
            self._lose(count, "its destination does not keep up")
        else:
            self._batches.put((data, count))

    def close(self) -> None:
        """Write what is left and stop the thread; gives a stuck destination two seconds."""
        self.flush()
        self._batches.put(None)
        self._thread.join(_CLOSE_S)

    def _drain(self) -> None:
        while (batch := self._batches.get()) is not None:
            data, count = batch
            try:
                self._write(data)
            except (OSError, ValueError) as error:  # ValueError: the file object was closed
                self._lose(count, str(error))
            finally:
                with self._lock:
                    self._backlog -= len(data)
        self._end()

    def _lose(self, count: int, reason: str) -> None:
        with self._lock:
            first = self._lost == 0
            self._lost += count
        if first:
            self._warn(f"access log: lines are being lost ({reason}); xmc_access_log_lost_total counts them")


def _line(record: RequestRecord) -> _Line:
    return _Line(
        time=_time(record.started_at),
        request_id=_clean(record.request_id),
        client_request_id=_clean_or_none(record.client_request_id),
        method=_clean(record.method),
        path=_clean(record.path),
        route=record.route,
        status=record.status,
        outcome=record.outcome,
        error_code=record.error_code,
        endpoint=_clean_or_none(record.endpoint),
        entity=_clean_or_none(record.entity),
        provider=record.provider,
        task=record.task,
        principal=_clean_or_none(record.principal),
        upstream_status=record.upstream_status,
        upstream_request_id=_clean_or_none(record.upstream_request_id),
        streamed=record.streamed,
        chunks=record.chunks,
        dropped=tuple(map(_clean, record.dropped)),
        prompt_tokens=record.prompt_tokens,
        completion_tokens=record.completion_tokens,
        bytes_in=record.bytes_in,
        bytes_out=record.bytes_out,
        duration_ms=_milliseconds(record.duration_s),
        first_byte_ms=None if record.first_byte_s is None else _milliseconds(record.first_byte_s),
        upstream_ms=None if record.upstream_s is None else _milliseconds(record.upstream_s),
        table=record.table,
    )


def _time(unix_s: float) -> str:
    """Write a time as RFC 3339, in UTC.

    >>> _time(1700000000.1239)
    '2023-11-14T22:13:20.123Z'
    """
    second = int(unix_s)
    return f"{_second(second)}.{int((unix_s - second) * 1000):03}Z"


@lru_cache(maxsize=8)  # lines come many to the second
def _second(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat().removesuffix("+00:00")


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _clean_or_none(value: str | None) -> str | None:
    return None if value is None else _clean(value)


def _clean(value: str) -> str:
    r"""Make a value that a client or an upstream chose safe to print: one line, no terminal codes, no token, bounded.

    >>> _clean("a\nb\x9b2J"), _clean("plain é")
    ('a\\nb\\x9b2J', 'plain é')
    """
    # Not printable: controls, terminal codes, line separators, direction overrides, lone surrogates.
    if len(value) <= _MAX_VALUE and "xmc_" not in value and value.isprintable():
        return value
    value = mask_tokens(value)
    if len(value) > _MAX_VALUE:
        value = value[:_MAX_VALUE] + "…"
    return value if value.isprintable() else value.encode("unicode_escape").decode("ascii")


def _word(value: str) -> str:
    """Quote a value of the human form that could be taken for more than one word.

    >>> _word("a status=200"), _word("plain")
    ('"a status=200"', 'plain')
    """
    if value and not any(character in ' "=' for character in value):
        return value
    return '"' + value.replace('"', '\\"') + '"'
