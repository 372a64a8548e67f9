"""Exact completion, first half: values to response, by the specification's CompleteValue.

Takes what the fast path left and whole columns that it could not take. Nothing is raised: an error
stays at its place as `Failed` until `complete` knows what it nulls. No resolver of a step is called here.
What is called is what graphql-core's default resolver calls, a property that is callable, once.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from typing import Any

from graphql import Undefined, default_type_resolver

from gateway.plan.nodes import Kind
from gateway.runtime import reference
from gateway.runtime.bound import (
    BoundComposite,
    BoundField,
    BoundLeaf,
    BoundList,
    BoundOutput,
    BoundSelection,
)
from gateway.runtime.columns import collect_items, list_items
from gateway.runtime.hidden import check_type
from gateway.runtime.info import find_path, info_of_spot
from gateway.runtime.nulled import leave_spots
from gateway.runtime.pauses import pause_alone
from gateway.runtime.properties import read_member, read_property
from gateway.runtime.spots import (
    BadValueError,
    Failed,
    FailedList,
    Pending,
    ValueOrigin,
    bare,
    caught,
)
from gateway.runtime.state import VALUES_AT_ONCE, Run
from gateway.runtime.works import AwaitedValue, Position, Work

SPOTS = 20
"""So many spots are expanded before it is looked whether to give the event loop back."""


def expand_spots(run: Run) -> Generator[list[Work], None, None]:
    """Expand every spot, and those that are found on the way; yields when some have to be awaited."""
    done = 0
    while done < len(run.pending):
        while done < len(run.pending):
            _expand_spot(run, run.pending[done])
            done += 1
            if done % SPOTS == 0 or run.values_at_once < 0:
                yield from pause_alone(run)
                run.values_at_once = VALUES_AT_ONCE
        while run.works:
            if run.has_failed and any(work.may_break for work in run.works):
                leave_spots(run)
            else:
                yield run.works


def _expand_spot(run: Run, spot: Pending) -> None:
    if spot.value is not spot:
        return
    value = spot.raw
    if spot.origin is ValueOrigin.PROPERTY and callable(value):
        try:
            arguments = run.arguments_for_call(spot.field)
            value = value(info_of_spot(run, spot), **arguments)
        except Exception as error:
            value = caught(error)
    if spot.origin is not ValueOrigin.RESOLVED and run.is_awaitable(value):
        _await_into(run, spot, value)
    else:
        spot.value = expand_value(run, spot.field, spot.output, value)


def _await_into(run: Run, spot: Pending, awaitable: Any) -> None:
    def put(outcome: Any) -> None:
        spot.is_awaited = True
        spot.value = expand_value(run, spot.field, spot.output, outcome)

    def find() -> Position:
        return spot.field, find_path(run, spot).as_list()

    run.works.append(AwaitedValue(awaitable, put, is_load=False, find=find, spot=spot))


def expand_value(run: Run, field: BoundField, output: BoundOutput, value: Any) -> Any:
    """A value that has been awaited, completed; `Failed` and `Pending` where it is not. §6.4.3"""
    if isinstance(value, Pending):
        return value
    if isinstance(value, Failed):
        run.dirty.add(field.id)
        run.has_failed = True
        if type(value) is FailedList and isinstance(output, BoundList):
            return FailedList(value.error, _expand_items(run, field, output.item, value.items))
        return value
    if isinstance(value, Exception):
        return fail(run, field, value)
    if value is None or value is Undefined:
        return fail(run, field, _null_error(field)) if output.non_null else None
    if isinstance(output, BoundLeaf):
        return _expand_leaf(run, field, output, value)
    if isinstance(output, BoundList):
        return _expand_list(run, field, output, value)
    if run.values_at_once < 0 and run.limits.is_paused:
        return run.leave(field, output, value, ValueOrigin.RESOLVED)
    return _expand_object(run, field, output, value)


def fail(run: Run, field: BoundField, error: Exception) -> Failed:
    """An error at a place below `field`."""
    run.dirty.add(field.id)
    run.has_failed = True
    return Failed(error)


def _null_error(field: BoundField) -> TypeError:
    return TypeError(f"Cannot return null for non-nullable field {field.plan.coordinate}.")


def _expand_leaf(run: Run, field: BoundField, output: BoundLeaf, value: Any) -> Any:
    try:
        if output.is_from_json:
            return output.serialize(value)
        return reference.complete_leaf(output.type, value)
    except Exception as error:
        return fail(run, field, BadValueError(bare(error), output.plan.type))


def _expand_list(run: Run, field: BoundField, output: BoundList, value: Any) -> Any:
    if run.is_async_iterable(value):
        return run.leave(field, output, collect_items(run, value), ValueOrigin.ITEM)
    items = list_items(run, field, output, value)
    if isinstance(items, Failed):
        return expand_value(run, field, output, items)
    return _expand_items(run, field, output.item, items)


def _expand_items(
    run: Run, field: BoundField, output: BoundOutput, items: Collection[Any]
) -> list[Any]:
    """Items completed at once, as long as there are not too many; else each is a spot of its own: there are pauses."""
    run.values_at_once -= len(items)
    if run.values_at_once < 0 and run.limits.is_paused:
        return [run.leave(field, output, item, ValueOrigin.ITEM) for item in items]
    return [_expand_item(run, field, output, item) for item in items]


def _expand_item(run: Run, field: BoundField, output: BoundOutput, item: Any) -> Any:
    if run.is_awaitable(item):
        return run.leave(field, output, item, ValueOrigin.ITEM)
    return expand_value(run, field, output, item)


def _expand_object(run: Run, field: BoundField, output: BoundComposite, value: Any) -> Any:
    # Types that a call decides are settled, so that their rows never come here one by one.
    selection = output.only
    if selection is None:
        name = default_type_resolver(value, _NoTypes(run), output.type)  # type: ignore[arg-type]
        selection = output.by_type.get(name) if isinstance(name, str) else None
        if selection is None:
            nodes = run.source.nodes(field.plan.nodes)
            try:
                info: Any = _Named(field)
                check_type(run, name, output.type, nodes, info, value)
            except Exception as error:
                return fail(run, field, BadValueError(bare(error), output.type.name))
            selection = output.by_type[str(name)]
    completed = expand_row(run, selection, value, {})
    if output.only is None:
        run.kinds[id(completed)] = (completed, selection)
    return completed


class _NoTypes:
    """The info that `default_type_resolver` needs where no possible type has an `is_type_of`."""

    def __init__(self, run: Run) -> None:
        self.schema = run.bound.schema
        self.is_awaitable = run.is_awaitable


class _Named:
    """The info that a message about a runtime type needs."""

    def __init__(self, field: BoundField) -> None:
        self.parent_type = field.selection.type
        self.field_name = field.name


def expand_row(
    run: Run, selection: BoundSelection, row: Any, given: dict[int, Any]
) -> dict[str, Any]:
    """One completed object. `given` has the values of fields that are columns."""
    run.values_at_once -= len(selection.fields)
    completed: dict[str, Any] = {}
    for field in selection.fields:
        if field.plan.kind is Kind.TYPENAME:
            completed[field.key] = selection.plan.type
        elif field.id in given:
            completed[field.key] = given[field.id]
        else:
            completed[field.key] = expand_property(run, field, row)
    return completed


def expand_property(run: Run, field: BoundField, row: Any) -> Any:
    """A property of a row, completed."""
    arguments = run.arguments_of(field)
    if isinstance(arguments, Failed):
        return expand_value(run, field, field.output, arguments)
    if field.member is not None:
        value = read_member(row, field.access, field.member)
        if run.is_awaitable(value):
            return run.leave(field, field.output, value, ValueOrigin.ITEM)
        return expand_value(run, field, field.output, value)
    value = read_property(row, field.access)
    if callable(value) or run.is_awaitable(value):
        return run.leave(field, field.output, value, ValueOrigin.PROPERTY)
    return expand_value(run, field, field.output, value)
