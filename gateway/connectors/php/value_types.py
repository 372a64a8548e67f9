"""The GraphQL types that a value may have, and what they tell of it: lists, objects, the types of its fields.

It must know no place of an answer: `rules` notes what follows for these.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from gateway.connectors.mapping.nodes import Braces, Constant, MappedField, Path, Wrapped

Kinds = tuple[Any, ...]
"""The GraphQL types that a value may have: one, or a field's in each type that an abstract one may be."""


def lists_around(kinds: Kinds) -> int | None:
    """How many lists are around the type; None where that is not known."""
    found = set()
    for kind in kinds:
        depth, nullable = 0, get_nullable_type(kind)
        while is_list_type(nullable):
            depth, nullable = depth + 1, get_nullable_type(nullable.of_type)
        found.add((depth, is_leaf_type(nullable)))
    return found.pop()[0] if len(found) == 1 else None


def item_types(kinds: Kinds) -> Kinds:
    """The types of a list's elements."""
    nullable: Iterable[Any] = (get_nullable_type(kind) for kind in kinds)
    return tuple(kind.of_type for kind in nullable if is_list_type(kind))


def composites(schema: GraphQLSchema, kinds: Kinds, braces: Braces | None = None) -> Kinds:
    """The object types that values may have; one where the braces name it."""
    found: dict[str, Any] = {}
    for kind in kinds:
        named: Any = get_named_type(kind)
        if isinstance(named, GraphQLObjectType):
            found[named.name] = named
        elif isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
            found.update({t.name: t for t in schema.get_possible_types(named)})
    name = _literal_type(braces) if braces is not None else None
    return (found[name],) if name in found else tuple(found.values())


def field_types(owners: Kinds, name: str) -> Kinds:
    """The types of a field in all of the types that have it."""
    return tuple(owner.fields[name].type for owner in owners if name in owner.fields)


def _literal_type(braces: Braces) -> str | None:
    """The `__typename` that braces give every object."""
    for item in braces.items:
        if isinstance(item, MappedField) and item.name == "__typename" and not item.path.steps:
            origin = item.path.origin
            if isinstance(origin, Wrapped) and isinstance(origin.expression, Path):
                origin = origin.expression.origin
            if isinstance(origin, Constant):
                return str(origin.value)
    return None
