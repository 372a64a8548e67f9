"""Metrics over OTLP/HTTP, as a collector receives them."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from gateway.app.config import build_config
from gateway.telemetry.catalogue import METRICS, OPERATION_DURATION, PLAN_LOOKUPS, WORKERS
from gateway.telemetry.metrics import Family, Histogram, Registry
from gateway.telemetry.otlp import name_and_unit
from gateway.telemetry.server import FOLDER, MetricsServer
from gateway.telemetry.settings import MetricsSettings
from gateway.testing import GatewayClient
from tests.platform.processes import free_port

RESOLVERS = """
from gateway import resolver


@resolver("Query.a")
def a(parent, context):
    return 1
"""


class Received:
    """What a collector was sent.

    Attributes:
        status: What it answers.
        resource: Attributes of the last.
        metrics: Of the last, by name.
        times: How often it was asked.
        headers: Of the last.
    """

    def __init__(self) -> None:
        self.status = 200
        self.times = 0
        self.resource: dict[str, str] = {}
        self.metrics: dict[str, Any] = {}
        self.headers: dict[str, str] = {}

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        self.times += 1
        self.headers = {name.lower(): value for name, value in headers.items()}
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        (sent,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
        self.resource = {pair.key: pair.value.string_value for pair in sent.resource.attributes}
        self.metrics = {metric.name: metric for metric in sent.scope_metrics[0].metrics}


@contextmanager
def collector() -> Iterator[tuple[Received, str]]:
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.take(
                self.rfile.read(int(self.headers["content-length"])), dict(self.headers.items())
            )
            self.send_response(received.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield received, f"http://127.0.0.1:{server.server_port}/v1/metrics"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def labels(point: Any) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in point.attributes}


async def test_a_gateway_that_ends_has_sent_what_it_counted(tmp_path: Path) -> None:
    (tmp_path / "schema.graphql").write_text("type Query { a: Int }")
    (tmp_path / "otlp_resolvers.py").write_text(RESOLVERS)
    with collector() as (received, endpoint):
        config = build_config(
            {
                "graph": {"schema": ["schema.graphql"], "resolvers": "otlp_resolvers"},
                "logs": {"access": "off"},
                "telemetry": {
                    "metrics": {
                        "otlp_endpoint": endpoint,
                        "otlp_headers": {"authorization": "Bearer x"},
                        "service_name": "edge",
                        "port": free_port(),
                    }
                },
            }
        )
        client = GatewayClient(config, base=tmp_path)
        client.app.owns_process = True
        async with client:
            for _ in range(3):
                await client.execute("query Mine { a }")
    assert received.times == 1
    assert received.headers["authorization"] == "Bearer x"
    assert received.resource["service.name"] == "edge"
    assert received.resource["service.instance.id"]
    duration = received.metrics["graphql.server.operation.duration"]
    assert duration.unit == "s"
    (point,) = duration.histogram.data_points
    assert labels(point) == {"graphql.operation.name": "Mine", "graphql.operation.type": "query"}
    assert point.count == sum(point.bucket_counts) == 3
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert point.start_time_unix_nano < point.time_unix_nano
    assert not point.HasField("min")
    lookups = received.metrics["gateway.plan_cache_lookups"].sum
    assert lookups.is_monotonic
    assert {labels(p)["result"]: p.as_double or p.as_int for p in lookups.data_points} == {
        "hit": 2, "hit_normalized": 0, "miss": 1, "rejected": 0,
    }  # fmt: skip
    assert received.metrics["process.memory.usage"].unit == "By"
    assert received.metrics["http.server.active_requests"].WhichOneof("data") == "gauge"


def registry(requests: int) -> Registry:
    made = Registry()
    durations = Family(OPERATION_DURATION, Histogram)
    for _ in range(requests):
        durations.of("A", "query").observe(0.01)
    made.add(durations.samples)
    made.add(lambda: [(PLAN_LOOKUPS, ("hit",), requests), (WORKERS, (), 1)])
    return made


async def test_one_worker_sends_for_all_and_the_next_goes_on_from_there(tmp_path: Path) -> None:
    with collector() as (received, endpoint):
        settings = MetricsSettings(port=free_port(), otlp_endpoint=endpoint)
        first = MetricsServer(settings, registry(2), str(tmp_path))
        await first.listen()
        await first.page()  # what it has counted is known when it ends
        await first.aclose()
        lookups, began_ns = sent_lookups(received)
        assert lookups == 2
        (tmp_path / FOLDER / "seen.json").write_text(
            (tmp_path / FOLDER / "seen.json").read_text().replace(f"{os.getpid()}.sock", "1.sock")
        )
        second = MetricsServer(settings, registry(5), str(tmp_path))
        await second.listen()
        await second.aclose()
    assert sent_lookups(received) == (7, began_ns)


def sent_lookups(received: Received) -> tuple[int, int]:
    (point,) = received.metrics["gateway.plan_cache_lookups"].sum.data_points
    return point.as_int, point.start_time_unix_nano


async def test_a_collector_that_refuses_is_logged_and_no_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with collector() as (received, endpoint):
        received.status = 400
        server = MetricsServer(
            MetricsSettings(port=free_port(), otlp_endpoint=endpoint), registry(1)
        )
        await server.listen()
        assert server.exporter is not None
        await server.exporter.export()
        assert f"metrics were not accepted by {endpoint}" in caplog.text
        assert "gateway_workers 1.0" in (await server.page())[0].decode()
        received.status = 200
        await server.aclose()


def test_names_are_different_and_have_no_unit() -> None:
    named = [name_and_unit(metric) for metric in METRICS]
    assert len({name for name, _ in named}) == len(METRICS)
    assert not any(name.endswith(("_seconds", "_bytes")) for name, _ in named)
