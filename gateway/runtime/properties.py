"""Columns of properties: what the members of rows hold, read as graphql-core's default resolver reads them, or a
framework's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from types import CoroutineType, NoneType
from typing import Any

import msgspec

from gateway.graph.loader import DecodedRow
from gateway.graph.member import MemberAccess
from gateway.runtime.bound import (
    BoundField,
)
from gateway.runtime.info import info_of_row
from gateway.runtime.nulled import BROKEN
from gateway.runtime.request import never
from gateway.runtime.runtime_types import is_known
from gateway.runtime.spots import Failed, FailedList, caught
from gateway.runtime.state import Run
from gateway.runtime.works import Cells
from gateway.telemetry.trace import Timing, clock

# Types whose values are never awaitable, callable or exceptions.
PLAIN = frozenset({dict, list, tuple, str, int, float, bool, NoneType, bytes, Failed, FailedList})


ROW = {dict}


COROUTINE = {CoroutineType}


Kinds = set[type]


def read_column(run: Run, field: BoundField, rows: list[Any], kinds: Kinds) -> list[Any]:
    """The column of a property, read as graphql-core's default resolver reads it."""
    name = field.access
    column: list[Any]
    if field.arguments is not None:
        arguments = run.arguments_of(field)
        if type(arguments) is Failed:
            return [arguments] * len(rows)
    if field.member is not None:
        column = [read_member(row, name, field.member) for row in rows]
        wait_for_cells(run, field, column)
        return column
    if kinds <= ROW:
        column = [row.get(name) for row in rows]
    elif len(kinds) == 1 and issubclass(kind := next(iter(kinds)), msgspec.Struct):
        if has_member(kind, name):
            column = list(map(attrgetter(name), rows))
        elif issubclass(kind, DecodedRow):
            column = [None] * len(rows)
        else:
            column = [read_property(row, name) for row in rows]
        if issubclass(kind, DecodedRow):
            return column  # what was decoded is neither callable nor awaitable
    else:
        column = [read_property(row, name) for row in rows]
    if not all(type_ in PLAIN or is_inert(type_) for type_ in set(map(type, column))):
        call_callables(run, field, column)
    return column


def call_callables(run: Run, field: BoundField, column: list[Any]) -> None:
    """Put in the place of each callable what it gives, as graphql-core's default resolver calls it."""
    for index, value in enumerate(column):
        if callable(value):
            try:
                own = run.arguments_for_call(field)
                column[index] = value(info_of_row(run, field, index), **own)
            except Exception as error:
                column[index] = caught(error)
    wait_for_cells(run, field, column)


def is_inert(type_: type) -> bool:
    """Whether values of a type are neither callable nor awaitable, whatever they hold."""
    return is_known({type_}) and not any("__call__" in base.__dict__ for base in type_.__mro__)


def is_decoded(kinds: Kinds) -> bool:
    """Whether rows are all of one class of decoded rows."""
    return len(kinds) == 1 and issubclass(next(iter(kinds)), DecodedRow)


def has_member(kind: type[msgspec.Struct], name: str) -> bool:
    """Whether a struct's class declares a member: what else it has by that name is none of a row's (`mro`)."""
    return name in kind.__struct_fields__


def read_property(row: Any, name: str) -> Any:
    """A member of a row, or the error of reading it."""
    try:
        return row.get(name) if isinstance(row, Mapping) else getattr(row, name, None)
    except Exception as error:
        return caught(error)


def read_member(row: Any, name: str, access: MemberAccess) -> Any:
    """A member of a row as a framework reads it, or the error of reading it."""
    try:
        if access is MemberAccess.ATTRIBUTE:
            return getattr(row, name)
        return row.get(name) if isinstance(row, dict) else getattr(row, name, None)
    except Exception as error:
        return caught(error)


def wait_for_cells(
    run: Run, field: BoundField, column: list[Any], timing: Timing | None = None
) -> None:
    """Put the awaitables of a column on the run's work; without any, the step `timing` has ended."""
    # Most steps are root fields, of one row each: a set is made of it at half the cost.
    types = {type(column[0])} if len(column) == 1 else set(map(type, column))
    if field.output.non_null and not BROKEN.isdisjoint(types):
        run.broken += ((field, column),)
    indices: Sequence[int] = ()
    if not types <= PLAIN:
        if types == COROUTINE:
            indices = range(len(column))
        else:
            indices = [index for index, value in enumerate(column) if run.is_awaitable(value)]
    if indices and run.is_awaitable is not never:
        run.works.append(Cells(run, field, column, indices, timing))
    if timing is not None:
        timing.column = column
        timing.end_ns = clock()  # until one of the awaitables ends
