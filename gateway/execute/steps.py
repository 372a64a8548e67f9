"""Timing of steps whose function is called once per object: one record for the step, never one per object.

In a request that is sampled the traced form of the code is run: each call is timed and has the step's span
as its current one. Loaders are timed where they are started (`loads`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql.pyutils import is_awaitable

from gateway.execute.bound import BoundField
from gateway.execute.state import Run
from gateway.telemetry.trace import CURRENT, Timing, clock


def begin_step(run: Run, field: BoundField, rows: list[Any]) -> Timing | None:
    """Begin to time a step; None when nobody wants to know."""
    if run.trace is None or not rows:
        return None
    timing = run.trace.begin("step", field.coordinate, field)
    timing.attributes["graphql.parents"] = len(rows)
    return timing


def end_step(timing: Timing | None) -> None:
    """The values of a step are there."""
    if timing is not None:
        timing.end_ns = clock()


def call_in(
    run: Run, timing: Timing | None, function: Callable[..., Any], *args: Any, **arguments: Any
) -> Any:
    """Call a resolver within its step's span, and time it: what the traced form of the code calls."""
    trace = run.trace
    if timing is None or trace is None or trace.live is None:
        return function(*args, **arguments)
    if timing.durations is None:
        timing.durations = []
    number = timing.attributes["graphql.called"] = timing.attributes.get("graphql.called", -1) + 1
    token = CURRENT.set(timing)
    entered = trace.live.enter(timing, trace)
    begin = clock()
    try:
        value = function(*args, **arguments)
    except BaseException as error:
        timing.error = timing.error or type(error).__name__
        raise
    finally:
        took = clock() - begin
        trace.live.leave(timing, entered)
        CURRENT.reset(token)
    if is_awaitable(value):
        return _await_in(run, timing, value, number)
    timing.durations.append((number, took))
    return value


async def _await_in(run: Run, timing: Timing, value: Any, number: int) -> Any:
    trace = run.trace
    assert trace is not None
    assert trace.live is not None
    assert timing.durations is not None
    token = CURRENT.set(timing)
    entered = trace.live.enter(timing, trace)
    begin = clock()
    try:
        return await value
    except BaseException as error:
        timing.error = timing.error or type(error).__name__
        raise
    finally:
        timing.durations.append((number, clock() - begin))
        trace.live.leave(timing, entered)
        CURRENT.reset(token)
