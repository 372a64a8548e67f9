"""What one request did and when: a list of timings that becomes spans only when somebody wants to see them.

Two clock reads for each step and each upstream call, and an id made beforehand, so that a trace that is
kept late has the right parents. It knows no GraphQL, no exporter, and nothing of how spans are written.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
clock = time.perf_counter_ns


class Subject(Protocol):
    """What a step is about.

    Attributes:
        coordinate: `Video.channel`.
        path: Where in the response its values stand, `videos.edges.node.channel`.
    """

    @property
    def coordinate(self) -> str: ...

    @property
    def path(self) -> str: ...


class Timing:
    """One thing that took time.

    Attributes:
        kind: "step", "call" or "phase".
        name: What a span is called.
        span_id: Made beforehand.
        parent_id: Of the span that it is below.
        begin_ns, end_ns: On the performance counter.
        error: What it ended with, in a few words; None when it went well.
        parents: Of a step: how many.
        keys: Of a step that loads by key: how many distinct ones.
        batch: Of one that loads in batches: how many keys the largest had.
        shared, led: Of a step: calls that another request made for it, and that it made for others too.
        answer: Of a call: source, method, status, and bytes where they were read whole; None without one.
        attempt: Of a call: which one, from 1; `is_hedge` when it runs beside another.
        waited_ns: Of a call: how long it had waited for a place before it began.
        durations: Of a function that is called once per object, each call; in sampled requests only.
        live: The span, where one is recorded while the user's code runs in it.
    """

    __slots__ = (
        "_attributes", "answer", "attempt", "batch", "begin_ns", "durations", "end_ns", "error",
        "is_hedge", "keys", "kind", "led", "live", "name", "parent_id", "parents", "shared",
        "span_id", "subject", "waited_ns",
    )  # fmt: skip

    def __init__(
        self, kind: str, name: str, span_id: int, parent_id: int, subject: Subject | None = None
    ) -> None:
        self.kind = kind
        self.name = name
        self.subject = subject
        self.parent_id = parent_id
        self.span_id = span_id
        self.error: str | None = None
        self._attributes: dict[str, Any] | None = None
        self.parents = self.shared = self.led = self.waited_ns = 0
        self.attempt = 1
        self.is_hedge = False
        self.keys: int | None = None
        self.batch: int | None = None
        self.answer: tuple[str, str, int, int | None] | None = None
        self.durations: list[tuple[int, int]] | None = None
        self.live: Any = None
        self.begin_ns = clock()
        self.end_ns = self.begin_ns

    @property
    def attributes(self) -> dict[str, Any]:
        """For a span; made when somebody asks."""
        if self._attributes is None:
            self._attributes = {}
            if self.kind == "step":
                self._attributes |= self._of_step()
            elif self.kind == "call":
                self._attributes |= self._of_call()
        return self._attributes

    def _of_step(self) -> dict[str, Any]:
        found = {
            "graphql.parents": self.parents,
            "graphql.keys": self.keys,
            "graphql.batch_size": self.batch,
            "gateway.calls_shared": self.shared or None,
            "gateway.calls_led": self.led or None,
        }
        return {name: value for name, value in found.items() if value is not None}

    def _of_call(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "gateway.attempt": self.attempt if self.attempt > 1 else None,
            "gateway.hedge": self.is_hedge or None,
            "gateway.pool_wait_ms": self.waited_ns / 1e6 if self.waited_ns else None,
        }
        if self.answer is not None:
            source, method, status, size_bytes = self.answer
            found["gateway.source"] = source
            found["http.request.method"] = method
            found["http.response.status_code"] = status
            found["http.response.body.size"] = size_bytes
        return {name: value for name, value in found.items() if value is not None}


CURRENT: ContextVar[Timing | None] = ContextVar("gateway_step", default=None)


class LiveSpans(Protocol):
    """Records spans while the user's code runs: there is one only in a sampled request."""

    def enter(self, timing: Timing, trace: Trace) -> Any:
        """Make the timing's span the current one; what `leave` needs."""
        ...

    def leave(self, timing: Timing, token: Any) -> None:
        """Take it back."""
        ...


class Trace:
    """One request's timings.

    Attributes:
        trace_id, span_id: Of the request's own span.
        parent_id: Of the client's span; None for a trace that begins here.
        is_sampled: Whether it is recorded for certain.
        is_shown: Whether its client gets it with the answer.
        state: The `tracestate` that came in.
        begin_ns: On the performance counter; `began_at_ns` is the same on the wall clock.
        live: Records spans meanwhile; None in a request that is not sampled.
    """

    __slots__ = (
        "_last_id", "_phases", "_timings", "began_at_ns", "begin_ns", "is_sampled", "is_shown",
        "live", "parent_id", "propagation", "span_id", "state", "trace_id",
    )  # fmt: skip

    def __init__(
        self,
        trace_id: int | None = None,
        parent_id: int | None = None,
        *,
        is_sampled: bool = False,
        state: str = "",
        propagation: Sequence[str] = ("w3c",),
    ) -> None:
        self.trace_id = trace_id or random.getrandbits(128) or 1
        # Those of the spans below count on from it, and stay below 2**64.
        self.span_id = self._last_id = random.getrandbits(63) + 1
        self.parent_id = parent_id
        self.is_sampled = is_sampled
        self.is_shown = False
        self.state = state
        self.propagation = propagation
        self.live: LiveSpans | None = None
        self._timings: list[Timing] = []
        self._phases: list[tuple[str, int, int]] = []
        self.began_at_ns = time.time_ns()
        self.begin_ns = clock()

    def begin(self, kind: str, name: str, subject: Subject | None = None) -> Timing:
        """Begin to time something below the step that runs now."""
        above = CURRENT.get()
        parent_id = self.span_id if above is None else above.span_id
        self._last_id += 1
        timing = Timing(kind, name, self._last_id, parent_id, subject)
        self._timings.append(timing)
        return timing

    def phase(self, name: str, begin_ns: int, end_ns: int) -> None:
        """Note something that has been timed."""
        self._phases.append((name, begin_ns, end_ns))

    @property
    def timings(self) -> list[Timing]:
        """Steps and calls in the order in which they began, and phases."""
        for name, begin_ns, end_ns in self._phases:
            self._last_id += 1
            timing = Timing("phase", name, self._last_id, self.span_id)
            timing.begin_ns, timing.end_ns = begin_ns, end_ns
            self._timings.append(timing)
        self._phases.clear()
        return self._timings

    @property
    def steps(self) -> list[Timing]:
        """Steps only, in the order in which they began."""
        return [timing for timing in self._timings if timing.kind == "step"]

    def loaded_ns(self, otherwise_ns: int) -> int:
        """When the last step ended."""
        return max([timing.end_ns for timing in self.steps], default=otherwise_ns)

    async def step(
        self, subject: Subject, size: int, loading: Awaitable[Sequence[T]], *, is_users: bool
    ) -> Sequence[T]:
        """Await what loads a column of `size` parents.

        Args:
            subject: What is loaded.
            size: How many parents.
            loading: Loads.
            is_users: Whether it is the user's code, which may look for the span that it is in.
        """
        timing = self.begin("step", subject.coordinate, subject)
        timing.parents = size
        token = CURRENT.set(timing)
        live = self.live if is_users else None
        entered = live.enter(timing, self) if live is not None else None
        try:
            values = await loading
        except BaseException as error:
            timing.error = type(error).__name__
            raise
        else:
            if (self.is_sampled or self.is_shown) and (
                failed := sum(isinstance(v, Exception) for v in values)
            ):
                timing.attributes["graphql.errors"] = failed
            return values
        finally:
            timing.end_ns = clock()
            if live is not None:
                live.leave(timing, entered)
            CURRENT.reset(token)

    def headers(self, timing: Timing) -> list[tuple[str, str]]:
        """What tells a backend that its work belongs to `timing`."""
        flag = int(self.is_sampled)
        found = []
        for how in self.propagation:
            if how == "w3c":
                found.append(
                    ("traceparent", f"00-{self.trace_id:032x}-{timing.span_id:016x}-0{flag}")
                )
                if self.state:
                    found.append(("tracestate", self.state))
            elif how == "b3":
                found.append(("b3", f"{self.trace_id:032x}-{timing.span_id:016x}-{flag}"))
            else:
                text = f"{self.trace_id:x}:{timing.span_id:x}:{timing.parent_id:x}:{flag}"
                found.append(("uber-trace-id", text))
        return found


ACTIVE: ContextVar[Trace | None] = ContextVar("gateway_trace", default=None)
"""The trace of the request that is being prepared: set around what may make a plan."""


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Time a part of what makes a plan, for the request that waits for it."""
    trace = ACTIVE.get()
    begin_ns = clock()
    try:
        yield
    finally:  # what is refused took its time too
        if trace is not None:
            trace.phase(name, begin_ns, clock())


def described(timing: Timing) -> dict[str, Any]:
    """The attributes of a timing's span."""
    attributes = dict(timing.attributes)
    if timing.subject is not None:
        attributes["graphql.field.coordinate"] = timing.subject.coordinate
        attributes["graphql.field.path"] = timing.subject.path
    if timing.durations:
        attributes |= summary(timing.durations)
    return attributes


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
