"""Steps that load a whole column: batch fields, and entity fields where parents lack them.

One `Loader.load` for each level, loader and set of arguments. Parents are never changed: where a loader reads a field
that another step has fetched for them, it gets copies with that field.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from gateway.graph.loader import DecodedRow
from gateway.runtime.bound import BoundField
from gateway.runtime.properties import (
    PLAIN,
    ROW,
    Kinds,
    call_callables,
    has_member,
    is_decoded,
    read_property,
)
from gateway.runtime.spots import Failed, caught
from gateway.runtime.state import Run
from gateway.runtime.step_timing import end_step, within
from gateway.runtime.works import AwaitedValue, spread

MISSING = object()
PLAIN_OR_MISSING = PLAIN | {object}
Made = Sequence[tuple[str, list[Any]]]


class Overlaid(Mapping[str, Any]):
    """A parent that is no dict, with what was made for it."""

    def __init__(self, parent: Any, made: dict[str, Any]) -> None:
        self._parent = parent
        self._made = made

    def __getitem__(self, name: str) -> Any:
        if name in self._made:
            return self._made[name]
        value = _member(self._parent, name)
        if value is MISSING:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def load(run: Run, field: BoundField, rows: list[Any], made: Made = ()) -> list[Any]:
    """The column of a batch field: one call for all rows, none for no rows.

    Args:
        run: The run.
        field: The field.
        rows: The parents.
        made: Columns of fields that the loader reads and the parents do not hold, by name.
    """
    arguments = run.arguments_of(field)
    column = [arguments if type(arguments) is Failed else None] * len(rows)
    if not rows or column[0] is not None:
        return column
    if made:
        _load_some(run, field, rows, range(len(rows)), made, arguments, column)
    else:
        _start(run, field, rows, arguments, column)
    return column


def load_entities(
    run: Run, fields: Sequence[BoundField], rows: list[Any], kinds: Kinds, made: Made = ()
) -> list[list[Any]]:
    """The columns of entity fields that one loader supplies, in the order of `fields`."""
    if rows and not made and is_decoded(kinds):
        kind = next(iter(kinds))
        if not any(has_member(kind, field.access) for field in fields):
            return _load_all(run, fields, rows)
    columns = [_members(rows, field.access, kinds) for field in fields]
    lacking: Sequence[int] = range(len(rows))
    if any(column.count(MISSING) != len(column) for column in columns):
        found = {i for column in columns for i, value in enumerate(column) if value is MISSING}
        lacking = sorted(found)
        for field, column in zip(fields, columns, strict=True):
            if not set(map(type, column)) <= PLAIN_OR_MISSING:
                call_callables(run, field, column)
    if not lacking:
        return columns
    entities: list[Any] = [None] * len(lacking)

    def put() -> None:
        for field, column in zip(fields, columns, strict=True):
            values = _from_entities(entities, field.access)
            if len(lacking) == len(column) == column.count(MISSING):
                column[:] = values
                continue
            for index, value in zip(lacking, values, strict=True):
                if column[index] is MISSING:
                    column[index] = value

    _load_some(run, fields[0], rows, lacking, made, {}, entities, put)
    return columns


def _load_all(run: Run, fields: Sequence[BoundField], rows: list[Any]) -> list[list[Any]]:
    """The same where no row has any of the members: the usual case, of objects that are only a key."""
    columns: list[list[Any]] = [[] for _ in fields]
    entities: list[Any] = [None] * len(rows)

    def put() -> None:
        for field, column in zip(fields, columns, strict=True):
            column[:] = _from_entities(entities, field.access)

    _start(run, fields[0], rows, {}, entities, _then(entities, len(rows), fields[0], put))
    return columns


def _members(rows: list[Any], name: str, kinds: Kinds) -> list[Any]:
    """A member of each row, MISSING where a row has none."""
    if kinds == ROW:
        return [row.get(name, MISSING) for row in rows]
    if len(kinds) == 1 and issubclass(kind := next(iter(kinds)), msgspec.Struct):
        if has_member(kind, name):
            return list(map(attrgetter(name), rows))
        if issubclass(kind, DecodedRow):
            return [MISSING] * len(rows)
    return [_member(row, name) for row in rows]


def _from_entities(entities: list[Any], name: str) -> list[Any]:
    """A member of each loaded entity: null where there is none, and its error where it failed."""
    kinds = set(map(type, entities))
    if is_decoded(kinds) and has_member(next(iter(kinds)), name):
        return list(map(attrgetter(name), entities))
    return [
        entity.get(name)
        if type(entity) is dict
        else entity
        if entity is None or isinstance(entity, Failed | Exception)
        else read_property(entity, name)
        for entity in entities
    ]


def _load_some(
    run: Run,
    field: BoundField,
    rows: list[Any],
    indices: Sequence[int],
    made: Made,
    arguments: Mapping[str, Any],
    column: list[Any],
    done: Any = None,
) -> None:
    """Load for some rows into `column`, which has a cell for each of `indices`."""
    if not made:
        whole = len(indices) == len(rows)
        parents = rows if whole else [rows[index] for index in indices]
        _start(run, field, parents, arguments, column, _then(column, len(parents), field, done))
        return
    parents = []
    cells = []
    for cell, index in enumerate(indices):
        values = {name: values[index] for name, values in made}
        failed = next((v for v in values.values() if isinstance(v, Failed | Exception)), None)
        if failed is not None:
            column[cell] = failed
        else:
            parents.append(_overlay(rows[index], values))
            cells.append(cell)

    loaded: list[Any] = []

    def put(outcome: Any) -> None:
        spread(loaded, len(parents), field.coordinate)(outcome)
        for cell, value in zip(cells, loaded, strict=True):
            column[cell] = value
        if done is not None:
            done()

    if parents:
        _start(run, field, parents, arguments, column, put)
    elif done is not None:
        done()


def _then(column: list[Any], size: int, field: BoundField, done: Any) -> Any:
    """A function that puts an outcome into the column and then calls `done`."""
    put = spread(column, size, field.coordinate)
    if done is None:
        return put

    def put_and_tell(outcome: Any) -> None:
        put(outcome)
        done()

    return put_and_tell


def _start(
    run: Run,
    field: BoundField,
    parents: list[Any],
    arguments: Mapping[str, Any],
    column: list[Any],
    put: Any = None,
) -> None:
    assert field.loader is not None
    put = put or spread(column, len(parents), field.coordinate)
    timing = None
    if run.trace is not None:
        timing = run.trace.begin("step", field.coordinate, field)
        timing.parents, timing.column = len(parents), column
    loading: Awaitable[Sequence[Any]]
    try:
        loading = field.loader.load(parents, arguments, run.context)
    except Exception as error:
        put(caught(error))
        end_step(timing)
        return
    if timing is not None and field.loader.source is None:
        loading = within(run, timing, loading)
    run.works.append(AwaitedValue(loading, put, is_load=True, timing=timing))


def _overlay(parent: Any, made: dict[str, Any]) -> Any:
    if not made:
        return parent
    return {**parent, **made} if type(parent) is dict else Overlaid(parent, made)


def _member(row: Any, name: str) -> Any:
    try:
        return row.get(name, MISSING) if isinstance(row, Mapping) else getattr(row, name, MISSING)
    except Exception as error:
        return caught(error)
