"""Entity fields that are sure to be there become properties.

A loader that says what its values hold (`supplies`) holds every name of it, null where the backend had
none. An entity field below it that it supplies needs no step, and most connector operations none at all.
"""

from __future__ import annotations

from functools import partial

from graphql import GraphQLSchema

from gateway.graph.field_tree import FieldTree
from gateway.plan.loaders import loader_of
from gateway.plan.nodes import Field, Kind, Plan, Selection
from gateway.plan.rewrite import map_children, map_roots, with_fields


def read_what_is_supplied(plan: Plan, schema: GraphQLSchema) -> Plan:
    """Turn entity fields into properties where the value they are on is known to hold them."""
    return map_roots(plan, partial(_read, schema, None))


def _read(schema: GraphQLSchema, supplied: FieldTree | None, selection: Selection) -> Selection:
    fields = [_read_field(schema, supplied, field) for field in selection.fields]
    return with_fields(selection, fields)


def _read_field(schema: GraphQLSchema, supplied: FieldTree | None, field: Field) -> Field:
    below: FieldTree | None = None
    if (
        supplied is not None
        and field.kind in (Kind.ENTITY, Kind.PROPERTY)
        and field.name in supplied
    ):
        below = supplied[field.name] or None
        if field.kind is not Kind.PROPERTY:
            field = field._replace(kind=Kind.PROPERTY)
    else:
        loader = loader_of(schema, field)
        if loader is not None and loader.supplies is not None:
            below = loader.supplies
            if field.kind is Kind.ENTITY:
                below = below.get(field.name)
    return map_children(field, partial(_read, schema, below))
