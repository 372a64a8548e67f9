"""Whether an open field's connector reads what is protected: by `$this.ssn` everybody would see what few may.

Keys may be read: a backend is asked by them, and they are not answered. A key is a member of type ID, or one that a
connector of the type itself reads.

Source: GHSA-m8jr-fxqx-8xx6.
"""

from __future__ import annotations

from collections.abc import Iterator

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type

from gateway.auth.decisions import Need
from gateway.errors import Diagnostic
from gateway.graph.field_tree import FieldTree
from gateway.graph.needs import Needs, needs_of
from gateway.graph.resolvers import BatchField, EntityField
from gateway.graph.sdl import place_of


def check_protected_reads(schema: GraphQLSchema) -> list[Diagnostic]:
    """An error for each field whose connector reads a sibling that needs more than the field does."""
    needs = needs_of(schema)
    if needs is None:
        return []
    found = []
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType):
            continue
        keys = _keys(type_)
        for name, field in type_.fields.items():
            if not isinstance(field.resolve, BatchField) or not field.resolve.loader.reads:
                continue
            own = needs.of_field(type_, name)
            for path in _protected(needs, type_, field.resolve.loader.reads, own, keys):
                file, line, column = place_of(field.ast_node)
                found.append(
                    Diagnostic(
                        f"the connector of {type_.name}.{name} reads {path}, which needs more than the field itself",
                        code="ProtectedRead",
                        file=file,
                        line=line,
                        column=column,
                        hint="put the same directives on the field, or read a key (a member of type ID)",
                    )
                )
    return found


def _keys(type_: GraphQLObjectType) -> set[str]:
    """Members that the type's own connectors read of it."""
    return {
        key
        for field in type_.fields.values()
        if isinstance(field.resolve, EntityField)
        for loader in field.resolve.loaders
        for key in loader.reads or ()
    }


def _protected(
    needs: Needs, type_: GraphQLObjectType, reads: FieldTree, own: Need, keys: set[str]
) -> Iterator[str]:
    for name, below in reads.items():
        field = type_.fields.get(name)
        if field is None:
            continue
        inner = get_named_type(field.type)
        is_key = name in keys or inner.name == "ID"
        if not is_key and not needs.of_field(type_, name) <= own:
            yield f"{type_.name}.{name}"
        elif isinstance(inner, GraphQLObjectType):
            yield from _protected(needs, inner, below, own, set())
