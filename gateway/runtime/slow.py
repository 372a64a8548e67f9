"""What generated code calls where a value is not what its cheap check expects.

One function per place, made when it is first called. It finishes the value when that is safe (a value
of a plain type that only needs serializing), else leaves a spot for the exact path. It never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
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

from gateway.runtime.bound import BoundField, BoundLeaf, BoundOutput, BoundSelection, serialize_of
from gateway.runtime.expand import expand_row, expand_value
from gateway.runtime.forms import RowObserver
from gateway.runtime.pauses import pause, rows_at_once
from gateway.runtime.runtime_types import is_known
from gateway.runtime.spots import (
    UNREAD,
    BadValueError,
    Failed,
    Pending,
    ValueOrigin,
    bare,
    untraced,
)
from gateway.runtime.state import Run
from gateway.runtime.works import Work

Slow = Callable[[Any, Run], Any]
SPECIFIED: dict[Any, Any] = {
    type_: serialize_of(type_)
    for type_ in (GraphQLBoolean, GraphQLFloat, GraphQLID, GraphQLInt, GraphQLString)
}
READERS: dict[Any, Callable[[str], Any]] = {GraphQLInt: int, GraphQLFloat: float}


def slow_leaf(field: BoundField, output: BoundLeaf, origin: ValueOrigin) -> Slow:
    """For a leaf: serializes plain values."""
    serialize = output.serialize
    nullable = not output.non_null

    def slow(value: Any, run: Run) -> Any:
        if value is None and nullable:
            return None
        error: Failed | None = None
        if (
            value is not None
            and is_known({type(value)})
            and not (origin is ValueOrigin.PROPERTY and callable(value))
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
    """What serializing raised, as long as somebody may read it."""
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
    field: BoundField, output: BoundOutput, origin: ValueOrigin, observer: RowObserver | None
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


Site = tuple[BoundField, BoundOutput, ValueOrigin, RowObserver | None]
"""A place in generated text: what its value is completed to, where it was found, and who is told of other rows."""


class SlowValues:
    """The slow paths of one generated function, by the number of their place in its text."""

    __slots__ = ("_known", "_sites")

    def __init__(self, sites: list[Site]) -> None:
        self._sites = sites
        self._known: dict[int, Slow] = {}

    def __call__(self, number: int, value: Any, run: Run) -> Any:
        """Complete a value, or leave a spot."""
        slow = self._known.get(number)
        if slow is None:
            slow = self._known[number] = slow_path(*self._sites[number])
        return slow(value, run)


def slow_path(
    field: BoundField, output: BoundOutput, origin: ValueOrigin, observer: RowObserver | None
) -> Slow:
    """The slow path of one place."""
    if isinstance(output, BoundLeaf):
        return slow_leaf(field, output, origin)
    return slow_value(field, output, origin, observer)


class SettledShape:
    """How the rows of a settled selection are completed.

    Attributes:
        selection: The selection.
        observer: Is told what the rows are, so that the next code can be made for them.
        columns: The fields whose values come as columns, in the order in which code passes them.
        most: How many rows there are in the first piece.
        classes: The classes of rows that `complete` can read; None where it reads nothing of them.
        is_checked: Whether arguments of a property below may be wrong.
        complete: The generated function: takes a list that it adds completed rows to, the run, rows and columns. None
            before it is made.
        first: Does the same before, and has it made; takes this shape first.
    """

    __slots__ = (
        "classes", "columns", "complete", "first", "is_checked", "most", "observer", "selection"
    )  # fmt: skip

    def __init__(
        self,
        selection: BoundSelection,
        observer: RowObserver,
        columns: list[BoundField],
        first: Callable[..., None],
        *,
        reads: bool,
        is_checked: bool,
    ) -> None:
        self.complete: Callable[..., None] | None = None
        self.first = first
        self.selection = selection
        self.observer = observer
        self.columns = columns
        self.most = rows_at_once((selection,))
        self.classes = observer.classes if reads else None
        self.is_checked = is_checked


def slow_rows(
    run: Run,
    shape: SettledShape,
    mark: int,
    done: list[dict[str, Any]],
    rows: list[Any],
    columns: tuple[list[Any], ...],
) -> Generator[list[Work], None, list[Any]]:
    """The completed rows of a settled selection after its generated loop raised.

    The loop's finished rows stand: what they took of an iterator cannot be taken again.

    Args:
        run: The run.
        shape: The selection's.
        mark: How many spots there were before the loop.
        done: The rows that the loop finished.
        rows: All rows.
        columns: The columns of its fields.
    """
    run.take(0)  # what the loop raised may have been that there are too many
    drop_spots(run, mark, done)
    for row, *values in islice(zip(rows, *columns, strict=True), len(done), None):
        done.append(slow_row(run, shape, row, values))
        pause(run)
        if run.works:
            yield run.works
    return done


def drop_spots(run: Run, mark: int, done: list[Any]) -> None:
    """Drop what a loop that raised has left, beside what is in the rows that it finished."""
    kept: set[int] = set()
    _find_spots(done, kept)
    run.pending[mark:] = [spot for spot in run.pending[mark:] if id(spot) in kept]
    if run.large:
        run.large = [large for large in run.large if id(large.done) in kept]


def _find_spots(value: Any, found: set[int]) -> None:
    if isinstance(value, Pending):
        found.add(id(value))
    elif isinstance(value, dict | list):
        found.add(id(value))
        for item in value.values() if isinstance(value, dict) else value:
            _find_spots(item, found)


def slow_row(run: Run, shape: SettledShape, row: Any, values: Sequence[Any]) -> dict[str, Any]:
    """One completed row of a settled selection. `values`: of the fields that are columns."""
    shape.observer.saw(row)
    return exact_row(run, shape, row, values, {})


def exact_row(
    run: Run, shape: SettledShape, row: Any, values: Sequence[Any], texts: Mapping[int, Any]
) -> dict[str, Any]:
    """The same, unobserved. `texts`: of columns, by field, what is encoded already; None for what is not."""
    given = {}
    for field, value in zip(shape.columns, values, strict=True):
        text = texts.get(field.id)
        if text is not None:
            value = text
        elif not field.is_completed:
            value = expand_value(run, field, field.output, value)
        given[field.id] = value
    return expand_row(run, shape.selection, row, given)
