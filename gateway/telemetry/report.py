"""The timings of one request as JSON: what `x-gateway-trace` puts into the answer's `extensions`.

Shape: as docs/profiling.md has it. No header's value, variable or literal stands in it: a span is named by
the schema and by an endpoint's template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.telemetry.describe import described
from gateway.telemetry.trace import Timing, Trace, clock

VERSION = 1


class Unwatched:
    """Timing of functions that are called once per object, for a request without spans: a `LiveSpans`."""

    def enter(self, timing: Timing, trace: Trace) -> None:
        """As `LiveSpans.enter`."""

    def leave(self, timing: Timing, token: None) -> None:
        """As `LiveSpans.leave`."""


def show(trace: Trace | None) -> Trace:
    """A request's trace, which its client will see: made where there is none."""
    trace = trace or Trace(propagation=())
    trace.is_shown = True
    trace.live = trace.live or Unwatched()
    return trace


def trace_report(trace: Trace, root: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    """All that was timed until now.

    Args:
        trace: The request's.
        root: What its first span is called.
        plan: How the plan was found, and what it is.
    """
    begin_ns, end_ns = trace.begin_ns, clock()
    timings = sorted(trace.timings, key=lambda timing: timing.begin_ns)
    ids = {trace.span_id: 0} | {timing.span_id: n for n, timing in enumerate(timings, 1)}
    spans = [_span(0, None, root, "request", 0, end_ns - begin_ns, {})]
    for number, timing in enumerate(timings, 1):
        begin = timing.begin_ns - begin_ns
        took = max(0, timing.end_ns - timing.begin_ns)
        calls = [other for other in timings if other.parent_id == timing.span_id]
        attributes = described(timing, calls)
        if timing.error is not None:
            attributes["error"] = timing.error
        parent = ids.get(timing.parent_id, 0)
        spans.append(_span(number, parent, timing.name, timing.kind, begin, took, attributes))
    for span in spans:
        below = [child for child in spans if child["parent"] == span["id"]]
        span["self"] = max(0, span["duration"] - covered(below))
    started = datetime.fromtimestamp(trace.began_at_ns / 1e9, UTC)
    return {
        "version": VERSION,
        "traceId": trace.trace_hex,
        "startTime": started.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "duration": end_ns - begin_ns,
        "spans": spans,
        "plan": dict(plan),
    }


def _span(
    number: int,
    parent: int | None,
    name: str,
    kind: str,
    begin: int,
    took: int,
    attributes: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "id": number,
        "parent": parent,
        "name": name,
        "kind": kind,
        "start": begin,
        "duration": took,
        "attributes": dict(attributes),
    }


def covered(spans: Sequence[Mapping[str, Any]]) -> int:
    """The time in which at least one of these spans ran, nanoseconds."""
    total, until = 0, -(2**62)
    for span in sorted(spans, key=lambda span: span["start"]):
        begin, end = span["start"], span["start"] + span["duration"]
        total += max(0, end - max(begin, until))
        until = max(until, end)
    return total
