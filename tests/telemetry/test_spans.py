"""What the spans of steps and calls say when something is not as usual: retries, hedges, waits, sharing, errors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.telemetry.describe import covered
from gateway.telemetry.settings import TracingSettings
from gateway.telemetry.tracing import Tracing
from gateway.testing import GatewayClient
from tests.support.backend import Answer, Asked, backend

SDL = """
extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])
  @source(name: "api", http: { baseURL: "http://backend" })
type Query {
  thing: Thing @connect(source: "api", http: { GET: "/thing" }, selection: "id")
  other: Thing @connect(source: "api", http: { GET: "/other" }, selection: "id")
  things: [Thing] @connect(source: "api", http: { GET: "/things" }, selection: "id")
}
type Thing { id: ID half: Int loaded: Int listed: [Int] }
"""
RESOLVERS = """
from gateway import batch_resolver, resolver


@resolver("Thing.half", vary=[])
async def half(thing, context):
    if thing["id"] % 2:
        raise ValueError("odd")
    return thing["id"] // 2


@batch_resolver("Thing.loaded", vary=[])
async def loaded(things, context):
    return [KeyError("no") if thing["id"] % 2 else thing["id"] for thing in things]


@resolver("Thing.listed", vary=[])
def listed(thing, context):
    return [1, OverflowError("in a list")] if thing["id"] == 1 else [1]
"""


def project(folder: Path, source: str = "") -> Path:
    (folder / "s.graphql").write_text(SDL)
    (folder / "spans_resolvers.py").write_text(RESOLVERS)
    path = folder / "gateway.toml"
    path.write_text(
        '[graph]\nschema = ["s.graphql"]\nresolvers = "spans_resolvers"\n'
        f'[logs]\naccess = "off"\nslow = "off"\n[sources.api]\n{source}'
    )
    return path


class Recorder:
    """Puts a tracer with a memory into a gateway."""

    def __init__(self, client: GatewayClient, ratio: float = 1.0) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracing = Tracing(TracingSettings(sample_ratio=ratio), self.exporter)
        client.app.worker.tracing = client.app.worker.serving().pipeline.observer.tracing = (
            self.tracing
        )

    def spans(self) -> Sequence[ReadableSpan]:
        self.tracing.provider.force_flush()
        return self.exporter.get_finished_spans()

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans() if span.name == name]

    def one(self, name: str) -> Any:
        (span,) = self.named(name)
        return span


async def test_each_attempt_is_a_span_with_its_number(tmp_path: Path) -> None:
    answers = iter([Answer("busy", 503), Answer({"id": 1})])
    async with (
        backend(lambda _: next(answers)) as behind,
        GatewayClient(project(tmp_path), sources={"api": behind.url}) as client,
    ):
        recorder = Recorder(client)
        assert (await client.execute("{ thing { id } }")).errors == []
        first, second = recorder.named("GET /thing")
        step = recorder.one("Query.thing")
    assert [c.attributes["gateway.attempt"] for c in (first, second)] == [1, 2]
    assert [c.attributes["http.response.status_code"] for c in (first, second)] == [503, 200]
    assert (first.status.description, second.status.is_unset) == ("503", True)
    assert first.parent.span_id == second.parent.span_id == step.context.span_id
    assert step.status.is_unset
    # What is waited between the attempts is the step's own time.
    calls = [(call.start_time, call.end_time) for call in (first, second)]
    waited_ms = covered(calls, step.start_time, step.end_time) / 1e6
    assert abs(step.attributes["gateway.wait_ms"] - waited_ms) < 1e-3


async def test_a_hedge_says_so(tmp_path: Path) -> None:
    known = 32  # durations that an endpoint has to have before a call is unusually slow
    never = asyncio.Event()

    async def answer(_: Asked) -> Answer:
        if len(behind.asked) == known + 1:
            await never.wait()
        return Answer({"id": 1})

    settings = "[sources.api.hedge]\nenabled = true\nmin_delay_s = 0.001\n"
    async with (
        backend(answer) as behind,
        GatewayClient(project(tmp_path, settings), sources={"api": behind.url}) as client,
    ):
        for _ in range(known):
            await client.execute("{ thing { id } }")
        recorder = Recorder(client)
        assert (await client.execute("{ thing { id } }")).errors == []
        first, rival = recorder.named("GET /thing")
        step = recorder.one("Query.thing")
    assert "gateway.hedge" not in first.attributes
    assert rival.attributes["gateway.hedge"] is True
    assert first.attributes["gateway.attempt"] == rival.attributes["gateway.attempt"] == 1
    assert first.status.description == "CancelledError"  # the rival was first
    assert rival.status.is_unset
    assert first.end_time <= step.end_time


async def test_a_call_says_how_long_it_waited_for_a_place(tmp_path: Path) -> None:
    async with (
        backend(lambda _: Answer({"id": 1})) as behind,
        GatewayClient(
            project(tmp_path, "max_concurrency = 1\n"), sources={"api": behind.url}
        ) as client,
    ):
        recorder = Recorder(client)
        assert (await client.execute("{ thing { id } other { id } }")).errors == []
        calls = {name: recorder.one(name) for name in ("GET /thing", "GET /other")}
        steps = [recorder.one("Query.thing"), recorder.one("Query.other")]
    first, second = sorted(calls.values(), key=lambda call: call.start_time)
    assert first.attributes["gateway.queue_wait_ms"] == 0
    assert second.attributes["gateway.queue_wait_ms"] > 0
    # The step waited for the place, and for the call.
    step = next(step for step in steps if step.context.span_id == second.parent.span_id)
    took_ms = (second.end_time - second.start_time) / 1e6
    assert step.attributes["gateway.wait_ms"] > took_ms


async def test_who_shares_a_call_and_who_leads_it(tmp_path: Path) -> None:
    may_answer = asyncio.Event()

    async def answer(_: Asked) -> Answer:
        await may_answer.wait()
        return Answer({"id": 2})

    async with (
        backend(answer) as behind,
        GatewayClient(project(tmp_path), sources={"api": behind.url}) as client,
    ):
        recorder = Recorder(client)
        leader = asyncio.create_task(client.execute("query A { thing { id } }"))
        while not behind.asked:
            await asyncio.sleep(0)
        follower = asyncio.create_task(client.execute("query B { thing { id half } }"))
        under_way = client.app.worker.upstream.reads._of_all.joinable
        while not any(shared.followers for shared in under_way.values()):
            await asyncio.sleep(0)
        may_answer.set()
        await asyncio.gather(leader, follower)
        led, shared = sorted(recorder.named("Query.thing"), key=lambda step: step.start_time)
        (call,) = recorder.named("GET /thing")
    assert call.parent.span_id == led.context.span_id
    assert led.attributes["gateway.calls_led"] == 1
    assert shared.attributes["gateway.calls_shared"] == 1
    assert "gateway.calls_shared" not in led.attributes
    # It has no call of its own, and it waited all the same.
    took_ms = (shared.end_time - shared.start_time) / 1e6
    assert 0 < shared.attributes["gateway.wait_ms"] <= took_ms


async def errors_of(tmp_path: Path, ratio: float) -> dict[str, Any]:
    things = [{"id": number} for number in range(5)]
    async with (
        backend(
            lambda asked: Answer(things) if asked.target == "/things" else Answer(b"{", 500)
        ) as behind,
        GatewayClient(project(tmp_path), sources={"api": behind.url}) as client,
    ):
        recorder = Recorder(client, ratio)
        result = await client.execute("{ things { id half loaded listed } other { id } }")
        assert len(result.errors) == 2 + 2 + 1 + 1
        steps = [s for s in recorder.spans() if "graphql.parents" in (s.attributes or {})]
        return {
            span.name: (span.status.description, (span.attributes or {}).get("graphql.errors"))
            for span in steps
        }


async def test_a_step_whose_values_have_errors_is_marked_sampled_or_kept_late(
    tmp_path: Path,
) -> None:
    expected = {
        "Query.things": (None, None),
        "Query.other": ("UpstreamError", 1),
        "Thing.half": ("ValueError", 2),
        "Thing.loaded": ("KeyError", 2),
        "Thing.listed": ("OverflowError", 1),
    }
    assert await errors_of(tmp_path, 1.0) == expected
    assert await errors_of(tmp_path, 0.0) == expected


def test_time_that_several_cover_is_counted_once() -> None:
    spans = [(0, 10), (5, 15), (31, 32), (30, 35), (90, 200)]
    assert covered(spans, 0, 100) == 15 + 5 + 10
    assert covered(spans, 2, 9) == 7
    assert covered([], 0, 100) == 0
