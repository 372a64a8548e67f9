"""What a span says of a timing: read once a request is over, and only where somebody wants to see it.

It never changes a timing, and adds nothing that a client or a backend wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.telemetry.trace import Timing


def described(timing: Timing, below: Iterable[Timing] = ()) -> dict[str, Any]:
    """The attributes of a timing's span.

    Args:
        timing: Ended.
        below: What ran for it: its calls.
    """
    if timing.kind == "step":
        attributes = _of_step(timing, below)
    elif timing.kind == "call":
        attributes = _of_call(timing)
    else:
        attributes = {}
    if timing.durations:
        attributes |= summary(timing.durations)
    return attributes


def _of_step(timing: Timing, below: Iterable[Timing]) -> dict[str, Any]:
    waits = [(call.begin_ns - call.waited_ns, call.end_ns) for call in below]
    waits += timing.waits
    waited_ns = covered(waits, timing.begin_ns, timing.end_ns)
    found: dict[str, Any] = {
        "graphql.parents": timing.parents,
        "gateway.wait_ms": waited_ns / 1e6,
        "gateway.self_ms": (timing.end_ns - timing.begin_ns - waited_ns) / 1e6,
    }
    if timing.subject is not None:
        found["graphql.field.coordinate"] = timing.subject.coordinate
        found["graphql.field.path"] = timing.subject.path
    if timing.keys is not None:
        found["graphql.keys"] = timing.keys
    if timing.batch is not None:
        found["graphql.batch_size"] = timing.batch
    for name, count in (
        ("graphql.errors", timing.errors),
        ("gateway.calls_shared", timing.shared),
        ("gateway.calls_led", timing.led),
        ("gateway.cache.status", timing.cache),
    ):
        if count:
            found[name] = count
    return found


def _of_call(timing: Timing) -> dict[str, Any]:
    found: dict[str, Any] = {
        "gateway.attempt": timing.attempt,
        "gateway.queue_wait_ms": timing.waited_ns / 1e6,
    }
    if timing.is_hedge:
        found["gateway.hedge"] = True
    if timing.answer is not None:
        source, method, status, size_bytes = timing.answer
        found["gateway.source"] = source
        found["http.request.method"] = method
        found["http.response.status_code"] = status
        if size_bytes is not None:
            found["http.response.body.size"] = size_bytes
    return found


def covered(spans: Iterable[tuple[int, int]], begin_ns: int, end_ns: int) -> int:
    """The time from `begin_ns` to `end_ns` in which at least one of these spans ran, nanoseconds."""
    total, until = 0, begin_ns
    for begin, end in sorted(spans):
        total += max(0, min(end, end_ns) - max(begin, until))
        until = max(until, min(end, end_ns))
    return total


def summary(durations: Sequence[tuple[int, int]]) -> Mapping[str, Any]:
    """What is said of a function's calls: how many, and how long they took, milliseconds.

    Shape: `durations` as (object's number, nanoseconds).
    """
    ordered = sorted(took for _, took in durations)
    slowest, most = max(durations, key=lambda item: item[1])
    return {
        "graphql.calls": len(ordered),
        "graphql.duration_min_ms": ordered[0] / 1e6,
        "graphql.duration_p95_ms": ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)] / 1e6,
        "graphql.duration_max_ms": most / 1e6,
        "graphql.slowest": slowest,
    }
