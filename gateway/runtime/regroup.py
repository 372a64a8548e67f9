"""From completed rows back to one completed value for each parent: the way back of `columns`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from gateway.runtime.bound import (
    BoundComposite,
    BoundField,
    BoundList,
    BoundOutput,
    BoundSelection,
    composite_of,
)
from gateway.runtime.runtime_types import Tag
from gateway.runtime.spots import Failed, FailedList, ValueOrigin
from gateway.runtime.state import Run, SettledColumn


def regroup(
    run: Run, field: BoundField, settled: SettledColumn, completed: dict[BoundSelection, list[Any]]
) -> list[Any]:
    """One completed value for each parent, from the completed rows of each runtime type."""
    output = field.output
    if settled.tags is None:
        (rows,) = completed.values()
    else:
        rows = _merge(run, field, settled.tags, completed)
    if settled.clean:
        if type(output) is not BoundList:
            return rows
        if type(output.item) is BoundComposite:
            if len(settled.values) == 1:
                return [rows]
            remaining = iter(rows)
            return [list(islice(remaining, len(items))) for items in settled.values]
    remaining = iter(rows)
    return [_rebuild(run, field, output, value, remaining) for value in settled.values]


def _merge(
    run: Run,
    field: BoundField,
    tags: list[Tag],
    completed: dict[BoundSelection, list[Any]],
) -> list[Any]:
    remaining: Any = {selection: iter(rows) for selection, rows in completed.items()}
    if set(tags) <= completed.keys():
        rows = [next(remaining[tag]) for tag in tags]
    else:
        output = composite_of(field.output)
        assert output is not None
        rows = [
            next(remaining[tag])
            if isinstance(tag, BoundSelection)
            else run.leave(field, output, tag, ValueOrigin.RESOLVED)
            for tag in tags
        ]
    if run.dirty:
        for tag, row in zip(tags, rows, strict=True):
            if isinstance(tag, BoundSelection):
                run.kinds[id(row)] = (row, tag)
    return rows


def _rebuild(
    run: Run, field: BoundField, output: BoundOutput, value: Any, remaining: Iterator[Any]
) -> Any:
    if value is None and not output.non_null:
        return None
    if value is None or type(value) is Failed:
        return run.leave(field, output, value, ValueOrigin.RESOLVED)
    if not isinstance(output, BoundList):
        return next(remaining)
    if type(value) is FailedList:
        items = [_rebuild(run, field, output.item, item, remaining) for item in value.items]
        spot = run.leave(field, output, None, ValueOrigin.RESOLVED)
        spot.raw = spot.value = FailedList(value.error, items)
        return spot
    return [_rebuild(run, field, output.item, item, remaining) for item in value]
