"""Whether an open field's connector reads what is protected: by `$this.ssn` everybody would see what few may.

Keys may be read by the request: a backend is asked by them, and they are not answered. A key is a member of type ID, or
one that a connector of the type itself reads. What the mappings of an answer read may be answered, keys or not.

Source: GHSA-m8jr-fxqx-8xx6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type

from gateway.auth.decisions import Need
from gateway.connectors.loaders import ConnectorLoader, connectors_of
from gateway.connectors.reads import as_tree, joined_reads, spelled_out
from gateway.errors import Diagnostic
from gateway.graph.field_tree import LEAF, FieldTree
from gateway.graph.needs import Needs, needs_of
from gateway.graph.overrides import loaders_of
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
            own = needs.of_field(type_, name)
            paths = dict.fromkeys(_protected_paths(needs, type_, field.resolve, own, keys))
            file, line, column = place_of(field.ast_node)
            found += [
                Diagnostic(
                    f"the connector of {type_.name}.{name} {what} {path}, which needs more than the field itself",
                    code="ProtectedRead",
                    file=file,
                    line=line,
                    column=column,
                    hint=f"put the same directives on the field{instead}",
                )
                for what, path, instead in paths
            ]
    return found


def _protected_paths(
    needs: Needs, type_: GraphQLObjectType, resolve: Any, own: Need, keys: set[str]
) -> Iterator[tuple[str, str, str]]:
    """What of a field's connectors reads what is protected: how, what, and what else could be done."""
    for loader in loaders_of(resolve) if isinstance(resolve, BatchField) else ():
        for path in _protected(needs, type_, loader.reads or LEAF, own, keys):
            yield "reads", path, ", or read a key (a member of type ID)"
    for loader in (one for found in loaders_of(resolve) for one in connectors_of(found)):
        for path in _protected(needs, type_, _answered(loader, type_), own, None):
            yield "may answer", path, ""


def _answered(loader: ConnectorLoader, owner: GraphQLObjectType) -> FieldTree:
    """What the mappings of its answers read of the object."""
    mappings = loader.call.responding
    members = joined_reads(mappings, "this").joined(joined_reads(mappings, "batch"))
    return as_tree(spelled_out(members, owner, ()))


def _keys(type_: GraphQLObjectType) -> set[str]:
    """Members that the type's own connectors read of it."""
    return {
        key
        for field in type_.fields.values()
        if isinstance(field.resolve, EntityField)
        for loader in loaders_of(field.resolve)
        for key in loader.reads or ()
    }


def _protected(
    needs: Needs, type_: GraphQLObjectType, reads: FieldTree, own: Need, keys: set[str] | None
) -> Iterator[str]:
    """The paths that need more than `own`; None for `keys` where a key may not be read either."""
    for name, below in reads.items():
        field = type_.fields.get(name)
        if field is None:
            continue
        inner = get_named_type(field.type)
        is_key = keys is not None and (name in keys or inner.name == "ID")
        if not is_key and not needs.of_field(type_, name) <= own:
            yield f"{type_.name}.{name}"
        elif isinstance(inner, GraphQLObjectType):
            yield from _protected(needs, inner, below, own, None if keys is None else set())
