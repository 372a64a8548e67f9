"""Which source gives a field's values."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLField

from gateway.graph.resolvers import BatchField, EntityField
from gateway.plan.kinds import kind_of
from gateway.plan.nodes import Kind


def is_call(definition: GraphQLField) -> bool:
    """Whether a source is asked for the values of a field by themselves: for leaves, too, that is a call for each."""
    return isinstance(definition.resolve, BatchField | EntityField)


def source_of(name: str, definition: GraphQLField, outer: str | None) -> str | None:
    """The source that gives a field's values: that of its connector; of a property, the object's own."""
    resolve: Any = definition.resolve
    if isinstance(resolve, BatchField):
        return resolve.loader.source
    if isinstance(resolve, EntityField):
        return resolve.loaders[0].source
    return outer if kind_of(name, definition, None) is Kind.PROPERTY else None
