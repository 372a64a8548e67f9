"""Columns: the values of one field for all parents, and the rows that come of them.

A *column* has one value for each parent. To *settle* it is to normalize its values to nested lists of
objects, None and Failed, and to gather the objects into *rows*, which are the parents of the next level.
`regroup` is the way back: from completed rows to one completed value for each parent. A clean column,
the usual case, is recognized by the set of its values' types and passes through without a copy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, islice
from typing import Any

from graphql import GraphQLError, Undefined
from graphql.pyutils import is_awaitable, is_iterable

from gateway.runtime import reference
from gateway.runtime.bound import (
    BoundComposite,
    BoundField,
    BoundLeaf,
    BoundList,
    BoundOutput,
    BoundSelection,
)
from gateway.runtime.nulled import settle_in_background
from gateway.runtime.properties import Kinds, is_decoded
from gateway.runtime.runtime_types import find_types, is_known
from gateway.runtime.spots import ABANDONED, AWAITING, Failed, FailedList, caught
from gateway.runtime.state import Run, SettledColumn
from gateway.runtime.works import AwaitedValue, Position, into

LIST = {list}
SHORT = 100
"""A list of no more leaves counts as part of its object: counting each would cost as much as its first leaf."""


def normalize(run: Run, field: BoundField, column: list[Any]) -> Kinds | None:
    """Bring every value of a column to nested lists of objects, None and Failed, in place.

    Awaitable items and asynchronous iterables go to the run's work.

    Shape: the types of the objects when the column was clean, with objects everywhere, at most one list
        deep; else None.
    """
    output = field.output
    types = set(map(type, column))
    if type(output) is BoundList:
        if types == LIST and type(output.item) is BoundComposite:
            count = sum(map(len, column))
            run.nodes_left -= count
            if run.nodes_left < 0:  # before anything looks at each of them
                run.take(0)
            below = column[0] if len(column) == 1 else chain.from_iterable(column)
            types = set(map(type, below))
            if is_known(types):
                return types
            run.nodes_left += count  # counted as they are normalized
    else:
        run.nodes_left -= len(column)
        if run.nodes_left < 0:
            run.take(0)
        if is_known(types):
            return types
    for index, value in enumerate(column):
        if type(value) is not Failed:
            column[index] = normal(run, field, output, value, into(column, index), (index,))
    return None


def normal(
    run: Run,
    field: BoundField,
    output: BoundOutput,
    value: Any,
    put: Callable[[Any], None],
    where: tuple[int, ...],
) -> Any:
    """One value that has been awaited, normalized. What is not there yet is `put` in its place later.

    Args:
        run, field, output, value, put: The value and its place.
        where: The parent's number, and of each list around the value the item's.
    """
    if isinstance(value, Failed):
        if type(value) is FailedList and isinstance(output, BoundList):
            _normalize_items(run, field, output.item, value.items, where)
        return value
    if isinstance(value, Exception):
        return Failed(value)
    if value is None or value is Undefined:
        return None
    if not isinstance(output, BoundList):
        return value
    if run.is_async_iterable(value):
        return _normal_later(run, field, output, collect_items(run, value), put, where)
    items = list_items(run, field, output, value)
    if isinstance(items, list | FailedList):
        found = items if isinstance(items, list) else items.items
        _normalize_items(run, field, output.item, found, where)
    return items


def _normal_later(
    run: Run,
    field: BoundField,
    output: BoundOutput,
    value: Any,
    put: Callable[[Any], None],
    where: tuple[int, ...],
) -> object:
    """What stands in the place of an awaitable's value until its outcome is `put` there."""

    def normalize_outcome(outcome: Any) -> None:
        put(normal(run, field, output, outcome, put, where))

    def find() -> Position:
        parent, *items = where
        return field, [*run.path_of(field, parent).as_list(), *items]

    run.works.append(AwaitedValue(value, normalize_outcome, is_load=False, find=find))
    return AWAITING


def _normalize_items(
    run: Run, field: BoundField, item: BoundOutput, items: list[Any], where: tuple[int, ...]
) -> None:
    for index, value in enumerate(items):
        put = into(items, index)
        normal_form = _normal_later if run.is_awaitable(value) else normal
        items[index] = normal_form(run, field, item, value, put, (*where, index))


def list_items(run: Run, field: BoundField, output: BoundList, value: Any) -> list[Any] | Failed:
    """The items of an iterable, copied: what is normalized in place is never the user's own list.

    Errors: ResultLimitError; of one that never ends, no more is read.
    """
    if not is_iterable(value):
        coordinate = f"{field.selection.plan.type}.{field.name}"
        return Failed(
            GraphQLError(f"Expected Iterable, but did not find one for field '{coordinate}'.")
        )
    items: list[Any] = []
    iterator: Any = ()
    try:
        iterator = iter(value)
        items.extend(islice(iterator, _most(run)))
    except Exception as error:
        return _failed_list(run, error, items, iterator)
    finally:
        if type(output.item) is not BoundLeaf or len(items) > SHORT:
            run.take(len(items))
    return items


def _most(run: Run) -> int:
    """How many items of an iterable may be taken: one more than there may be, which is told then."""
    return min(run.nodes_left, sys.maxsize - 1) + 1


def _failed_list(run: Run, error: Exception, items: list[Any], rest: Any = ()) -> FailedList:
    """An iterable that raised: what it gave before. Nobody waits for what of it and of the rest is awaitable."""
    left = [item for item in items if is_awaitable(item)]
    if reference.IS_3_3:  # which gives the iterator another chance, to find what it still holds
        with suppress(Exception):
            left += [item for item in islice(rest, _most(run)) if is_awaitable(item)]
    settle_in_background(left)
    return FailedList(error, [ABANDONED if is_awaitable(item) else item for item in items])


def counted(run: Run, items: list[Any]) -> list[Any]:
    """A long list of leaves, counted."""
    run.take(len(items))
    return items


async def collect_items(run: Run, value: Any) -> list[Any] | Failed:
    """The items of an asynchronous iterable; too many where it has more than there may be."""
    items: list[Any] = []
    iterator = value
    try:
        iterator = aiter(value)
        async for item in iterator:
            items.append(item)
            if len(items) > run.nodes_left:
                break
    except Exception as error:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            with suppress(Exception):
                await close()
        # graphql-core 3.2 gathers first and completes then: an iterator that fails has no items there.
        return _failed_list(run, error, items) if reference.IS_3_3 else caught(error)
    return items


def gather_rows(
    run: Run, field: BoundField, column: list[Any], kinds: Kinds | None
) -> SettledColumn:
    """The objects of a normalized column. Types that a call decides may go to the run's work.

    Args:
        run, field, column: The column.
        kinds: What `normalize` gave for it.
    """
    rows = column
    clean = kinds is not None
    if kinds is None:
        rows = [row for value in column for row in flatten(value, field.output)]
        kinds = set(map(type, rows))
    elif type(field.output) is BoundList:
        rows = column[0] if len(column) == 1 else list(chain.from_iterable(column))
    settled = run.settled[field.id] = SettledColumn(column, rows, clean, kinds)
    composite = field.composite
    assert composite is not None
    if composite.only is None or composite.by_call:
        settled.tags = find_types(run, field, composite, rows)
    return settled


def flatten(value: Any, output: BoundOutput) -> Iterator[Any]:
    """The objects of a normalized value."""
    if type(value) is FailedList:
        value = value.items
    elif value is None or type(value) is Failed:
        return
    if isinstance(output, BoundList):
        for item in value:
            yield from flatten(item, output.item)
    else:
        yield value


def pick(settled: SettledColumn, selection: BoundSelection) -> tuple[list[Any], Kinds]:
    """The rows of one runtime type, and their Python types."""
    if settled.tags is None:
        return settled.rows, settled.kinds
    rows = [row for row, tag in zip(settled.rows, settled.tags, strict=True) if tag is selection]
    return rows, set(map(type, rows))


def distinct(rows: list[Any], kinds: Kinds) -> tuple[list[Any], list[Any] | None]:
    """Rows without those that are the same object, where many are, and all of them; else None for those.

    Only decoded rows: nothing of the user's runs when they are read, so nobody sees the difference.
    """
    if not is_decoded(kinds):
        return rows, None
    found = dict.fromkeys(rows)
    return (list(found), rows) if len(found) * 2 <= len(rows) else (rows, None)
