"""What each loader has to hold for this operation.

A loader whose values are read only by properties and by loaders that say what they read is told the
names; one whose values reach a resolver or a type function has to hold everything that it can.
The names stand in the order in which the operation selects them: rows that are decoded so can be the response.
"""

from __future__ import annotations

from functools import partial

from graphql import GraphQLSchema

from gateway.graph.field_tree import LEAF, FieldTree
from gateway.plan.loaders import loader_of
from gateway.plan.nodes import (
    Field,
    Kind,
    Output,
    Plan,
    Selection,
    composite_of,
)
from gateway.plan.rewrite import map_children, map_roots, with_fields


def project_loaders(plan: Plan, schema: GraphQLSchema) -> Plan:
    """Set `wanted` of every batch and entity field."""
    return map_roots(plan, partial(_projected, schema))


def _projected(schema: GraphQLSchema, selection: Selection) -> Selection:
    if not selection.settled:
        return selection  # nothing is loaded there
    reads = _reads(schema, selection)
    fields = [_projected_field(schema, one, reads.get(one.name, LEAF)) for one in selection.fields]
    return with_fields(selection, fields)


def _projected_field(schema: GraphQLSchema, field: Field, read: FieldTree) -> Field:
    if field.kind in (Kind.BATCH, Kind.ENTITY):
        below = read if field.hidden else _wanted_of(schema, field.output)
        # A leaf of a batch field is the value itself: there is nothing to choose from.
        is_value = field.kind is Kind.BATCH and composite_of(field.output) is None
        if below is not None and not is_value:
            field = field._replace(wanted=below.joined(read))
    return map_children(field, partial(_projected, schema))


def _reads(schema: GraphQLSchema, selection: Selection) -> dict[str, FieldTree]:
    """What the loaders of a selection read of its rows, by member."""
    reads: dict[str, FieldTree] = {}
    for field in selection.fields:
        loader = loader_of(schema, field)
        for name, below in loader.reads.items() if loader and loader.reads else ():
            reads[name] = reads.get(name, LEAF).joined(below)
    return reads


def _wanted_of(schema: GraphQLSchema, output: Output) -> FieldTree | None:
    """The names that are read of an output's objects; None when anything may be."""
    composite = composite_of(output)
    if composite is None:
        return LEAF
    if composite.by_call:
        return None
    names: dict[str, FieldTree] = {}
    if len(composite.selections) > 1 or composite.selections[0].type != composite.type:
        names["__typename"] = LEAF
    for selection in composite.selections:
        for field in selection.fields:
            if not _add(schema, field, names):
                return None
    return FieldTree(names)


def _add(schema: GraphQLSchema, field: Field, names: dict[str, FieldTree]) -> bool:
    if field.kind is Kind.TYPENAME or field.denied:
        return True
    if field.kind in (Kind.PROPERTY, Kind.ENTITY):
        below = _wanted_of(schema, field.output)
        if below is None:
            return False
        names[field.name] = names.get(field.name, LEAF).joined(below)
    if field.kind is Kind.PROPERTY:
        return True
    loader = loader_of(schema, field)
    if loader is None or loader.reads is None:
        return False
    for name, below in loader.reads.items():
        names[name] = names.get(name, LEAF).joined(below)
    return True
