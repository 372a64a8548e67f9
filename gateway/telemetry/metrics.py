"""Instruments that cost next to nothing, and the one set of numbers that all workers make together.

    hot path ── Counter.value += 1, Histogram.observe ──► Family ─┐
    services' own attributes ── read when somebody asks ──────────┴─► Registry.snapshot ─► merge

What a request has to do is to look a child up and to add; whatever can be read when somebody asks is read
then. It knows no request and no format: `exposition` writes what `merge` gives.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import add
from typing import Any, Generic, Literal, Protocol, TypeVar

Kind = Literal["counter", "gauge", "histogram"]
Labels = tuple[str, ...]
Value = float | list[float]
Sample = tuple["Metric", Labels, Value]
Snapshot = dict[str, list[tuple[Labels, Value]]]

# OpenTelemetry's boundaries for durations over HTTP, and two below them: a gateway answers what needs no
# backend in less than a millisecond.
SECONDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
COSTS = (
    0.0,
    1.0,
    5.0,
    10.0,
    25.0,
    50.0,
    100.0,
    250.0,
    500.0,
    1e3,
    2.5e3,
    5e3,
    1e4,
    2.5e4,
    1e5,
    1e6,
)
OTHER = "other"
EXEMPLARS = " exemplars"
"""Behind a histogram's name: its exemplars in a snapshot, labelled by bucket and trace id as well."""
MAX_LABEL_LENGTH = 128


@dataclass(frozen=True, slots=True)
class Metric:
    """What is known of a metric before it has a value.

    Attributes:
        name: As Prometheus has it, without `_total`.
        kind: What it is.
        help: One sentence.
        labels: Their names.
        across: How the numbers of several workers become one.
        bounds: Of a histogram.
    """

    name: str
    kind: Kind
    help: str
    labels: Labels = ()
    across: Literal["sum", "max", "min"] = "sum"
    bounds: tuple[float, ...] = SECONDS


class Counter:
    """Only grows: `counter.value += 1`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def sample(self) -> Value:
        return self.value


class Histogram:
    """How often a duration fell between two boundaries, and the sum of all; or another number than a duration.

    Args:
        bounds: The boundaries, those of its metric.

    Attributes:
        counts: One for each of them, and one for what is longer.
        sum: Seconds.
        exemplars: By bucket: the last trace that is kept of one, its seconds, and when.
    """

    __slots__ = ("bounds", "counts", "exemplars", "sum")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.exemplars: dict[int, tuple[str, float, float]] = {}
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds

    def exemplify(self, seconds: float, trace_id: str) -> None:
        """Name the trace of one that was counted."""
        bucket = bisect_left(self.bounds, seconds)
        self.exemplars[bucket] = (trace_id, seconds, time.time())

    def sample(self) -> Value:
        return [*self.counts, self.sum]


class Instrument(Protocol):
    """A child of a family."""

    def sample(self) -> Value: ...


I = TypeVar("I", bound=Instrument)  # noqa: E741 - the one type there is


class LabelLimit:
    """Tells so many values of a label apart, first come.

    Args:
        most: How many.
    """

    __slots__ = ("_known", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def cut(self, value: str) -> str:
        """The value, or "other" when it comes too late or is too long."""
        if value in self._known:
            return value
        if len(self._known) >= self._most or len(value) > MAX_LABEL_LENGTH:
            return OTHER
        self._known.add(value)
        return value


class Family(Generic[I]):
    """The children of one metric by the values of its labels.

    Args:
        metric: What they count.
        make: Makes a child.
        bounds: For each label whose values somebody else chooses, how many of them are told apart.
    """

    __slots__ = ("_bounds", "_children", "_make", "metric")

    def __init__(
        self, metric: Metric, make: Callable[[], I], bounds: dict[str, int] | None = None
    ) -> None:
        self.metric = metric
        self._make = make
        self._bounds = {
            metric.labels.index(label): LabelLimit(most) for label, most in (bounds or {}).items()
        }
        self._children: dict[Labels, I] = {}

    def of(self, *labels: str) -> I:
        """The child with these labels, made when it is first asked for."""
        child = self._children.get(labels)
        return self._find(labels) if child is None else child

    def samples(self) -> Iterable[Sample]:
        """Every child's value."""
        return [(self.metric, labels, child.sample()) for labels, child in self._children.items()]

    def read_exemplars(self: Family[Histogram]) -> Iterator[Sample]:
        """Every child's traces."""
        named = Metric(self.metric.name + EXEMPLARS, "gauge", "")
        for labels, child in self._children.items():
            for bucket, (trace_id, seconds, at_s) in child.exemplars.items():
                yield named, (*labels, str(bucket), trace_id), [seconds, at_s]

    def _find(self, labels: Labels) -> I:
        for at, bound in self._bounds.items():
            labels = (*labels[:at], bound.cut(labels[at]), *labels[at + 1 :])
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._make()
        return child


class Registry:
    """Everything that can be read of one worker."""

    def __init__(self) -> None:
        self._readers: list[Callable[[], Iterable[Sample]]] = []

    def add(self, reader: Callable[[], Iterable[Sample]]) -> None:
        """Ask this too; it is called on the worker's event loop and must not wait."""
        self._readers.append(reader)

    def snapshot(self) -> Snapshot:
        """Every value now."""
        found: Snapshot = {}
        for reader in self._readers:
            for metric, labels, value in reader():
                found.setdefault(metric.name, []).append((labels, value))
        return found


def merge(snapshots: Sequence[Snapshot], metrics: Iterable[Metric]) -> Snapshot:
    """One set of numbers from those of several workers.

    Args:
        snapshots: Of each worker; what they have of unknown metrics is left out.
        metrics: Which there are; only these are in the result, in their order.
    """
    merged: Snapshot = {}
    for metric in metrics:
        values: dict[Labels, Any] = {}
        for snapshot in snapshots:
            for labels, value in snapshot.get(metric.name, ()):
                key = tuple(labels)
                values[key] = _joined(metric, values[key], value) if key in values else value
        if values:
            merged[metric.name] = list(values.items())
        if metric.kind == "histogram":
            _merge_exemplars(merged, snapshots, metric.name + EXEMPLARS)
    return merged


def _merge_exemplars(merged: Snapshot, snapshots: Sequence[Snapshot], name: str) -> None:
    """The newest of each bucket."""
    newest: dict[Labels, tuple[Labels, Any]] = {}
    for snapshot in snapshots:
        for labels, value in snapshot.get(name, ()):
            bucket = tuple(labels[:-1])
            known = newest.get(bucket)
            if known is None or value[1] > known[1][1]:  # type: ignore[index]
                newest[bucket] = (tuple(labels), value)
    if newest:
        merged[name] = list(newest.values())


def lasting(snapshot: Snapshot, metrics: Iterable[Metric]) -> Snapshot:
    """What of a worker's numbers still counts when it is gone: what only grows."""
    return {
        metric.name: snapshot[metric.name]
        for metric in metrics
        if metric.kind != "gauge" and metric.name in snapshot
    }


JOIN: dict[str, Callable[[float, float], float]] = {"sum": add, "max": max, "min": min}


def _joined(metric: Metric, one: Any, other: Any) -> Value:
    if metric.kind == "histogram":
        return [a + b for a, b in zip(one, other, strict=True)]
    result: float = JOIN[metric.across](one, other)
    return result
