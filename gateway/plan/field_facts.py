"""What is known of a field of a schema whatever the operation: looked up once where the schema stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

from gateway.graph.schema import is_fixed
from gateway.plan.kinds import FieldResolverFunction, access_of, check_of, field_of, kind_of
from gateway.plan.nodes import Check, Kind, Leaf, ListOf, Output

KNOWN = "gateway.field_facts"


class FieldFacts(NamedTuple):
    """One field of an object type.

    Attributes:
        definition: The schema's.
        kind: How its values are found.
        access: The member of the parent that is read, where that is not the field's name.
        leaf: What its values are completed to, where these are no objects.
        possible: The object types that its objects may have.
        is_abstract: Whether its type is an interface or a union.
    """

    definition: GraphQLField
    kind: Kind
    access: str | None = None
    leaf: Output | None = None
    possible: tuple[GraphQLObjectType, ...] = ()
    is_abstract: bool = False


class FactsOfFields:
    """The facts of one schema's fields, kept with a schema that nobody changes.

    Args:
        schema: The schema.
        field_resolver: What stands in where a field has no resolver.
    """

    def __init__(
        self, schema: GraphQLSchema, field_resolver: FieldResolverFunction | None = None
    ) -> None:
        self._schema = schema
        self._field_resolver = field_resolver
        self._known: dict[tuple[str, str], FieldFacts] = {}
        if field_resolver is None and is_fixed(schema):
            self._known = schema.extensions.setdefault(KNOWN, self._known)

    def of(self, parent: GraphQLObjectType, name: str) -> FieldFacts | None:
        """What is known of a field; None where the type has none of that name."""
        key = (parent.name, name)
        found = self._known.get(key) or self._find(parent, name)
        if found is not None:
            self._known[key] = found
        return found

    def _find(self, parent: GraphQLObjectType, name: str) -> FieldFacts | None:
        definition = field_of(self._schema, parent, name)
        if definition is None:
            return None
        kind = kind_of(name, definition, self._field_resolver)
        named: Any = get_named_type(definition.type)
        if kind is Kind.INTROSPECTION or kind is Kind.TYPENAME:
            leaf = Leaf(named.name, Check.CUSTOM, is_non_null_type(definition.type))
            return FieldFacts(definition, kind, leaf=leaf)
        access = access_of(definition) if kind is Kind.PROPERTY else None
        if is_leaf_type(named):
            return FieldFacts(definition, kind, access, output_of(definition.type, _leaf))
        if is_object_type(named):
            return FieldFacts(definition, kind, access, possible=(named,))
        possible = tuple(self._schema.get_possible_types(named))
        return FieldFacts(definition, kind, access, possible=possible, is_abstract=True)


def output_of(type_: GraphQLOutputType, bottom: Callable[[Any, bool], Output]) -> Output:
    """What values of a type are completed to.

    Args:
        type_: The type.
        bottom: Makes the output of the type within all lists, and whether that may not be null.
    """
    non_null = is_non_null_type(type_)
    nullable: Any = type_.of_type if is_non_null_type(type_) else type_
    if is_list_type(nullable):
        return ListOf(output_of(nullable.of_type, bottom), non_null)
    return bottom(nullable, non_null)


def _leaf(type_: Any, non_null: bool) -> Leaf:
    return Leaf(type_.name, check_of(type_), non_null)
