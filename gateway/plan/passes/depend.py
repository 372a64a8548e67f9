"""What a loader reads of its parents is made first.

A loader that reads a field which is no property of its parents (another loader gives it, or a resolver)
has to run after that field's step. Where the operation does not select the field it is added, hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import count
from typing import cast

from graphql import GraphQLObjectType, GraphQLSchema

from gateway.plan.kinds import is_overridden, kind_of
from gateway.plan.loaders import loader_of
from gateway.plan.nodes import Check, Field, Kind, Leaf, Plan, Selection, fields_of
from gateway.plan.rewrite import map_children, map_roots, with_fields

STEPS = (Kind.SYNC, Kind.ASYNC, Kind.BATCH, Kind.ENTITY)


def add_dependencies(plan: Plan, schema: GraphQLSchema) -> Plan:
    """Set `after` of every loader's fields, adding hidden fields where they are not selected."""
    fields = fields_of(plan)
    if not any(loader.reads for field in fields if (loader := loader_of(schema, field))):
        return plan
    numbers = count(1 + max(field.id for field in fields))
    return map_roots(plan, partial(_depending, schema, numbers, plan.overrides))


def _depending(
    schema: GraphQLSchema, numbers: count[int], overrides: tuple[str, ...], selection: Selection
) -> Selection:
    fields = list(selection.fields)
    for index, field in enumerate(fields):  # grows: a hidden one may have dependencies of its own
        after = _dependencies(schema, selection.type, field, fields, numbers, overrides)
        fields[index] = _ordered(field, after)
    visit = partial(_depending, schema, numbers, overrides)
    return with_fields(selection, [map_children(f, visit) for f in _without_cycles(fields)])


def _dependencies(
    schema: GraphQLSchema,
    parent: str,
    field: Field,
    fields: list[Field],
    numbers: count[int],
    overrides: tuple[str, ...],
) -> tuple[int, ...]:
    loader = loader_of(schema, field)
    if loader is None or loader.reads is None:
        return ()
    after = []
    parent_type = cast(GraphQLObjectType, schema.type_map[parent])
    for name in sorted(loader.reads):
        if name == field.name or name not in parent_type.fields:
            continue
        selected = next(
            (f for f in fields if f.name == name and not (f.arguments or f.denied)), None
        )
        kind = selected.kind if selected else kind_of(name, parent_type.fields[name], None)
        if kind not in STEPS:
            continue
        if selected is None:
            selected = Field(
                id=next(numbers),
                key=name,
                name=name,
                parent=parent,
                kind=kind,
                output=Leaf("", Check.CUSTOM, non_null=False),
                nodes=(),
                hidden=True,
                is_overridden=is_overridden(parent_type.fields[name], overrides),
            )
        if loader_of(schema, selected) is loader:
            continue  # it supplies its own key: the parent has it, or there is nothing to load by
        if selected not in fields:
            fields.append(selected)
        after.append(selected.id)
    return tuple(after)


def _without_cycles(fields: list[Field]) -> list[Field]:
    """Drop the dependencies that would close a circle: the loader then sees what the parent holds."""
    after = {field.id: field.after for field in fields}
    for field in fields:
        kept: tuple[int, ...] = ()
        for dependency in after[field.id]:
            after[field.id] = kept
            if not _reaches(after, dependency, field.id):
                kept = (*kept, dependency)
        after[field.id] = kept
    return [_ordered(field, after[field.id]) for field in fields]


def _reaches(after: Mapping[int, tuple[int, ...]], start: int, goal: int) -> bool:
    return start == goal or any(_reaches(after, next_id, goal) for next_id in after[start])


def _ordered(field: Field, after: tuple[int, ...]) -> Field:
    return field if field.after == after else field._replace(after=after)
