"""Traces as a collector receives them: the demo's joined query over OTLP/HTTP, with right parents and counts."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import opentracing  # type: ignore[import-untyped]
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.trace import NonRecordingSpan, SpanContext, use_span

from demo.backends import Backends, start_backends
from gateway.telemetry.propagation import parse_b3, parse_jaeger, parse_w3c
from gateway.telemetry.tracing import SAMPLED
from gateway.testing import GatewayClient
from tests.support.backend import Answer, backend

SPAN_KIND_CLIENT, FAILED = Span.SPAN_KIND_CLIENT, Status.STATUS_CODE_ERROR
ROOT = Path(__file__).resolve().parent.parent.parent
QUERY = """
query Joined { videos(first: 5) { edges { node {
  title url fingerprint channel { name verified } stats { views } topic { name }
} } } search(query: "music", first: 2) { __typename } }
"""
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Collector:
    """Receives OTLP/HTTP."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                request = ExportTraceServiceRequest.FromString(body)
                for resource in request.resource_spans:
                    for scope in resource.scope_spans:
                        collector.spans += scope.spans
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}/v1/traces"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def named(self, prefix: str) -> list[Any]:
        return [span for span in self.spans if span.name.startswith(prefix)]

    def one(self, prefix: str) -> Any:
        (span,) = self.named(prefix)
        return span


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def backends() -> Iterator[Backends]:
    with start_backends() as started:
        yield started


def attributes(span: Any) -> dict[str, Any]:
    found = {}
    for pair in span.attributes:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = getattr(pair.value, kind)
    return found


def client(collector: Collector, backends: Backends, **tracing: str) -> GatewayClient:
    settings = {"endpoint": collector.endpoint, "sample_ratio": "0", **tracing}
    env = {f"GATEWAY_TELEMETRY__TRACING__{name.upper()}": v for name, v in settings.items()}
    return GatewayClient(ROOT / "gateway.toml", sources=backends.urls, env={**os.environ, **env})


def check_times(spans: list[Any]) -> None:
    """Everything runs within what is above it."""
    by_id = {span.span_id: span for span in spans}
    for span in spans:
        assert span.start_time_unix_nano <= span.end_time_unix_nano
        above = by_id.get(span.parent_span_id)
        if above is not None:
            assert above.start_time_unix_nano <= span.start_time_unix_nano, span.name
            assert span.end_time_unix_nano <= above.end_time_unix_nano, span.name


def ms(span: Any) -> float:
    return float(span.end_time_unix_nano - span.start_time_unix_nano) / 1e6


# A step: its path in the response; parents and distinct keys; and the call that it waits for, of which backend.
LOADS = {
    "Query.videos": ("videos", 1, None, "GET /videos", "catalog"),
    "Video.stats": ("videos.edges.node.stats", 5, 5, "GET /video_stats", "monolith"),
    "Channel.name": ("videos.edges.node.channel.name", 5, 5, "GET /channels", "monolith"),
    "Topic.name": ("videos.edges.node.topic.name", 5, 3, "GET /topics", "catalog"),
    "Query.search": ("search", 1, None, "GET (context.http)", "search"),
}
FUNCTIONS = {
    "Video.url": "videos.edges.node.url",
    "Video.fingerprint": "videos.edges.node.fingerprint",
}


async def test_each_span_of_a_query_of_three_backends(
    collector: Collector, backends: Backends
) -> None:
    async with client(collector, backends) as gateway:
        result = await gateway.execute(QUERY, headers={"traceparent": TRACEPARENT})
    assert result.errors == []
    server = collector.one("graphql.query")
    assert {span.trace_id.hex() for span in collector.spans} == {TRACEPARENT[3:35]}
    assert server.parent_span_id.hex() == TRACEPARENT[36:52]
    assert attributes(server)["graphql.operation.name"] == "Joined"
    assert attributes(server)["http.response.status_code"] == 200
    phases = ("parse", "validate", "plan", "shape", "encode")
    calls = [call for _, _, _, call, _ in LOADS.values()]
    assert sorted(span.name for span in collector.spans) == sorted(
        [server.name, *phases, *LOADS, *calls, *FUNCTIONS]
    )
    check_times(collector.spans)
    for name in (*phases, *LOADS, *FUNCTIONS):
        assert collector.one(name).parent_span_id == server.span_id
    for name, (path, parents, keys, calling, source) in LOADS.items():
        step, call = collector.one(name), collector.one(calling)
        said = attributes(step)
        assert (said["graphql.field.coordinate"], said["graphql.field.path"]) == (name, path)
        assert (said["graphql.parents"], said.get("graphql.keys")) == (parents, keys)
        assert said.get("graphql.batch_size") == keys
        assert "graphql.errors" not in said
        assert call.parent_span_id == step.span_id
        assert call.kind == SPAN_KIND_CLIENT
        assert said["gateway.wait_ms"] == pytest.approx(ms(call), abs=1e-3)
        assert said["gateway.self_ms"] == pytest.approx(ms(step) - ms(call), abs=1e-3)
        told = attributes(call)
        assert (told["gateway.source"], told["http.request.method"]) == (source, "GET")
        assert (told["http.response.status_code"], told["gateway.attempt"]) == (200, 1)
        assert told["http.response.body.size"] > 0
        assert (told["gateway.queue_wait_ms"], "gateway.hedge" in told) == (0, False)
    for name, path in FUNCTIONS.items():
        said = attributes(collector.one(name))
        assert said["graphql.field.path"] == path
        assert said["graphql.calls"] == said["graphql.parents"] == 5
        assert 0 < said["graphql.duration_min_ms"] <= said["graphql.duration_p95_ms"]
        assert said["graphql.duration_p95_ms"] <= said["graphql.duration_max_ms"]
        assert 0 <= said["graphql.slowest"] < 5
        assert said["gateway.wait_ms"] == 0


async def test_the_same_begun_by_a_client_of_the_opentracing_api(
    collector: Collector, backends: Backends
) -> None:
    """The client's span, made and injected through the API, is the trace's root; Jaeger's header carries it."""
    async with client(collector, backends, opentracing="true", propagation='["jaeger"]') as gateway:
        tracer = opentracing.global_tracer()
        carrier: dict[str, str] = {}
        root = NonRecordingSpan(SpanContext(int(TRACEPARENT[3:35], 16), 7, False, SAMPLED))
        with use_span(root), tracer.start_active_span("page") as scope:
            tracer.inject(scope.span.context, opentracing.Format.HTTP_HEADERS, carrier)
            _, trace_id, span_id, flag = carrier["traceparent"].split("-")
            headers = {"uber-trace-id": f"{trace_id}:{span_id}:0:{flag[1]}"}
            result = await gateway.execute(QUERY, headers=headers)
            scope.span.set_tag("videos", 5)
    assert result.errors == []
    page, server = collector.one("page"), collector.one("graphql.query")
    assert {span.trace_id for span in collector.spans} == {page.trace_id}
    assert server.parent_span_id == page.span_id
    assert attributes(page)["videos"] == 5
    check_times(collector.spans)
    for name, (_, parents, _, calling, _) in LOADS.items():
        assert collector.one(name).parent_span_id == server.span_id
        assert collector.one(calling).parent_span_id == collector.one(name).span_id
        assert attributes(collector.one(name))["graphql.parents"] == parents


async def test_a_document_that_is_refused_leaves_its_phases(
    collector: Collector, backends: Backends
) -> None:
    async with client(collector, backends) as gateway:
        await gateway.execute("{ videos(")
    parse = collector.one("parse")
    assert (parse.status.code, parse.status.message) == (FAILED, "RequestError")
    assert parse.parent_span_id == collector.one("graphql.request").span_id
    assert collector.named("validate") == []
    collector.spans.clear()
    async with client(collector, backends) as gateway:
        await gateway.execute("{ videos(first: 1) { nope } }")
    parse, validate = collector.one("parse"), collector.one("validate")
    assert (parse.status.code, validate.status.code) == (0, FAILED)
    assert "RequestError" in validate.status.message
    assert validate.parent_span_id == collector.one("graphql.request").span_id
    check_times(collector.spans)


async def test_nothing_is_exported_that_nobody_wants(
    collector: Collector, backends: Backends
) -> None:
    async with client(collector, backends) as gateway:
        await gateway.execute(QUERY)
        await gateway.execute(QUERY, headers={"traceparent": TRACEPARENT[:-2] + "00"})
    assert collector.spans == []


async def test_what_failed_or_was_slow_is_kept_late_with_the_parents_that_backends_saw(
    collector: Collector, backends: Backends
) -> None:
    async with client(collector, backends, slow_threshold_ms="0") as gateway:
        await gateway.execute(QUERY)
    server = collector.one("graphql.query")
    by_id = {span.span_id: span for span in collector.spans}
    calls = collector.named("GET ")
    assert len(calls) == 5
    for call in calls:
        assert by_id[call.parent_span_id].parent_span_id == server.span_id
    collector.spans.clear()
    async with client(collector, backends) as gateway:
        await gateway.execute("{ videos(first: 1) { nope } }")
        await gateway.execute("{ videos(first: 1) { edges { cursor } } }")
    failed = collector.one("graphql.")
    assert failed.status.code == 2
    assert "GRAPHQL_VALIDATION_FAILED" in str(failed.attributes)


async def test_an_operation_within_the_ratio_is_recorded(
    collector: Collector, backends: Backends
) -> None:
    async with client(collector, backends, sample_ratio="1") as gateway:
        await gateway.execute(QUERY)
        await gateway.execute("{ __typename }")
    assert len(collector.named("graphql.query")) == 2


async def test_one_span_for_each_object_in_a_debugging_session(
    collector: Collector, backends: Backends
) -> None:
    async with client(
        collector, backends, sample_ratio="1", detail="object", max_objects="3"
    ) as gateway:
        await gateway.execute(QUERY)
    step = next(span for span in collector.named("Video.url") if span.name == "Video.url")
    objects = list(collector.named("Video.url["))
    assert [span.name for span in objects] == ["Video.url[0]", "Video.url[1]", "Video.url[2]"]
    assert {span.parent_span_id for span in objects} == {step.span_id}


SDL = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect", "@source"])
  @source(name: "b", http: { baseURL: "http://b.test" })
type Query {
  thing: Thing @connect(source: "b", http: { GET: "/thing" }, selection: "id")
  mine(n: Int): [Item]
}
type Thing { id: ID note: String }
type Item { twice: Int }
"""
RESOLVERS = """
import opentracing
from opentelemetry import trace
from gateway import resolver

@resolver("Thing.note")
def note(parent, context):
    with opentracing.global_tracer().start_active_span("legacy work") as scope:
        scope.span.set_tag("answer", 42)
        return "noted"

@resolver("Query.mine")
async def mine(parent, context, *, n=1):
    trace.get_current_span().set_attribute("own.attribute", n)
    answer = await context.http.get(context.source_url("b") + "/other")
    return [{"n": number} for number in range(n)]

@resolver("Item.twice")
async def twice(parent, context):
    return parent["n"] * 2
"""


def project(folder: Path) -> Path:
    (folder / "schema").mkdir()
    (folder / "schema" / "s.graphql").write_text(SDL)
    (folder / "traced_resolvers.py").write_text(RESOLVERS)
    path = folder / "gateway.toml"
    path.write_text('[graph]\nschema = ["schema"]\nresolvers = "traced_resolvers"\n')
    return path


def traced(path: Path, collector: Collector, url: str, **tracing: str) -> GatewayClient:
    settings = {"endpoint": collector.endpoint, "sample_ratio": "1", **tracing}
    env = {f"GATEWAY_TELEMETRY__TRACING__{name.upper()}": v for name, v in settings.items()}
    return GatewayClient(path, sources={"b": url}, env={**os.environ, **env})


async def test_opentracing_and_the_current_span_join_the_step(
    tmp_path: Path, collector: Collector
) -> None:
    async with backend({"/thing": Answer({"id": 1}), "/other": Answer({})}) as served:
        path = project(tmp_path)
        async with traced(path, collector, served.url, opentracing="true") as gateway:
            result = await gateway.execute("{ thing { id note } mine(n: 3) { twice } }")
    assert result.data["mine"] == [{"twice": 0}, {"twice": 2}, {"twice": 4}]
    note = collector.one("Thing.note")
    legacy = collector.one("legacy work")
    assert legacy.parent_span_id == note.span_id
    assert legacy.trace_id == note.trace_id
    assert attributes(legacy)["answer"] == 42
    mine = collector.one("Query.mine")
    assert attributes(mine)["own.attribute"] == 3
    other = collector.one("GET (context.http)")
    assert other.parent_span_id == mine.span_id
    assert attributes(collector.one("Item.twice"))["graphql.calls"] == 3


@pytest.mark.parametrize(
    ("how", "headers"),
    [
        ("w3c", {"traceparent": TRACEPARENT, "tracestate": "vendor=1"}),
        ("b3", {"b3": f"{TRACEPARENT[3:35]}-{TRACEPARENT[36:52]}-1"}),
        (
            "b3",
            {
                "x-b3-traceid": TRACEPARENT[3:35],
                "x-b3-spanid": TRACEPARENT[36:52],
                "x-b3-sampled": "1",
            },
        ),
        ("jaeger", {"uber-trace-id": f"{TRACEPARENT[3:35]}:{TRACEPARENT[36:52]}:0:1"}),
    ],
)
async def test_each_way_of_propagation_in_and_out(
    tmp_path: Path, collector: Collector, how: str, headers: dict[str, str]
) -> None:
    async with backend({"/thing": Answer({"id": 1})}) as served:
        settings = {"propagation": f'["{how}"]', "sample_ratio": "0"}
        async with traced(project(tmp_path), collector, served.url, **settings) as gateway:
            await gateway.execute("{ thing { id } }", headers=headers)
    server, call = collector.one("graphql.query"), collector.one("GET /thing")
    assert server.trace_id.hex() == TRACEPARENT[3:35]
    assert server.parent_span_id.hex() == TRACEPARENT[36:52]
    sent = dict(served.asked[0].headers)
    name = {"w3c": "traceparent", "b3": "b3", "jaeger": "uber-trace-id"}[how]
    assert call.span_id.hex().lstrip("0") in sent[name]
    assert sent.get("tracestate") == headers.get("tracestate")


@pytest.mark.parametrize(
    "header",
    ["", "00", "00-zz-1-01", "ff-" + TRACEPARENT[3:], "00-" + "0" * 32 + "-" + "0" * 16 + "-01",
     "00-" + "1" * 33 + "-" + "1" * 16 + "-01", "\u00e9" * 55, "4:-f::0", "4:-f:0:0", "4:f:0:_1",
     "0x4:f:0:1", "00-" + "+" + "1" * 31 + "-" + "1" * 16 + "-01"],
)  # fmt: skip
def test_a_header_that_is_not_valid_begins_a_trace(header: str) -> None:
    assert parse_w3c({"traceparent": header}) is None
    assert parse_b3({"b3": header}) is None
    assert parse_jaeger({"uber-trace-id": header}) is None
