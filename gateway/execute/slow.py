"""What generated code calls where a value is not what its cheap check expects.

One function per place, made when the plan is compiled. It finishes the value when that is safe (a value
of a plain type that only needs serialising), else leaves a spot for the exact path. It never raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import Undefined

from gateway.execute.bound import BoundField, BoundLeaf, BoundOutput, BoundSelection
from gateway.execute.expand import expand_row, expand_rows, expand_value
from gateway.execute.forms import Observer
from gateway.execute.runtime_types import is_known
from gateway.execute.spots import Failed
from gateway.execute.state import Run

Slow = Callable[[Any, Run], Any]


def slow_leaf(field: BoundField, output: BoundLeaf, is_property: bool) -> Slow:
    """For a leaf: serialises plain values."""
    serialize = output.serialize
    nullable = not output.non_null

    def slow(value: Any, run: Run) -> Any:
        if value is None and nullable:
            return None
        error: Exception | None = None
        if value is not None and is_known({type(value)}) and not (is_property and callable(value)):
            try:
                result = serialize(value)
            except Exception as raised:
                error = raised
            else:
                if result is not None and result is not Undefined:
                    return result
        spot = run.leave(field, output, value, is_property)
        if error is not None:
            spot.value = Failed(error)
        return spot

    return slow


def slow_value(
    field: BoundField, output: BoundOutput, is_property: bool, observer: Observer | None
) -> Slow:
    """For a list or an object: None where that is allowed, a spot for everything else."""
    nullable = not output.non_null

    def slow(value: Any, run: Run) -> Any:
        if value is None and nullable:
            return None
        if observer is not None:
            observer.saw(value)
        return run.leave(field, output, value, is_property)

    return slow


def slow_rows(
    run: Run,
    selection: BoundSelection,
    observer: Observer,
    mark: int,
    rows: list[Any],
    columns: dict[BoundField, list[Any]],
) -> list[Any]:
    """The completed rows of a settled selection after its generated loop raised.

    Args:
        run: The run.
        selection: The selection.
        observer: Is told what the rows are, so that the next code can be made for them.
        mark: How many spots there were before the loop.
        rows: Its rows.
        columns: The columns of its fields; completed ones hold response values.
    """
    del run.pending[mark:]
    if rows:
        observer.saw(rows[0])
    given = {}
    for field, column in columns.items():
        if field.is_completed:
            given[field.id] = column
        else:
            given[field.id] = [expand_value(run, field, field.output, value) for value in column]
    return expand_rows(run, selection, rows, given)


def slow_row(
    run: Run,
    selection: BoundSelection,
    observer: Observer,
    row: Any,
    columns: dict[BoundField, Any],
) -> dict[str, Any]:
    """One completed row of a settled selection that is not of the expected form."""
    observer.saw(row)
    given = {
        field.id: value if field.is_completed else expand_value(run, field, field.output, value)
        for field, value in columns.items()
    }
    return expand_row(run, selection, row, given)
