"""What one request did and when: a list of timings that becomes spans only when somebody wants to see them.

Two clock reads for each step and each upstream call, and an id made beforehand, so that a trace that is
kept late has the right parents. It knows no GraphQL, no exporter, and nothing of how spans are written.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextvars import ContextVar
from itertools import count
from random import getrandbits
from typing import Any, Protocol

import msgspec

Phase = tuple[str, int, int, str | None]
Parent = tuple[str, str, bool]
"""Of the span that a request is below: the trace's id and its own, hexadecimal, and whether it is sampled."""
clock = time.perf_counter_ns
# The ids of requests' own spans, from a place of the worker's own; each request has room for those below.
SPANS = count(getrandbits(62), 2**20)


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


class Timing(msgspec.Struct, eq=False):
    """One thing that took time.

    Attributes:
        kind: "step", "call" or "phase".
        name: What a span is called.
        span_id: Made beforehand.
        parent_id: Of the span that it is below.
        begin_ns, end_ns: On the performance counter.
        error: What it ended with, in a few words; None when it went well.
        parents: Of a step: how many.
        column: Of a step: where its values come to stand.
        errors: Of a step: how many of its values are errors; counted only when the answer has some.
        keys: Of a step that loads by key: how many distinct ones.
        batch: Of one that loads in batches: how many keys the largest had.
        shared, led: Of a step: calls that another request made for it, and that it made for others too.
        cache: Of a step: what its look-ups in the response cache found: `hit`; "partial_hit" where they differ.
        waits: Of a step: from when to when it waited for a call of another request.
        answer: Of a call: source, method, status, and bytes where they were read whole; None without one.
        attempt: Of a call: which one, from 1; `is_hedge` when it runs beside another.
        waited_ns: Of a call: how long it had waited for a place before it began.
        durations: Of a function that is called once per object, each call; in sampled requests only.
        live: The span, where one is recorded while the user's code runs in it.
    """

    kind: str
    name: str
    span_id: int
    parent_id: int
    subject: Subject | None
    begin_ns: int
    end_ns: int
    error: str | None = None
    parents: int = 0
    column: Sequence[Any] = ()
    errors: int = 0
    keys: int | None = None
    batch: int | None = None
    shared: int = 0
    led: int = 0
    waits: Sequence[tuple[int, int]] = ()
    cache: str = ""
    answer: tuple[str, str, int, int | None] | None = None
    attempt: int = 1
    is_hedge: bool = False
    waited_ns: int = 0
    durations: list[tuple[int, int]] | None = None
    live: Any = None

    def looked_up(self, result: str) -> None:
        """Note what a look-up in the response cache found."""
        self.cache = result if self.cache in ("", result) else "partial_hit"


CURRENT: ContextVar[Timing | None] = ContextVar("gateway_step", default=None)


class LiveSpans(Protocol):
    """Records spans while the user's code runs: there is one only in a sampled request."""

    def enter(self, timing: Timing, trace: Trace) -> Any:
        """Make the timing's span the current one; what `leave` needs."""
        ...

    def leave(self, timing: Timing, token: Any) -> None:
        """Take it back."""
        ...


class Trace(msgspec.Struct, eq=False):
    """One request's timings.

    Attributes:
        span_id: Of the request's own span.
        propagation: How backends are told.
        parent: The client's span; None for a trace that begins here.
        is_sampled: Whether it is recorded for certain.
        is_shown: Whether its client gets it with the answer.
        state: The `tracestate` that came in.
        begin_ns: On the performance counter.
        begun: Steps and calls so far, in the order in which they began.
        live: Records spans meanwhile; None in a request that is not sampled.
    """

    propagation: Sequence[str] = ("w3c",)
    parent: Parent | None = None
    is_sampled: bool = False
    is_shown: bool = False
    state: str = ""
    live: LiveSpans | None = None
    # Those of the spans below count on from it, and stay below 2**64.
    span_id: int = msgspec.field(default_factory=SPANS.__next__)
    begin_ns: int = msgspec.field(default_factory=clock)
    begun: list[Timing] = msgspec.field(default_factory=list)
    _spans_below: int = 0
    _own_hex: str = ""
    _began_at_ns: int = 0
    _phases: list[Phase] | None = None
    _ends: tuple[int, int, int] | None = None

    @property
    def trace_hex(self) -> str:
        """The trace's id as text; one of its own is made when somebody asks: most requests are in no trace."""
        if self.parent is not None:
            return self.parent[0]
        if not self._own_hex:
            self._own_hex = (getrandbits(128) or 1).to_bytes(16, "big").hex()
        return self._own_hex

    @property
    def trace_id(self) -> int:
        """The trace's id."""
        return int(self.trace_hex, 16)

    @property
    def parent_id(self) -> int | None:
        """Of the client's span; None for a trace that begins here."""
        return int(self.parent[1], 16) if self.parent is not None else None

    @property
    def began_at_ns(self) -> int:
        """The beginning on the wall clock, which is read only when somebody asks."""
        if not self._began_at_ns:
            self._began_at_ns = time.time_ns() - (clock() - self.begin_ns)
        return self._began_at_ns

    def begin(
        self, kind: str, name: str, subject: Subject | None = None, parents: int = 0
    ) -> Timing:
        """Begin to time something below the step that runs now; `parents` is how many a step has."""
        above = CURRENT.get()
        parent_id = self.span_id if above is None else above.span_id
        self._spans_below = below = self._spans_below + 1
        now = clock()
        timing = Timing(
            kind, name, self.span_id + below, parent_id, subject, now, now, None, parents
        )
        self.begun.append(timing)
        return timing

    def phase(self, name: str, begin_ns: int, end_ns: int, error: str | None = None) -> None:
        """Note something that has been timed."""
        if self._phases is None:
            self._phases = []
        self._phases.append((name, begin_ns, end_ns, error))

    def answered(self, begin_ns: int, shaped_ns: int, end_ns: int) -> None:
        """Note when the plan began to run, when its values were shaped, and when they were encoded."""
        self._ends = begin_ns, shaped_ns, end_ns

    @property
    def timings(self) -> list[Timing]:
        """Steps and calls in the order in which they began, and phases."""
        if self._ends is not None:
            begin_ns, shaped_ns, end_ns = self._ends
            loaded_ns = max([step.end_ns for step in self.steps], default=begin_ns)
            self.phase("shape", loaded_ns, shaped_ns)
            self.phase("encode", shaped_ns, end_ns)
            self._ends = None
        for name, begin_ns, end_ns, error in self._phases or ():
            self._spans_below += 1
            span_id = self.span_id + self._spans_below
            timing = Timing("phase", name, span_id, self.span_id, None, begin_ns, end_ns, error)
            self.begun.append(timing)
        self._phases = None
        return self.begun

    @property
    def steps(self) -> list[Timing]:
        """Steps only, in the order in which they began."""
        return [timing for timing in self.begun if timing.kind == "step"]

    def headers(self, timing: Timing) -> list[tuple[str, str]]:
        """What tells a backend that its work belongs to `timing`."""
        trace_id, flag = self.trace_hex, "1" if self.is_sampled else "0"
        span_id = timing.span_id.to_bytes(8, "big").hex()  # a third of what a format takes
        found = []
        for how in self.propagation:
            if how == "w3c":
                found.append(("traceparent", f"00-{trace_id}-{span_id}-0{flag}"))
                if self.state:
                    found.append(("tracestate", self.state))
            elif how == "b3":
                found.append(("b3", f"{trace_id}-{span_id}-{flag}"))
            else:
                text = f"{self.trace_id:x}:{timing.span_id:x}:{timing.parent_id:x}:{flag}"
                found.append(("uber-trace-id", text))
        return found


ACTIVE: ContextVar[Trace | None] = ContextVar("gateway_trace", default=None)
"""The trace of the request that is being prepared: set around what may make a plan."""


class TimedPhase:
    """Times a part of what makes a plan, for the request that waits for it: one that fails too."""

    __slots__ = ("_begin_ns", "_name")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._begin_ns = clock()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        trace = ACTIVE.get()
        if trace is not None:
            trace.phase(self._name, self._begin_ns, clock(), kind.__name__ if kind else None)
