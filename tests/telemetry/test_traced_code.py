"""The traced form of generated code: it must not be seen in what a resolver is called with, or answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.app.config import build_config
from gateway.telemetry.settings import TracingSettings
from gateway.telemetry.tracing import Tracing
from gateway.testing import GatewayClient

SDL = """
type Query {
  add(run: Int!, timing: Int!, function: Int!, args: Int, self: Int): Int
  rows: [Row!]!
  fails: Int
}
type Row { late: Int soon: Int bad: Int }
"""
RESOLVERS = """
from gateway import resolver

@resolver("Query.add")
def add(parent, context, *, run, timing, function, args=0, **more):
    return run + timing + function + args + more.get("self", 0)

@resolver("Query.rows")
def rows(parent, context):
    return [{"n": number} for number in range(4)]

@resolver("Row.late")
async def late(parent, context):
    return parent["n"]

@resolver("Row.soon")
def soon(parent, context):
    return parent["n"]

@resolver("Row.bad")
def bad(parent, context):
    if parent["n"] == 2:
        raise ValueError("two")
    return parent["n"]

@resolver("Query.fails")
async def fails(parent, context):
    raise RuntimeError("no")
"""


def named(spans: Sequence[ReadableSpan], name: str) -> Any:
    (span,) = [span for span in spans if span.name == name]
    return span


def gateway(folder: Path) -> GatewayClient:
    (folder / "schema.graphql").write_text(SDL)
    (folder / "traced_code_resolvers.py").write_text(RESOLVERS)
    tables: dict[str, Any] = {
        "graph": {"schema": ["schema.graphql"], "resolvers": "traced_code_resolvers"},
        "logs": {"access": "off", "slow": "off"},
    }
    return GatewayClient(build_config(tables), base=folder)


async def spans_of(folder: Path, query: str) -> tuple[Any, Sequence[ReadableSpan]]:
    """The answer of a sampled request, and its spans; the answer without tracing is the same."""
    exporter = InMemorySpanExporter()
    async with gateway(folder) as client:
        plain = await client.execute(query)
        tracing = Tracing(TracingSettings(sample_ratio=1.0), exporter)
        client.app.worker.tracing = client.app.worker.serving().pipeline.observer.tracing = tracing
        result = await client.execute(query)
        await tracing.aclose()
        assert result.data == plain.data
        assert [e["message"] for e in result.errors] == [e["message"] for e in plain.errors]
    return result, exporter.get_finished_spans()


async def test_arguments_may_have_any_name(tmp_path: Path) -> None:
    query = "{ add(run: 1, timing: 2, function: 3, args: 4, self: 5) }"
    result, spans = await spans_of(tmp_path, query)
    assert result.data == {"add": 15}
    assert named(spans, "Query.add").attributes["graphql.parents"] == 1


async def test_calls_of_each_object_are_one_span_with_their_number_and_errors(
    tmp_path: Path,
) -> None:
    result, spans = await spans_of(tmp_path, "{ rows { late soon bad } fails }")
    assert result.data["rows"][3] == {"late": 3, "soon": 3, "bad": 3}
    for name in ("Row.late", "Row.soon", "Row.bad"):
        attributes = named(spans, name).attributes
        assert attributes["graphql.field.path"] == f"rows.{name[4:]}"
        assert attributes["graphql.parents"] == attributes["graphql.calls"] == 4
        assert attributes["graphql.duration_min_ms"] <= attributes["graphql.duration_max_ms"]
    assert named(spans, "Row.late").status.is_ok or named(spans, "Row.late").status.is_unset
    assert named(spans, "Row.bad").status.description == "ValueError"
    assert named(spans, "Row.bad").attributes["graphql.errors"] == 1
    assert "graphql.errors" not in named(spans, "Row.soon").attributes
    assert named(spans, "Query.fails").status.description == "RuntimeError"
