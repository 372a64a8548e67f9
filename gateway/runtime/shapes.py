"""Completing rows with the functions that were generated for their shape.

A generated function completes one object, or adds the completed objects of a list; what is the same for all of them
is here: lists, objects of abstract types, whole columns. Long lists, and those for which a run has kept the event loop
too long already, are left empty at first and filled by `shape_rows`, in pieces, between which the loop is given back.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import partial
from types import NoneType
from typing import Any

from gateway.runtime.bound import BoundComposite, BoundField, BoundOutput, BoundSelection
from gateway.runtime.bounds import PIECE
from gateway.runtime.forms import RowObserver
from gateway.runtime.pauses import pause, pieces, reached, rows_at_once
from gateway.runtime.slow import SettledShape, Slow, drop_spots, slow_rows
from gateway.runtime.spots import LargeList, ValueOrigin
from gateway.runtime.state import Run
from gateway.runtime.works import Work

Shape = Callable[[Any, Run], Any]
RowsShape = Callable[[list[Any], Run, list[Any]], None]


def _leave_rest(run: Run, large: LargeList, mark: int) -> None:
    """Leave the items that are not done to the exact path, after completing one of them raised."""
    drop_spots(run, mark, large.done)
    for item in large.items[len(large.done) :]:
        if large.observer is not None:
            large.observer.saw(item)
        large.done.append(run.leave(large.field, large.item, item, ValueOrigin.ITEM))


class WrongArgumentsError(Exception):
    """Raised to leave the fast path when a property's arguments are wrong."""


def rows_shape(
    complete: RowsShape,
    field: BoundField,
    item: BoundOutput,
    observer: RowObserver,
    slow: Slow,
) -> Shape:
    """What completes a list of rows of one class, or of nulls alone, which is looked at once for all."""
    classes = observer.classes
    most = _most_of(item)
    nulls = frozenset() if item.non_null else frozenset((NoneType,))

    def shape(rows: Any, run: Run) -> Any:
        if type(rows) is list and classes.issuperset(map(type, rows)):
            left = run.nodes_left = run.nodes_left - len(rows)
            if (left < run.mark and reached(run)) or (len(rows) > most and run.limits.is_paused):
                return _in_pieces(run, LargeList(rows, complete, field, item, observer, most))
            done: list[Any] = []
            complete(done, run, rows)
            return done
        if type(rows) is list and nulls.issuperset(map(type, rows)):
            left = run.nodes_left = run.nodes_left - len(rows)
            if left < run.mark:
                reached(run)
            return rows[:]
        if rows is not None:
            observer.saw_others(rows)
        return slow(rows, run)

    return shape


def list_shape(complete: RowsShape, field: BoundField, item: BoundOutput, slow: Slow) -> Shape:
    """What completes a list of anything, each item looked at by itself."""

    most = _most_of(item)

    def shape(items: Any, run: Run) -> Any:
        if type(items) is not list:
            return slow(items, run)
        left = run.nodes_left = run.nodes_left - len(items)
        if (left < run.mark and reached(run)) or (len(items) > most and run.limits.is_paused):
            return _in_pieces(run, LargeList(items, complete, field, item, None, most))
        done: list[Any] = []
        complete(done, run, items)
        return done

    return shape


def _most_of(item: BoundOutput) -> int:
    """How many items of a list are completed in one piece."""
    return rows_at_once(item.by_type.values()) if isinstance(item, BoundComposite) else PIECE


def _in_pieces(run: Run, large: LargeList) -> list[Any]:
    """The list of a large one's items, which is filled in pieces once the rest is completed."""
    if run.large is None:
        run.large = []
    run.large.append(large)
    return large.done


def each(complete: Shape) -> RowsShape:
    """What completes items one by one."""

    def shape(done: list[Any], run: Run, items: list[Any]) -> None:
        for item in items:
            done.append(complete(item, run))

    return shape


def choice(shapes: Mapping[str, tuple[Shape, BoundSelection]], slow: Slow) -> Shape:
    """What completes an object of an abstract type, by its `__typename`."""

    def shape(row: Any, run: Run) -> Any:
        if type(row) is dict:
            found = shapes.get(row.get("__typename"))  # type: ignore[arg-type]
            if found is not None:
                mark = len(run.pending)
                done = found[0](row, run)
                # A list that is still to be filled may leave spots.
                if len(run.pending) > mark or run.large:
                    run.kinds[id(done)] = (done, found[1])
                return done
        return slow(row, run)

    return shape


def shape_rows(
    run: Run, shape: SettledShape, rows: list[Any], types: set[type], *columns: list[Any]
) -> Generator[list[Work], None, list[Any]]:
    """The completed rows of a settled selection, each with its values of the columns."""
    mark = len(run.pending)
    done: list[Any] = []
    complete = shape.complete or partial(shape.first, shape)
    try:
        if shape.is_checked or (shape.classes is not None and not types <= shape.classes):
            _check(run, shape, rows, types)
        if len(rows) <= shape.most:
            complete(done, run, rows, *columns)
        else:
            for piece in pieces(run, rows, *columns, most=shape.most):
                complete(done, run, *piece)
                if run.works:
                    yield run.works
        if run.works:
            yield run.works
    except Exception:
        done = yield from slow_rows(run, shape, mark, done, rows, columns[: len(shape.columns)])
    if run.large:
        yield from _fill(run)
    return done


def _check(run: Run, shape: SettledShape, rows: list[Any], types: set[type]) -> None:
    """Raise where rows cannot be completed by generated code."""
    if shape.is_checked and run.has_wrong_arguments:
        raise WrongArgumentsError
    if shape.classes is not None and not types <= shape.classes:
        raise shape.observer.saw_others(rows)


def shape_shared(
    run: Run,
    shape: SettledShape,
    rows: list[Any],
    types: set[type],
    places: list[Any] | None,
    *columns: list[Any],
) -> Generator[list[Work], None, list[Any]]:
    """The completed rows of all parents, from those of `distinct` rows.

    An error in a row belongs to each of its places, with a path of its own: then every place is
    completed for itself.

    Args:
        run, shape, rows, types, columns: As for `shape_rows`, for distinct rows.
        places: The rows of all parents; None where none are alike.
    """
    mark = len(run.pending)
    done = yield from shape_rows(run, shape, rows, types, *columns)
    if places is None:
        return done
    if len(run.pending) == mark:
        return list(map(dict(zip(rows, done, strict=True)).__getitem__, places))
    del run.pending[mark:]
    index = {row: number for number, row in enumerate(rows)}
    numbers = [index[row] for row in places]
    spread = tuple([column[number] for number in numbers] for column in columns)
    return (yield from slow_rows(run, shape, mark, [], places, spread))


def _fill(run: Run) -> Generator[list[Work], None, None]:
    """Complete the large lists of rows that were completed, and those in them."""
    todo, run.large = run.large or [], None
    while todo:
        large = todo.pop()
        mark = len(run.pending)
        try:
            for (piece,) in pieces(run, large.items, most=large.most):
                large.complete(large.done, run, piece)
                pause(run)
                if run.works:
                    yield run.works
        except Exception:
            run.take(0)  # it may have been that there are too many
            _leave_rest(run, large, mark)
        todo += run.large or ()
        run.large = None
