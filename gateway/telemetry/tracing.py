"""Traces: which requests are recorded, and how their timings become OpenTelemetry spans.

A request is recorded from its start when its parent is, or by ratio; and kept at its end when it failed or
was slow, from the timings that every request has. Exported over OTLP/HTTP. The global OpenTracing tracer is
a shim over the same provider, so that older instrumentation joins. It knows no GraphQL.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace as otel
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)

from gateway.telemetry.describe import described
from gateway.telemetry.propagation import PARSERS
from gateway.telemetry.settings import TracingSettings
from gateway.telemetry.trace import Timing, Trace, clock

LOW_BITS = 2**64 - 1
SAMPLED = TraceFlags(TraceFlags.SAMPLED)
UNSET = Status(StatusCode.UNSET)
FAILED = Status(StatusCode.ERROR)
SCOPE = InstrumentationScope("gateway")


class Tracing:
    """The tracer of one worker.

    Args:
        settings: As configured.
        exporter: In the place of the one that the settings ask for.
    """

    def __init__(self, settings: TracingSettings, exporter: SpanExporter | None = None) -> None:
        self.settings = settings
        self._bound = int(settings.sample_ratio * 2**64)
        self._propagation = settings.propagation
        self._parsers = [(how, PARSERS[how]) for how in settings.propagation]
        self._slow_s = settings.slow_threshold_ms / 1000
        self._ids = _Ids()
        self.provider = TracerProvider(
            resource=Resource.create({"service.name": settings.service_name}),
            id_generator=self._ids,
            sampler=_Below(),
            shutdown_on_exit=False,
        )
        self._processor = BatchSpanProcessor(exporter or _otlp(settings))
        self.provider.add_span_processor(self._processor)
        self._tracer = self.provider.get_tracer("gateway")
        if settings.opentracing:
            set_opentracing_tracer(self.provider)

    async def aclose(self) -> None:
        """Export what is left, within five seconds."""
        await asyncio.to_thread(self._processor.force_flush, 5000)
        await asyncio.to_thread(self.provider.shutdown)

    def begin(self, headers: Mapping[str, str]) -> Trace:
        """A request's trace, joined to its client's."""
        for how, parse in self._parsers:
            found = parse(headers)
            if found is not None:
                trace = Trace(self._propagation, found, found[2])
                if how == "w3c" and "tracestate" in headers:
                    trace.state = headers["tracestate"]
                break
        else:
            trace = Trace(self._propagation)
        if trace.is_sampled or (self._bound and (trace.trace_id & LOW_BITS) < self._bound):
            trace.is_sampled = True
            trace.live = self
        return trace

    def keeps(self, trace: Trace, *, failed: bool, took_s: float) -> bool:
        """Whether a request that has ended is recorded.

        Args:
            trace: Its timings.
            failed: Whether its answer has an error.
            took_s: Its duration.
        """
        if trace.is_sampled or took_s > self._slow_s:
            return True
        return failed and self.settings.keep_errors

    def write(
        self,
        trace: Trace,
        name: str,
        attributes: Mapping[str, Any],
        *,
        failed: bool,
        events: Sequence[tuple[str, Mapping[str, Any]]] = (),
    ) -> None:
        """Record a request that has just ended.

        Args:
            trace: Its timings.
            name: Of its own span.
            attributes: Of that.
            failed: Whether its answer has an error.
            events: What happened in it: name and attributes.
        """
        status = FAILED if failed else UNSET
        self._put(
            trace, name, trace.span_id, trace.parent_id, SpanKind.SERVER, trace.begin_ns, clock(),
            attributes, status, events,
        )  # fmt: skip
        below: dict[int, list[Timing]] = {}
        for timing in trace.timings:
            below.setdefault(timing.parent_id, []).append(timing)
        for timing in trace.timings:
            if timing.durations and self.settings.detail == "object":
                self._write_objects(trace, timing)
            status = UNSET if timing.error is None else Status(StatusCode.ERROR, timing.error)
            attributes = described(timing, below.get(timing.span_id, ()))
            if timing.live is None:
                kind = SpanKind.CLIENT if timing.kind == "call" else SpanKind.INTERNAL
                self._put(
                    trace, timing.name, timing.span_id, timing.parent_id, kind, timing.begin_ns,
                    timing.end_ns, attributes, status,
                )  # fmt: skip
            else:
                timing.live.set_attributes(attributes)
                timing.live.set_status(status)
                timing.live.end(self._at(trace, timing.end_ns))

    def _put(
        self,
        trace: Trace,
        name: str,
        span_id: int,
        parent_id: int | None,
        kind: SpanKind,
        begin_ns: int,
        end_ns: int,
        attributes: Mapping[str, Any],
        status: Status,
        events: Sequence[tuple[str, Mapping[str, Any]]] = (),
    ) -> None:
        """Hand over a span that has ended: a fifth of the cost of one that is begun and ended."""
        trace_id, parent = trace.trace_id, None
        if parent_id is not None:
            parent = SpanContext(trace_id, parent_id, parent_id == trace.parent_id, SAMPLED)
        span = ReadableSpan(
            name,
            SpanContext(trace_id, span_id or random.getrandbits(64), False, SAMPLED),
            parent,
            self.provider.resource,
            attributes,
            events=[Event(one, said, self._at(trace, end_ns)) for one, said in events],
            kind=kind,
            status=status,
            start_time=self._at(trace, begin_ns),
            end_time=self._at(trace, end_ns),
            instrumentation_scope=SCOPE,
        )
        self._processor.on_end(span)

    def _write_objects(self, trace: Trace, timing: Timing) -> None:
        for number, took_ns in (timing.durations or ())[: self.settings.max_objects]:
            self._put(
                trace, f"{timing.name}[{number}]", 0, timing.span_id, SpanKind.INTERNAL,
                timing.begin_ns, timing.begin_ns + took_ns, {}, UNSET,
            )  # fmt: skip

    def _start(self, trace: Trace, timing: Timing) -> Span:
        """A span that is recorded while the user's code runs, with the id that was made beforehand."""
        parent = SpanContext(trace.trace_id, timing.parent_id, False, SAMPLED)
        above = otel.set_span_in_context(NonRecordingSpan(parent), otel_context.Context())
        self._ids.force(timing.span_id)
        span = self._tracer.start_span(
            timing.name, above, start_time=self._at(trace, timing.begin_ns)
        )
        assert isinstance(span, Span), "its parent is sampled"
        return span

    def _at(self, trace: Trace, at_ns: int) -> int:
        """A reading of the performance counter on the wall clock."""
        return trace.began_at_ns + at_ns - trace.begin_ns

    # Spans while the user's code runs: `LiveSpans`

    def enter(self, timing: Timing, trace: Trace) -> Any:
        """As `LiveSpans.enter`."""
        if timing.live is None:
            timing.live = self._start(trace, timing)
        return otel_context.attach(otel.set_span_in_context(timing.live))

    def leave(self, timing: Timing, token: Any) -> None:  # noqa: ARG002 - the port's
        """As `LiveSpans.leave`."""
        otel_context.detach(token)


class _Ids(RandomIdGenerator):
    """Gives an id that was made beforehand, when there is one."""

    def __init__(self) -> None:
        self._next = 0

    def force(self, span_id: int) -> None:
        """The id of the next span."""
        self._next = span_id

    def generate_span_id(self) -> int:
        span_id, self._next = self._next, 0
        return span_id or super().generate_span_id()


class _Below(Sampler):
    """Records what stands below a step that is recorded, and nothing else."""

    def should_sample(
        self,
        parent_context: otel_context.Context | None,
        trace_id: int,  # noqa: ARG002 - the interface's
        name: str,  # noqa: ARG002
        kind: SpanKind | None = None,  # noqa: ARG002
        attributes: Any = None,
        links: Sequence[Any] | None = None,  # noqa: ARG002
        trace_state: Any = None,
    ) -> SamplingResult:
        above = otel.get_current_span(parent_context).get_span_context()
        is_kept = above.is_valid and above.trace_flags.sampled
        decision = Decision.RECORD_AND_SAMPLE if is_kept else Decision.DROP
        return SamplingResult(decision, attributes if is_kept else None, trace_state)

    def get_description(self) -> str:
        return "gateway"


def _otlp(settings: TracingSettings) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=settings.endpoint, headers=settings.headers)


def set_opentracing_tracer(provider: TracerProvider) -> None:
    """Make code that is instrumented by the OpenTracing API join the provider's traces."""
    import opentracing  # type: ignore[import-untyped]
    from opentelemetry.shim.opentracing_shim import create_tracer

    opentracing.set_global_tracer(create_tracer(provider))
