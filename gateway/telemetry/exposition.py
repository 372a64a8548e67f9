"""A merged snapshot as the text that Prometheus reads, by `prometheus_client`'s collector interface."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Collected
from prometheus_client.registry import Collector

from gateway.telemetry.metrics import SECONDS, Metric, Snapshot

BOUNDS = [*(str(bound) for bound in SECONDS), "+Inf"]


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
                yield family(metric, values)


def family(
    metric: Metric, values: Iterable[tuple[tuple[str, ...], float | list[float]]]
) -> Collected:
    """One metric with its values."""
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, value in values:
            assert isinstance(value, list)
            histogram.add_metric(labels, cumulated(value[:-1]), value[-1])
        return histogram
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    plain = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in values:
        assert not isinstance(value, list)
        plain.add_metric(labels, value)
    return plain


def cumulated(counts: list[float]) -> list[tuple[str, float]]:
    """Counts between boundaries as counts up to them, which is how Prometheus has them."""
    buckets, total = [], 0.0
    for bound, count in zip(BOUNDS, counts, strict=True):
        total += count
        buckets.append((bound, total))
    return buckets


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
