"""A merged snapshot as OpenTelemetry's metrics, sent over OTLP/HTTP by whoever owns the metrics of all workers.

The numbers are those of the page, under the names that OpenTelemetry gives such things. Nothing here is
asked by a request of a client; what the collector does or does not answer delays none.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import export as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from gateway.concurrency.looking import Looking
from gateway.telemetry.metrics import Labels, Metric, Snapshot, Value
from gateway.telemetry.settings import MetricsSettings

logger = logging.getLogger("gateway.metrics")

CUMULATIVE = sdk.AggregationTemporality.CUMULATIVE
# Longer, and a server that ends would wait for a collector that is gone.
TIMEOUT_S = 5.0
UNITS = {"_seconds": "s", "_bytes": "By"}
# By the semantic conventions; what they do not know keeps its name, behind `gateway.`.
NAMES = {
    "http_server_request_duration": "http.server.request.duration",
    "http_server_active_requests": "http.server.active_requests",
    "http_client_request_duration": "http.client.request.duration",
    "graphql_server_operation_duration": "graphql.server.operation.duration",
    "process_resident_memory": "process.memory.usage",
}
LABELS = {
    "http_response_status_code": "http.response.status_code",
    "error_type": "error.type",
    "graphql_operation_name": "graphql.operation.name",
    "graphql_operation_type": "graphql.operation.type",
    "graphql_field": "graphql.field.coordinate",
    "client_name": "client.name",
    "gateway_source": "gateway.source",
    "gateway_endpoint": "gateway.endpoint",
}


class MetricsExporter:
    """Sends the metrics of all workers, now and then.

    Args:
        settings: Where to and how often.
        metrics: Which there are.
        read: Gives the merged snapshot.
        began_ns: When the sums were 0, on the wall clock: of the server, not of this worker.
    """

    def __init__(
        self,
        settings: MetricsSettings,
        metrics: Iterable[Metric],
        read: Callable[[], Awaitable[Snapshot]],
        began_ns: int,
    ) -> None:
        self._settings = settings
        self._metrics = tuple(metrics)
        self._read = read
        self._began_ns = began_ns
        self._resource = Resource.create(
            {
                "service.name": settings.service_name,
                "service.instance.id": f"{socket.gethostname()}:{settings.port}",
            }
        )
        self._exporter = OTLPMetricExporter(
            endpoint=settings.otlp_endpoint, headers=settings.otlp_headers, timeout=TIMEOUT_S
        )
        self._sending = Looking(
            self.export, lambda: settings.otlp_interval_s, "the metrics of all workers", logger
        )

    def begin_export(self) -> None:
        """Begin to send."""
        self._sending.begin()

    async def aclose(self) -> None:
        """Send for the last time."""
        await self._sending.stop()
        await self.export()
        await asyncio.to_thread(self._exporter.shutdown)

    async def export(self) -> None:
        """Send what there is now; a collector that does not take it is logged."""
        snapshot = await self._read()
        data = metrics_data(snapshot, self._metrics, self._resource, self._began_ns, time.time_ns())
        result = await asyncio.to_thread(self._exporter.export, data)
        if result is not sdk.MetricExportResult.SUCCESS:
            logger.warning("metrics were not accepted by %s", self._settings.otlp_endpoint)


def metrics_data(
    snapshot: Snapshot, metrics: Iterable[Metric], resource: Resource, began_ns: int, now_ns: int
) -> sdk.MetricsData:
    """A merged snapshot in the SDK's form."""
    found = [
        otel_metric(metric, snapshot[metric.name], began_ns, now_ns)
        for metric in metrics
        if metric.name in snapshot
    ]
    scope = sdk.ScopeMetrics(InstrumentationScope("gateway"), found, "")
    return sdk.MetricsData([sdk.ResourceMetrics(resource, [scope], "")])


def otel_metric(
    metric: Metric, values: Iterable[tuple[Labels, Value]], began_ns: int, now_ns: int
) -> sdk.Metric:
    """One metric with its values."""
    name, unit = name_and_unit(metric)
    labels = [LABELS.get(label, label) for label in metric.labels]
    data: sdk.Histogram | sdk.Sum | sdk.Gauge
    if metric.kind == "histogram":
        data = sdk.Histogram(
            list(_histograms(metric, labels, values, began_ns, now_ns)), CUMULATIVE
        )
    else:
        points = [
            sdk.NumberDataPoint(_attributes(labels, of), began_ns, now_ns, value)
            for of, value in values
            if not isinstance(value, list)
        ]
        is_sum = metric.kind == "counter"
        data = sdk.Sum(points, CUMULATIVE, is_monotonic=True) if is_sum else sdk.Gauge(points)
    return sdk.Metric(name, metric.help, unit, data)


def name_and_unit(metric: Metric) -> tuple[str, str]:
    """OpenTelemetry keeps the unit out of the name."""
    name, unit = metric.name, ""
    for suffix, its_unit in UNITS.items():
        if name.endswith(suffix):
            name, unit = name.removesuffix(suffix), its_unit
    return NAMES.get(name, f"gateway.{name.removeprefix('gateway_')}"), unit


def _histograms(
    metric: Metric,
    labels: list[str],
    values: Iterable[tuple[Labels, Value]],
    began_ns: int,
    now_ns: int,
) -> Iterator[sdk.HistogramDataPoint]:
    for of, value in values:
        assert isinstance(value, list)
        counts = [int(count) for count in value[:-1]]
        yield sdk.HistogramDataPoint(
            attributes=_attributes(labels, of),
            start_time_unix_nano=began_ns,
            time_unix_nano=now_ns,
            count=sum(counts),
            sum=value[-1],
            bucket_counts=counts,
            explicit_bounds=metric.bounds,
            # Nobody keeps them; the exporter leaves out what is None, which its types cannot say.
            min=None,  # type: ignore[arg-type]
            max=None,  # type: ignore[arg-type]
        )


def _attributes(labels: list[str], of: Labels) -> Mapping[str, str]:
    """The labels of one child; one that is empty says nothing."""
    return {label: value for label, value in zip(labels, of, strict=True) if value}
