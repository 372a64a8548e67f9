"""The runtime types of objects: which selection each row of an abstract type has.

The specification's ResolveAbstractType and graphql-core's `is_type_of`, for a column. Every message is
graphql-core's own.
"""

from __future__ import annotations

from collections.abc import Callable
from types import WrapperDescriptorType
from typing import Any

from graphql import GraphQLError, Undefined

from gateway.runtime import reference
from gateway.runtime.bound import BoundComposite, BoundField, BoundSelection
from gateway.runtime.hidden import check_type
from gateway.runtime.info import Info, infos_of_parents
from gateway.runtime.spots import BadValueError, Failed, caught
from gateway.runtime.state import Run
from gateway.runtime.works import AwaitedValue, into

Tag = BoundSelection | Failed | None
Put = Callable[[Tag], None]

# Classes whose instances can be rows without a closer look: no None, awaitable or exception among them.
_row_classes: set[type] = {dict}
_MAX_CLASSES = 1_000  # a bound for programs that make classes for ever


def is_known(types: set[type]) -> bool:
    """Whether values of these types are rows, whatever they hold."""
    return types <= _row_classes or all(_is_row_class(type_) for type_ in types)


def _is_row_class(type_: type) -> bool:
    if type_ in _row_classes:
        return True
    if (
        issubclass(type_, Exception | Failed | type(None) | type(Undefined))
        or hasattr(type_, "__await__")
        or hasattr(type_, "__getattr__")
        or not isinstance(type_.__getattribute__, WrapperDescriptorType)  # Python code of the user
    ):
        return False
    if len(_row_classes) >= _MAX_CLASSES:
        _row_classes.clear()
        _row_classes.add(dict)
    _row_classes.add(type_)
    return True


def find_types(
    run: Run, field: BoundField, composite: BoundComposite, rows: list[Any]
) -> list[Tag]:
    """The selection of each row, or the error. Awaitable answers go to the run's work."""
    tags: list[Tag] = [None] * len(rows)
    resolve_type, abstract, find = composite.resolve_type, composite.type, composite.by_name.get
    infos = infos_of_parents(run, field, len(rows))
    for index, (row, info) in enumerate(zip(rows, infos, strict=True)):
        try:
            name = resolve_type(row, info, abstract) if resolve_type else composite.type.name
        except Exception as error:
            tags[index] = caught(error)
            continue
        tag: Tag = find(name) if type(name) is str else None
        if tag is None:
            tag = _take_name(run, field, composite, row, info, name, into(tags, index))
        tags[index] = tag
    return tags


def _take_name(
    run: Run,
    field: BoundField,
    composite: BoundComposite,
    row: Any,
    info: Info,
    name: Any,
    put: Put,
) -> Tag:
    """The tag for what `resolve_type` gave, where that is not the name of a type without `is_type_of`."""
    if run.is_awaitable(name):

        def take(outcome: Any) -> None:
            if isinstance(outcome, Failed):
                put(outcome)
            else:
                put(_check_name(run, field, composite, row, info, outcome, put))

        run.works.append(AwaitedValue(name, take, is_load=False))
        return None
    return _check_name(run, field, composite, row, info, name, put)


def _check_name(
    run: Run,
    field: BoundField,
    composite: BoundComposite,
    row: Any,
    info: Info,
    name: Any,
    put: Put,
) -> Tag:
    selection = composite.by_type.get(name) if type(name) is str else None
    if selection is None:
        nodes = run.source.nodes(field.plan.nodes)
        try:
            check_type(run, name, composite.type, nodes, info, row)
        except GraphQLError as error:
            return Failed(BadValueError(error, composite.type.name))
        selection = composite.by_type[str(name)]
    return _check_is_type_of(run, field, selection, row, info, put)


def _check_is_type_of(
    run: Run, field: BoundField, selection: BoundSelection, row: Any, info: Info, put: Put
) -> Tag:
    is_type_of = selection.type.is_type_of
    if not is_type_of:
        return selection

    def answered(answer: Any) -> Tag:
        if isinstance(answer, Failed):
            return answer
        if answer:
            return selection
        nodes = run.source.nodes(field.plan.nodes)
        error = reference.wrong_type_error(selection.type, row, nodes)
        return Failed(BadValueError(error, selection.type.name))

    try:
        answer = is_type_of(row, info)
    except Exception as error:
        return caught(error)
    if run.is_awaitable(answer):
        run.works.append(
            AwaitedValue(answer, lambda outcome: put(answered(outcome)), is_load=False)
        )
        return None
    return answered(answer)
