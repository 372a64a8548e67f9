"""`info` for the resolvers that ask for it: cheap to make, exact when read.

What all objects of a field share is built once per run; the path, which is each object's own, is found
when it is read. Must not be used on the way to a response: only a user's function reads it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from functools import partial
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Self

from graphql import GraphQLResolveInfo
from graphql.pyutils import Path, is_awaitable

from gateway.graph.application_context import context_of_resolvers
from gateway.graph.resolvers import seen_by
from gateway.runtime import reference
from gateway.runtime.bound import BoundField
from gateway.runtime.nulled import settle_in_background
from gateway.runtime.request import InfoForm
from gateway.runtime.spots import FailedList, Pending
from gateway.runtime.state import Run

PATH = GraphQLResolveInfo._fields.index("path")
IN_ORDER = itemgetter(*GraphQLResolveInfo._fields)


class Info(GraphQLResolveInfo[Any] if TYPE_CHECKING else GraphQLResolveInfo):  # type: ignore[misc]
    """graphql-core's info. In the place of the path it holds how to find it."""

    @property
    def path(self) -> Path:
        """Response path to the field that is being resolved."""
        find, *where = self[PATH]
        found: Path = find(*where)
        return found

    def __iter__(self) -> Iterator[Any]:
        return map(partial(getattr, self), self._fields)

    def __repr__(self) -> str:
        members = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
        return f"{GraphQLResolveInfo.__name__}({members})"

    def __copy__(self) -> Self:
        return self  # as of any tuple

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))

    def _replace(self, /, **changes: Any) -> Self:
        members = {**self._asdict(), **changes}
        if len(members) != len(self._fields):
            raise ValueError(f"Got unexpected field names: {[*changes]!r}")
        members["path"] = (_given, members["path"])
        return tuple.__new__(type(self), members.values())


def _given(path: Any) -> Any:
    return path


OWN_FORM = InfoForm(Info)
Shared = tuple[type[Any], tuple[Any, ...], tuple[Any, ...]]


def info_of_row(run: Run, field: BoundField, row: int) -> Info:
    """The info of a field of the `row`th object of its column."""
    made, before, after = run.infos.get(field.id) or _shared(run, field)
    where = ((run.path_of, field, row),)
    info: Info = tuple.__new__(made, before + where + after)  # half the time of unpacking
    return info


def infos_of_rows(run: Run, field: BoundField, number: int, first: int = 0) -> Iterator[Info]:
    """The infos of a field for `number` objects of its column."""
    made, before, after = run.infos.get(field.id) or _shared(run, field)
    find, new = run.path_of, tuple.__new__
    for row in range(first, first + number):
        where = ((find, field, row),)
        yield new(made, before + where + after)  # half the time of unpacking


def info_of_parent(run: Run, field: BoundField, index: int) -> Info:
    """The info of a field, for the `index`th object that all its parents have together."""
    made, before, after = run.infos.get(field.id) or _shared(run, field)
    info: Info = tuple.__new__(made, (*before, (run.path_above, field, index), *after))
    return info


def infos_of_parents(run: Run, field: BoundField, number: int) -> Iterator[Info]:
    """The infos of a field for the first `number` objects that all its parents have together."""
    if len(run.settled[field.id].values) == 1:
        # The objects of one parent share its path.
        yield from repeat(info_of_parent(run, field, 0), number)
        return
    made, before, after = run.infos.get(field.id) or _shared(run, field)
    above, new = run.path_above, tuple.__new__
    for index in range(number):
        where = ((above, field, index),)
        yield new(made, before + where + after)


def info_of_spot(run: Run, spot: Pending) -> Info:
    """The info of a field whose value was found while shaping."""
    made, before, after = run.infos.get(spot.field.id) or _shared(run, spot.field)
    info: Info = tuple.__new__(made, (*before, (find_path, run, spot), *after))
    return info


def _shared(run: Run, field: BoundField) -> Shared:
    """The class, what is before the path and what after it, for all objects of a field."""
    source, form = run.source, run.info_form or OWN_FORM
    values: dict[str, Any] = {
        "field_name": field.name,
        "field_nodes": source.nodes(field.plan.nodes),
        "return_type": field.definition.type,
        "parent_type": field.selection.type,
        "path": None,
        "schema": run.bound.schema,
        "fragments": dict(source.fragments),
        "root_value": run.root,
        "operation": source.operation,
        "variable_values": run.variables.coerced
        if form.has_plain_variables
        else run.reference_variables(),
        "context": context_of_resolvers(run.context)
        if field.sees is None
        else seen_by(run.context, field.sees),
        "is_awaitable": form.is_awaitable,
        "abort_signal": None,
        "async_helpers": reference.async_helpers(_gather, _track),
    }
    every = IN_ORDER(values)
    after = every[PATH + 1 :] + form.extras
    shared = run.infos[field.id] = (form.info_class, every[:PATH], after)
    return shared


def find_path(run: Run, spot: Pending) -> Path:
    """Where a spot stands in the response that is being made.

    Searched for, not kept: only a callable property that reads `info.path` comes here.
    """
    for above, shaped in run.shaped or [(None, run.data or {})]:
        for key, value in shaped.items():
            path = _search(value, Path(above, key, run.bound.roots[0].plan.type), spot)
            if path is not None:
                return path
    return Path(None, spot.field.key, spot.field.selection.plan.type)


def _search(value: Any, path: Path, spot: Pending) -> Path | None:
    while isinstance(value, Pending):
        if value is spot:
            return path
        if value.value is value:
            return None
        value = value.value
    if isinstance(value, dict):
        typename = spot.field.selection.plan.type
        found = (_search(below, Path(path, key, typename), spot) for key, below in value.items())
    elif isinstance(value, list | FailedList):
        items = value.items if isinstance(value, FailedList) else value
        found = (_search(below, Path(path, i, None), spot) for i, below in enumerate(items))
    else:
        return None
    return next((at for at in found if at is not None), None)


async def _gather(values: Sequence[Awaitable[Any]]) -> list[Any]:
    """Await values together; when one fails the others are cancelled and settled first."""
    futures = [asyncio.ensure_future(value) for value in values]
    try:
        return await asyncio.gather(*futures)
    finally:
        for future in futures:
            future.cancel()
        await asyncio.gather(*futures, return_exceptions=True)


def _track(values: Sequence[Any]) -> None:
    """Let awaitables that nobody waits for come to their end."""
    settle_in_background([value for value in values if is_awaitable(value)])
