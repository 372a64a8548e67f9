"""A merged snapshot as the text that Prometheus reads, by `prometheus_client`'s collector interface."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Collected
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from gateway.telemetry.metrics import EXEMPLARS, SECONDS, Labels, Metric, Snapshot, Value

Values = Iterable[tuple[Labels, Value]]


class SnapshotCollector(Collector):
    """Gives a snapshot's metrics."""

    def __init__(self, snapshot: Snapshot, metrics: Iterable[Metric]) -> None:
        self._snapshot = snapshot
        self._metrics = metrics

    def collect(self) -> Iterator[Collected]:
        """One family after the other; those without a value are left out."""
        for metric in self._metrics:
            values = self._snapshot.get(metric.name)
            if values:
                yield family(metric, values, self._snapshot.get(metric.name + EXEMPLARS, ()))


def family(metric: Metric, values: Values, exemplars: Values = ()) -> Collected:
    """One metric with its values."""
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, value in values:
            assert isinstance(value, list)
            traces = {
                int(bucket): Exemplar({"trace_id": trace_id}, seen[0], seen[1])
                for (*of, bucket, trace_id), seen in exemplars
                if tuple(of) == labels and isinstance(seen, list)
            }
            buckets = cumulated(value[:-1], traces, metric.bounds)
            histogram.add_metric(labels, buckets, value[-1])
        return histogram
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    plain = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in values:
        assert not isinstance(value, list)
        plain.add_metric(labels, value)
    return plain


def cumulated(
    counts: list[float], traces: Mapping[int, Exemplar], bounds: tuple[float, ...] = SECONDS
) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
    """Counts between boundaries as counts up to them, which is how Prometheus has them."""
    totals = accumulate(counts)
    names = [*map(str, bounds), "+Inf"]
    return [
        (bound, total, traces[number]) if number in traces else (bound, total)
        for number, (bound, total) in enumerate(zip(names, totals, strict=True))
    ]


def expose(snapshot: Snapshot, metrics: Iterable[Metric], accept: str = "") -> tuple[bytes, str]:
    """The page and its content type.

    Args:
        snapshot: Merged.
        metrics: Which there are.
        accept: What the scraper accepts: OpenMetrics, or Prometheus' older text.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SnapshotCollector(snapshot, metrics))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
