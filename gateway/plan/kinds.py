"""How a field's values are found and how a leaf is checked: decided from the schema alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from inspect import iscoroutinefunction
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    SchemaMetaFieldDef,
    TypeMetaFieldDef,
    TypeNameMetaFieldDef,
    default_field_resolver,
    is_enum_type,
    specified_scalar_types,
)

from gateway.graph.member import member_of
from gateway.graph.resolvers import BatchField, EntityField, FieldResolver
from gateway.plan.nodes import Check, Kind

FieldResolverFunction = Callable[..., Any]
Wraps = Callable[[Sequence[FieldNode]], bool]
"""Whether a middleware wraps a field, by its nodes."""

CHECKS = {
    "String": Check.STRING,
    "ID": Check.ID,
    "Int": Check.INT,
    "Float": Check.FLOAT,
    "Boolean": Check.BOOLEAN,
}


def field_of(schema: GraphQLSchema, parent: GraphQLObjectType, name: str) -> GraphQLField | None:
    """A field's definition, the introspection fields among them; None when there is none."""
    if name == "__typename":
        return TypeNameMetaFieldDef
    if parent is schema.query_type and name in ("__schema", "__type"):
        return SchemaMetaFieldDef if name == "__schema" else TypeMetaFieldDef
    fields: dict[str, GraphQLField] = parent.fields
    return fields.get(name)


def kind_of(
    name: str, definition: GraphQLField, field_resolver: FieldResolverFunction | None
) -> Kind:
    """How the values of a field are found; `field_resolver` stands in where it has no resolver."""
    if name == "__typename":
        return Kind.TYPENAME
    if name in ("__schema", "__type"):
        return Kind.INTROSPECTION
    resolve = definition.resolve or field_resolver or default_field_resolver
    if resolve is default_field_resolver or member_of(resolve) is not None:
        return Kind.PROPERTY
    if isinstance(resolve, BatchField):
        return Kind.BATCH
    if isinstance(resolve, EntityField):
        return Kind.ENTITY
    if isinstance(resolve, FieldResolver):
        return Kind.ASYNC if resolve.is_async else Kind.SYNC
    return Kind.ASYNC if iscoroutinefunction(resolve) else Kind.SYNC


def wrapped_kind_of(definition: GraphQLField, field_resolver: FieldResolverFunction | None) -> Kind:
    """How the values of a field are found that a middleware wraps: its resolver is called, whatever it is."""
    return Kind.ASYNC if iscoroutinefunction(definition.resolve or field_resolver) else Kind.SYNC


def is_overridden(definition: GraphQLField, overrides: Collection[str]) -> bool:
    """Whether a label that is on decides who gives a field."""
    override = getattr(definition.resolve, "override", None)
    return override is not None and override.label in overrides


def access_of(definition: GraphQLField) -> str | None:
    """The member of the parent that is read, where that is not the field's name."""
    member = member_of(definition.resolve)
    return None if member is None else member.name


def check_of(type_: Any) -> Check:
    """The cheap test for values of a leaf type; a user's own scalar named `Int` has none."""
    if is_enum_type(type_):
        return Check.ENUM
    name = str(type_.name)
    if specified_scalar_types.get(name) is type_ and name in CHECKS:
        return CHECKS[name]
    return Check.CUSTOM
