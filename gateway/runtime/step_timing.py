"""The timing of steps: one record for each step, never one for each object.

In a request that is sampled, each call of a resolver is timed and has the step's span as its current one. Loaders are
timed where they are started (`loads`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from graphql.pyutils import is_awaitable

from gateway.runtime.bound import BoundField
from gateway.runtime.spots import ABANDONED, Failed
from gateway.runtime.state import Run
from gateway.telemetry.trace import CURRENT, LiveSpans, Timing, Trace, clock

T = TypeVar("T")


def begin_step(run: Run, field: BoundField, rows: list[Any]) -> Timing | None:
    """Begin to time a step; None when nobody wants to know."""
    if run.trace is None or not rows:
        return None
    return run.trace.begin("step", field.coordinate, field, len(rows))


def end_step(timing: Timing | None) -> None:
    """The values of a step are there."""
    if timing is not None:
        timing.end_ns = clock()


def mark_errors(trace: Trace) -> None:
    """Look which steps have values that are errors: done for an answer that has some, and no other."""
    for timing in trace.steps:
        errors = list(_errors_of(timing.column))
        if errors:
            timing.errors = len(errors)
            timing.error = timing.error or type(errors[0]).__name__


def _errors_of(values: Iterable[Any]) -> Iterator[Exception]:
    for value in values:
        if value is ABANDONED:
            continue
        if isinstance(value, Failed):
            yield value.error
        elif isinstance(value, Exception):
            yield value
        elif type(value) is list:
            yield from _errors_of(value)


def within(run: Run, timing: Timing, loading: Awaitable[Sequence[T]]) -> Awaitable[Sequence[T]]:
    """A loader of the user's that finds its step's span as the current one, where one is recorded."""
    live = run.trace.live if run.trace is not None else None
    return (
        loading if run.trace is None or live is None else _load_in(run.trace, live, timing, loading)
    )


async def _load_in(
    trace: Trace, live: LiveSpans, timing: Timing, loading: Awaitable[Sequence[T]]
) -> Sequence[T]:
    entered = live.enter(timing, trace)
    try:
        return await loading
    finally:
        live.leave(timing, entered)


def call_in(
    run: Run, timing: Timing | None, function: Callable[..., Any], /, *args: Any, **arguments: Any
) -> Any:
    """Call a resolver within its step's span, and time it: what the traced form of the code calls."""
    trace = run.trace
    if timing is None or trace is None or trace.live is None:
        return function(*args, **arguments)
    if timing.durations is None:
        timing.durations = []
    number = len(timing.durations)
    timing.durations.append((number, 0))
    with _inside(trace, trace.live, timing, number):
        value = function(*args, **arguments)
    if is_awaitable(value):
        return _await_in(trace, trace.live, timing, value, number)
    return value


async def _await_in(
    trace: Trace, live: LiveSpans, timing: Timing, value: Awaitable[T], number: int
) -> T:
    with _inside(trace, live, timing, number):
        return await value


@contextmanager
def _inside(trace: Trace, live: LiveSpans, timing: Timing, number: int) -> Iterator[None]:
    """Within the step's span: what happens here is added to the call's time."""
    token = CURRENT.set(timing)
    entered = live.enter(timing, trace)
    begin_ns = clock()
    try:
        yield
    finally:
        assert timing.durations is not None
        timing.durations[number] = (number, timing.durations[number][1] + clock() - begin_ns)
        live.leave(timing, entered)
        CURRENT.reset(token)
