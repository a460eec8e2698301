import re
import threading
import timeit
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from tests.tables import make_endpoint, make_table

from xmc.runtime.metrics import BOUNDS, Metrics
from xmc.runtime.record import RequestRecord


def _metrics(in_flight: int = 0, log_lost: int = 0) -> Metrics:
    table = make_table(make_endpoint("chat", "a", "b", provider="openai"), make_endpoint("embed"))
    return Metrics(table, in_flight=lambda: in_flight, log_lost=lambda: log_lost)


def _record(**fields: Any) -> RequestRecord:
    base: dict[str, Any] = {
        "request_id": "r", "started_at": 0.0, "method": "POST", "path": "/p", "route": "invocations",
        "endpoint": "chat", "entity": "a", "status": 200, "duration_s": 0.03,
    }  # fmt: skip
    return RequestRecord(**(base | fields))


def _samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    kind, text = metrics.render()
    assert kind.startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def _value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return _samples(metrics).get((name, frozenset(labels.items())))


def test_requests_are_counted_by_every_label() -> None:
    metrics = _metrics()
    for record in (_record(), _record(), _record(entity="b", status=429, outcome="upstream_error")):
        metrics.observe(record)
    labels = {"endpoint": "chat", "provider": "openai", "route": "invocations"}
    assert _value(metrics, "xmc_requests_total", entity="a", status="200", outcome="ok", **labels) == 2
    assert _value(metrics, "xmc_requests_total", entity="b", status="429", outcome="upstream_error", **labels) == 1


def test_times_fall_into_cumulative_buckets_whose_bound_is_included() -> None:
    metrics = _metrics()
    for seconds in (0.005, 0.006, 700.0):
        metrics.observe(_record(duration_s=seconds, first_byte_s=seconds, upstream_s=seconds))
    for name, labels in (
        ("xmc_request_duration_seconds", {"endpoint": "chat", "route": "invocations"}),
        ("xmc_first_byte_seconds", {"endpoint": "chat", "entity": "a"}),
        ("xmc_upstream_seconds", {"endpoint": "chat", "entity": "a"}),
    ):
        assert _value(metrics, f"{name}_bucket", le="0.005", **labels) == 1
        assert _value(metrics, f"{name}_bucket", le="0.01", **labels) == 2
        assert _value(metrics, f"{name}_bucket", le=str(BOUNDS[-1]), **labels) == 2
        assert _value(metrics, f"{name}_bucket", le="+Inf", **labels) == 3
        assert _value(metrics, f"{name}_count", **labels) == 3
        assert _value(metrics, f"{name}_sum", **labels) == 0.005 + 0.006 + 700.0


def test_tokens_and_chunks_add_up_and_unknown_usage_adds_nothing() -> None:
    metrics = _metrics()
    metrics.observe(_record(prompt_tokens=5, completion_tokens=7, chunks=3))
    metrics.observe(_record(prompt_tokens=None, completion_tokens=1, chunks=1))
    where = {"endpoint": "chat", "entity": "a"}
    assert _value(metrics, "xmc_tokens_total", kind="prompt", **where) == 5
    assert _value(metrics, "xmc_tokens_total", kind="completion", **where) == 8
    assert _value(metrics, "xmc_stream_chunks_total", **where) == 4


def test_names_made_up_by_clients_never_become_labels() -> None:
    metrics = _metrics()
    for number in range(1000):
        metrics.observe(_record(endpoint=f"guess-{number}", entity=None, status=404, outcome="client_error"))
        metrics.observe(_record(entity=f"guess-{number}", status=404, outcome="client_error"))
        metrics.observe(_record(endpoint=None, entity=None, route="unknown", status=404, outcome="client_error"))
    labels = {"entity": "", "provider": "", "status": "404", "outcome": "client_error"}
    assert _value(metrics, "xmc_requests_total", endpoint="unknown", route="invocations", **labels) == 1000
    assert _value(metrics, "xmc_requests_total", endpoint="chat", route="invocations", **labels) == 1000
    assert _value(metrics, "xmc_requests_total", endpoint="", route="unknown", **labels) == 1000
    assert "guess" not in metrics.render()[1].decode()
    assert len(metrics.requests) + len(metrics.durations) + len(metrics.entities) < 12


def test_the_state_of_the_process_is_read_at_scrape_time() -> None:
    metrics = _metrics(in_flight=3, log_lost=9)
    assert _value(metrics, "xmc_requests_in_flight") == 3
    assert _value(metrics, "xmc_access_log_lost_total") == 9
    assert _value(metrics, "xmc_table_info", digest="sha256:0") == 1
    names = {name for name, _ in _samples(metrics)}
    assert {"xmc_build_info", "process_resident_memory_bytes"} <= names


def test_counts_outlive_a_swap_of_the_table_and_new_names_become_labels() -> None:
    metrics = _metrics()
    metrics.observe(_record())
    metrics.use(make_table(make_endpoint("new", "n"), digest="sha256:1"))
    metrics.observe(_record(endpoint="new", entity="n"))
    labels = {"route": "invocations", "status": "200", "outcome": "ok"}
    assert _value(metrics, "xmc_requests_total", endpoint="chat", entity="a", provider="openai", **labels) == 1
    assert _value(metrics, "xmc_requests_total", endpoint="new", entity="n", provider="custom", **labels) == 1
    assert _value(metrics, "xmc_table_info", digest="sha256:1") == 1
    assert _value(metrics, "xmc_table_info", digest="sha256:0") is None


def test_every_metric_and_label_is_documented() -> None:
    metrics = _metrics()
    metrics.observe(_record(first_byte_s=0.1, upstream_s=0.1, prompt_tokens=1, chunks=1))
    page = (Path(__file__).parents[2] / "docs" / "observability.md").read_text()
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `xmc_")}
    for name, labels in _samples(metrics):
        if name.startswith("xmc_"):
            row = rows[re.sub(r"_(bucket|count|sum)$", "", name)]
            assert [label for label, _ in labels if label != "le" and f"`{label}`" not in row] == []
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for name, _ in _samples(metrics)}
    assert set(rows) <= shown


def test_counting_goes_on_while_another_thread_renders() -> None:
    metrics = _metrics()
    done = threading.Event()

    def count() -> None:
        for status in range(200, 8_000):  # each a new label set
            metrics.observe(_record(status=status))
        done.set()

    counting = threading.Thread(target=count)
    counting.start()
    while not done.is_set():
        metrics.render()
    counting.join()
    text = metrics.render()[1].decode()
    assert text.count("xmc_requests_total{") == 7_800


def test_two_instances_share_nothing() -> None:
    first, second = _metrics(), _metrics()
    first.observe(_record())
    assert "xmc_requests_total{" not in second.render()[1].decode()


def test_counting_a_request_stays_cheap() -> None:
    metrics = _metrics()
    record = _record(first_byte_s=0.1, upstream_s=0.2, prompt_tokens=5, completion_tokens=7, chunks=3)
    best = min(timeit.repeat(lambda: metrics.observe(record), number=2_000, repeat=5)) / 2_000
    assert best < 10e-6  # about 2 µs on the machine it was written on
