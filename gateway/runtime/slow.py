"""What generated code calls where a value is not what its cheap check expects.

One function per place, made when the plan is compiled. It finishes the value when that is safe (a value
of a plain type that only needs serialising), else leaves a spot for the exact path. It never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from itertools import islice
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
    Undefined,
)

from gateway.runtime.bound import (
    BoundField,
    BoundLeaf,
    BoundOutput,
    BoundSelection,
    serialize_of,
)
from gateway.runtime.expand import expand_row, expand_value
from gateway.runtime.forms import Observer
from gateway.runtime.pauses import pause
from gateway.runtime.runtime_types import is_known
from gateway.runtime.spots import UNREAD, BadValueError, Failed, Origin, Pending, bare, untraced
from gateway.runtime.state import Run
from gateway.runtime.works import Work

Slow = Callable[[Any, Run], Any]
SPECIFIED: dict[Any, Any] = {
    type_: serialize_of(type_)
    for type_ in (GraphQLBoolean, GraphQLFloat, GraphQLID, GraphQLInt, GraphQLString)
}
READERS: dict[Any, Callable[[str], Any]] = {GraphQLInt: int, GraphQLFloat: float}


def slow_leaf(field: BoundField, output: BoundLeaf, origin: Origin) -> Slow:
    """For a leaf: serialises plain values."""
    serialize = output.serialize
    nullable = not output.non_null

    def slow(value: Any, run: Run) -> Any:
        if value is None and nullable:
            return None
        error: Failed | None = None
        if (
            value is not None
            and is_known({type(value)})
            and not (origin is Origin.PROPERTY and callable(value))
        ):
            if run.unread_after == 0 and is_certainly_bad(output, value):
                error = UNREAD
            else:
                try:
                    result = serialize(value)
                except Exception as raised:
                    error = _bad_value(run, raised, output)
                else:
                    if result is not None and result is not Undefined:
                        return result
        spot = run.leave(field, output, value, origin)
        if error is not None:
            spot.value = error
        return spot

    return slow


def _bad_value(run: Run, raised: Exception, output: BoundLeaf) -> Failed:
    """What serialising raised, as long as somebody may read it."""
    if run.unread_after == 0:
        return UNREAD
    run.unread_after -= 1
    if SPECIFIED.get(output.type) is output.serialize:
        untraced(raised)  # its frames are graphql-core's own
    return Failed(BadValueError(bare(raised), output.plan.type))


def is_certainly_bad(output: BoundLeaf, value: Any) -> bool:
    """Whether a scalar of GraphQL's own has no such value, said without an exception: that takes 10 µs to make."""
    if SPECIFIED.get(output.type) is not output.serialize:
        return False
    if type(value) in (dict, list, tuple):
        return True
    read = READERS.get(output.type)
    if read is None or type(value) is not str:
        return False
    try:
        read(value)
    except ValueError:
        return True
    return False


def slow_value(
    field: BoundField, output: BoundOutput, origin: Origin, observer: Observer | None
) -> Slow:
    """For a list or an object: None where that is allowed, a spot for everything else."""
    nullable = not output.non_null

    def slow(value: Any, run: Run) -> Any:
        if value is None and nullable:
            return None
        if observer is not None:
            observer.saw(value)
        return run.leave(field, output, value, origin)

    return slow


class SlowRows:
    """What the slow path of a settled selection needs to know, made when the plan is compiled.

    Attributes:
        selection: The selection.
        observer: Is told what the rows are, so that the next code can be made for them.
        columns: The fields whose values come as columns, in the order in which code passes them.
    """

    __slots__ = ("columns", "observer", "selection")

    def __init__(
        self, selection: BoundSelection, observer: Observer, columns: list[BoundField]
    ) -> None:
        self.selection = selection
        self.observer = observer
        self.columns = columns


def slow_rows(
    run: Run,
    slow: SlowRows,
    mark: int,
    done: list[dict[str, Any]],
    rows: list[Any],
    columns: tuple[list[Any], ...],
) -> Generator[list[Work], None, list[Any]]:
    """The completed rows of a settled selection after its generated loop raised.

    The loop's finished rows stand: what they took of an iterator cannot be taken again.

    Args:
        run: The run.
        slow: The selection's.
        mark: How many spots there were before the loop.
        done: The rows that the loop finished.
        rows: All rows.
        columns: The columns of its fields.
    """
    run.take(0)  # what the loop raised may have been that there are too many
    kept: set[int] = set()
    _find_spots(done, kept)
    run.pending[mark:] = [spot for spot in run.pending[mark:] if id(spot) in kept]
    for row, *values in islice(zip(rows, *columns, strict=True), len(done), None):
        done.append(slow_row(run, slow, row, values))
        pause(run)
        if run.works:
            yield run.works
    return done


def share_rows(
    run: Run,
    slow: SlowRows,
    mark: int,
    done: list[Any],
    rows: list[Any],
    columns: tuple[list[Any], ...],
    places: list[Any],
) -> Generator[list[Work], None, list[Any]]:
    """The completed rows of all parents, from those of `distinct` rows.

    An error in a row belongs to each of its places, with a path of its own: then every place is
    completed for itself.

    Args:
        run, slow, mark, rows, columns: As for `slow_rows`, for distinct rows.
        done: Distinct rows, completed.
        places: The rows of all parents.
    """
    if len(run.pending) == mark:
        return list(map(dict(zip(rows, done, strict=True)).__getitem__, places))
    del run.pending[mark:]
    index = {row: number for number, row in enumerate(rows)}
    numbers = [index[row] for row in places]
    spread = tuple([column[number] for number in numbers] for column in columns)
    return (yield from slow_rows(run, slow, mark, [], places, spread))


def _find_spots(value: Any, found: set[int]) -> None:
    if isinstance(value, Pending):
        found.add(id(value))
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _find_spots(item, found)


def slow_row(run: Run, slow: SlowRows, row: Any, values: Sequence[Any]) -> dict[str, Any]:
    """One completed row of a settled selection. `values`: of the fields that are columns."""
    slow.observer.saw(row)
    given = {}
    for field, value in zip(slow.columns, values, strict=True):
        done = field.is_completed
        given[field.id] = value if done else expand_value(run, field, field.output, value)
    return expand_row(run, slow.selection, row, given)
