"""Steps whose function is called once for each object: resolvers of the user.

Never raises: what a call raises is the value of its object. No awaitable is awaited here.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from functools import partial
from itertools import repeat
from types import TracebackType
from typing import Any

from gateway.graph.resolvers import seen_by
from gateway.runtime.bound import BoundField
from gateway.runtime.info import infos_of_rows
from gateway.runtime.pauses import pause_alone
from gateway.runtime.properties import wait_for_cells
from gateway.runtime.spots import Failed, untraced
from gateway.runtime.state import NO_ARGUMENTS, Run
from gateway.runtime.step_timing import begin_step, call_in
from gateway.runtime.works import Work
from gateway.telemetry.trace import Timing

MANY = 100
"""Rows whose calls may be made at once: a plain resolver takes 1 to 50 microseconds."""


def call_rows(
    run: Run,
    field: BoundField,
    rows: list[Any],
    column: list[Any] | None = None,
    first: int = 0,
    timing: Timing | None = None,
) -> list[Any]:
    """The column of a resolver: what it gives for each row, awaitables on the run's work.

    Args:
        run, field, rows: What is called.
        column: Of more rows than these, which come `first`: it is filled, and awaitables are left to `call_many`.
        timing: Of the step then.
    """
    is_whole = column is None
    if column is None:
        column = []
        if not rows:
            return column
        if run.trace is not None:
            timing = run.trace.begin("step", field.coordinate, field, len(rows))
    function = field.resolver
    if field.plan.wrapped and run.wrap is not None:
        function = run.wrap(function)
    if timing is not None and run.trace is not None and run.trace.live is not None:
        function = partial(call_in, run, timing, function)
    context = run.context if field.sees is None else seen_by(run.context, field.sees)
    given = NO_ARGUMENTS if field.arguments is None else run.arguments_of(field)
    if type(given) is Failed:
        column += [given] * len(rows)
    elif field.has_own:
        _call_each(run, field, rows, context, function, given, column, first)
    elif given:
        for row in rows:
            try:
                column.append(function(row, context, **given))
            except Exception as error:
                column.append(_failed(run, field, error))
    else:
        for row in rows:
            try:
                column.append(function(row, context))
            except Exception as error:
                column.append(_failed(run, field, error))
    if is_whole:
        wait_for_cells(run, field, column, timing)
    return column


def call_many(
    run: Run, field: BoundField, rows: list[Any]
) -> Generator[list[Work], None, list[Any]]:
    """The same for many rows: the event loop is given back between some calls and others."""
    column: list[Any] = []
    timing = begin_step(run, field, rows) if run.trace is not None else None
    for first in range(0, len(rows), MANY):
        call_rows(run, field, rows[first : first + MANY], column, first, timing)
        yield from pause_alone(run)
    wait_for_cells(run, field, column, timing)
    return column


def _call_each(
    run: Run,
    field: BoundField,
    rows: list[Any],
    context: Any,
    function: Any,
    arguments: dict[str, Any],
    column: list[Any],
    first: int,
) -> None:
    """Call a resolver with an `info` of its own for each row, or with arguments of its own."""
    is_direct = field.is_direct
    is_shared = field.arguments is None or field.arguments.is_shared
    number = len(rows)
    infos = infos_of_rows(run, field, number, first) if field.takes_info else repeat(None, number)
    for info, row in zip(infos, rows, strict=True):
        try:
            given = arguments if is_shared else run.fresh_arguments_of(field)
            if info is None:
                column.append(function(row, context, **given))
            elif is_direct:
                column.append(function(row, context, info=info, **given))
            else:
                column.append(function(row, info, **given))
        except Exception as error:
            column.append(_failed(run, field, error))


def _failed(run: Run, field: BoundField, error: Exception) -> Failed:
    """An error whose traceback begins with the line of the plan, which names the field.

    So many of one field have one as an answer may have errors.
    """
    number = run.raised.get(field.id, 0)
    if number >= run.limits.max_errors:
        return untraced(error)
    run.raised[field.id] = number + 1
    frame = sys._getframe(1)
    while frame.f_globals is globals() and frame.f_back is not None:
        frame = frame.f_back
    below = error.__traceback__.tb_next if error.__traceback__ else None
    error.__traceback__ = TracebackType(below, frame, frame.f_lasti, frame.f_lineno)
    return Failed(error)
