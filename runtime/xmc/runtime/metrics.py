"""Prometheus metrics of the gateway. Names and labels: `docs/observability.md`.

A request touches plain numbers only (about 2 µs); prometheus-client turns them into the exposition format when
somebody scrapes. Every label value comes from the table or from a closed set, so that no client can grow the set.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from xmc.runtime.record import RequestRecord
from xmc.schema import Table

# Seconds. Fine where gateways and first tokens live, coarse to the longest answer.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_LE = (*(str(bound) for bound in BOUNDS), "+Inf")

UNKNOWN = "unknown"
"""Label of an endpoint that the table does not hold: names made up by clients never become labels."""


class _Histogram:
    """Counts by bucket (not cumulative) and the sum of what was seen."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * len(_LE)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        below = 0
        buckets: list[tuple[str, float]] = []
        for le, count in zip(_LE, self.counts, strict=True):
            below += count
            buckets.append((le, below))
        return buckets


class _Entity:
    """What is counted by endpoint and served entity."""

    __slots__ = ("chunks", "completion_tokens", "first_byte", "prompt_tokens", "upstream")

    def __init__(self) -> None:
        self.first_byte = _Histogram()
        self.upstream = _Histogram()
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.chunks = 0


class _Requests:
    """One combination of labels of `xmc_requests_total`, with the less detailed cells that it feeds."""

    __slots__ = ("count", "duration", "entity")

    def __init__(self, duration: _Histogram, entity: _Entity) -> None:
        self.count = 0
        self.duration = duration
        self.entity = entity


class Metrics:
    """Counts requests as they end, and renders them for Prometheus. One thread counts; another may render.

    `in_flight` tells how many requests are being served now, `log_lost` how many access-log lines were dropped.
    """

    def __init__(self, table: Table, *, in_flight: Callable[[], int], log_lost: Callable[[], int]) -> None:
        self.in_flight = in_flight
        self.log_lost = log_lost
        self.digest = ""
        self.requests: dict[tuple[str | None, str | None, str, int, str], _Requests] = {}
        self.durations: dict[tuple[str, str], _Histogram] = {}
        self.entities: dict[tuple[str, str], _Entity] = {}
        self.providers: dict[tuple[str | None, str | None], str] = {}
        self.use(table)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Exposition(self))
        ProcessCollector(registry=self._registry)

    def use(self, table: Table) -> None:
        """Take the label values of a table that is served from now on; what was counted before stays."""
        self.digest = table.digest
        for endpoint in table.endpoints:
            self.providers[endpoint.name, None] = ""
            for entity in endpoint.entities:
                self.providers[endpoint.name, entity.name] = entity.target.provider

    def observe(self, record: RequestRecord) -> None:
        """Count one request that is over."""
        key = (record.endpoint, record.entity, record.route, record.status, record.outcome)
        cell = self.requests.get(key) or self._cell(record)
        cell.count += 1
        cell.duration.add(record.duration_s)
        entity = cell.entity
        if record.first_byte_s is not None:
            entity.first_byte.add(record.first_byte_s)
        if record.upstream_s is not None:
            entity.upstream.add(record.upstream_s)
        if record.prompt_tokens:
            entity.prompt_tokens += record.prompt_tokens
        if record.completion_tokens:
            entity.completion_tokens += record.completion_tokens
        entity.chunks += record.chunks

    def render(self) -> tuple[str, bytes]:
        """Return (content type, text) of everything counted so far; 1 to 2 ms for each endpoint that had traffic."""
        return CONTENT_TYPE_PLAIN_0_0_4, generate_latest(self._registry)

    def _cell(self, record: RequestRecord) -> _Requests:
        """Find or make the cell of a record, under labels that the table knows."""
        endpoint, entity = record.endpoint, record.entity
        if (endpoint, entity) not in self.providers:
            entity = None
            if endpoint is not None and (endpoint, None) not in self.providers:
                endpoint = UNKNOWN
        key = (endpoint, entity, record.route, record.status, record.outcome)
        cell = self.requests.get(key)
        if cell is None:
            duration = self.durations.setdefault((endpoint or "", record.route), _Histogram())
            cell = _Requests(duration, self.entities.setdefault((endpoint or "", entity or ""), _Entity()))
            self.requests[key] = cell
        return cell


class _Exposition(Collector):
    """Presents the numbers of `Metrics` as metric families. Copies before it walks, as counting goes on."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._version = metadata.version("xmc")

    def collect(self) -> Iterator[Metric]:
        yield from self._process()
        yield self._requests()
        metrics = self._metrics
        yield _histogram(
            "xmc_request_duration_seconds",
            "From the request's head to the answer's last byte.",
            ("endpoint", "route"),
            tuple(metrics.durations.items()),
        )
        entities = tuple(metrics.entities.items())
        by_entity = ("endpoint", "entity")
        yield _histogram(
            "xmc_first_byte_seconds",
            "From the request's head to the answer's first byte.",
            by_entity,
            ((labels, entity.first_byte) for labels, entity in entities),
        )
        yield _histogram(
            "xmc_upstream_seconds",
            "Time that the upstream took.",
            by_entity,
            ((labels, entity.upstream) for labels, entity in entities),
        )
        tokens = CounterMetricFamily("xmc_tokens", "Tokens as upstreams report them.", labels=(*by_entity, "kind"))
        chunks = CounterMetricFamily("xmc_stream_chunks", "Stream chunks sent to clients.", labels=by_entity)
        for labels, entity in entities:
            tokens.add_metric((*labels, "prompt"), entity.prompt_tokens)
            tokens.add_metric((*labels, "completion"), entity.completion_tokens)
            chunks.add_metric(labels, entity.chunks)
        yield tokens
        yield chunks

    def _process(self) -> Iterator[Metric]:
        metrics = self._metrics
        yield InfoMetricFamily("xmc_build", "The version of xmc.", {"version": self._version})
        yield InfoMetricFamily("xmc_table", "The routing table being served.", {"digest": metrics.digest})
        yield GaugeMetricFamily("xmc_requests_in_flight", "Requests being served now.", metrics.in_flight())
        yield CounterMetricFamily("xmc_access_log_lost", "Access-log lines dropped.", metrics.log_lost())

    def _requests(self) -> Metric:
        family = CounterMetricFamily(
            "xmc_requests",
            "Requests that are over.",
            labels=("endpoint", "entity", "provider", "route", "status", "outcome"),
        )
        for (endpoint, entity, route, status, outcome), cell in tuple(self._metrics.requests.items()):
            provider = self._metrics.providers.get((endpoint, entity), "")
            family.add_metric((endpoint or "", entity or "", provider, route, str(status), outcome), cell.count)
        return family


def _histogram(
    name: str, text: str, labels: tuple[str, ...], cells: Iterable[tuple[tuple[str, str], _Histogram]]
) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, cell in cells:
        if any(cell.counts):
            family.add_metric(values, cell.cumulative(), cell.total)
    return family
