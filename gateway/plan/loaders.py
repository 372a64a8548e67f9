"""The loaders that a plan's fields are bound to, found by their coordinate in the schema."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLSchema

from gateway.graph.loader import Loader
from gateway.graph.resolvers import BatchField, EntityField
from gateway.plan.nodes import Field, Kind


def loader_of(schema: GraphQLSchema, field: Field) -> Loader | None:
    """The loader of a BATCH or ENTITY field as it was bound, not projected; None for other kinds."""
    if field.kind is not Kind.BATCH and field.kind is not Kind.ENTITY:
        return None
    parent: Any = schema.type_map[field.parent]
    return chosen_loader(parent.fields[field.name].resolve, field.is_overridden)


def chosen_loader(resolve: Any, is_overridden: bool) -> Loader:
    """Which of a field's loaders a plan has: its own, or that of its `@override`."""
    assert isinstance(resolve, BatchField | EntityField)
    if is_overridden and resolve.override is not None:
        return resolve.override.loader
    return resolve.loader
