"""The runtime types of objects: which selection each row of an abstract type has.

The specification's ResolveAbstractType and graphql-core's `is_type_of`, for a column. Every message is
graphql-core's own.
"""

from __future__ import annotations

from collections.abc import Callable
from types import WrapperDescriptorType
from typing import Any

from graphql import GraphQLError, Undefined
from graphql.pyutils import is_awaitable

from gateway.execute import reference
from gateway.execute.bound import BoundComposite, BoundField, BoundSelection
from gateway.execute.info import info_of_parent
from gateway.execute.spots import Failed
from gateway.execute.state import Run
from gateway.execute.works import Call

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
    for index, row in enumerate(rows):
        tags[index] = _find_type(run, field, composite, row, index, _into(tags, index))
    return tags


def _into(tags: list[Tag], index: int) -> Put:
    return lambda tag: tags.__setitem__(index, tag)


def _find_type(
    run: Run, field: BoundField, composite: BoundComposite, row: Any, index: int, put: Put
) -> Tag:
    if composite.only is not None:
        return _check_is_type_of(run, field, composite.only, row, index, put)

    def name_known(name: Any) -> Tag:
        if isinstance(name, Failed):
            return name
        selection = composite.by_type.get(name) if type(name) is str else None
        if selection is None:
            try:
                reference.check_runtime_type(
                    run.bound.schema,
                    name,
                    composite.type,
                    run.source.nodes(field.plan.nodes),
                    info_of_parent(run, field, index),
                    row,
                )
            except GraphQLError as error:
                return Failed(error)
            selection = composite.by_type[str(name)]
        return _check_is_type_of(run, field, selection, row, index, put)

    try:
        name = composite.resolve_type(row, info_of_parent(run, field, index), composite.type)
    except Exception as error:
        return Failed(error)
    if is_awaitable(name):
        run.works.append(Call(name, lambda outcome: put(name_known(outcome)), is_load=False))
        return None
    return name_known(name)


def _check_is_type_of(
    run: Run, field: BoundField, selection: BoundSelection, row: Any, index: int, put: Put
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
        return Failed(reference.wrong_type_error(selection.type, row, nodes))

    try:
        answer = is_type_of(row, info_of_parent(run, field, index))
    except Exception as error:
        return Failed(error)
    if is_awaitable(answer):
        run.works.append(Call(answer, lambda outcome: put(answered(outcome)), is_load=False))
        return None
    return answered(answer)
