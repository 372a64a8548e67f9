"""What a connector reads of the object that its field or type is of: by all of its mappings, not the request's alone.

A mapping that takes an object as it stands (`body: "of: $this.address"`) reads the object's own leaves, whatever the
operation asks for. No I/O.

Source: connectors.md §3.7, §15.3.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from graphql import GraphQLNamedType, GraphQLObjectType, get_named_type, is_leaf_type

from gateway.connectors.mapping.analyse import read_paths
from gateway.connectors.mapping.members import NOTHING, Members
from gateway.connectors.mapping.nodes import MappingSelection
from gateway.graph.field_tree import FieldTree


def joined_reads(mappings: Iterable[MappingSelection], variable: str) -> Members:
    """What mappings read of one variable, together."""
    found = NOTHING
    for mapping in mappings:
        found = found.joined(read_paths(mapping).get(variable, NOTHING))
    return found


def without(wanted: Members, names: Collection[str]) -> Members:
    """The same without some of the outermost members."""
    members = {name: inner for name, inner in wanted.members.items() if name not in names}
    return Members(members, wanted.whole)


def spelled_out(
    wanted: Members, owner: GraphQLNamedType | None, resolved: Collection[str]
) -> Members:
    """The same with members for each object that is taken as it stands.

    Args:
        wanted: What is read.
        owner: The type that it is read of.
        resolved: Coordinates of fields that are no members of their object: somebody resolves them.
    """
    if not isinstance(owner, GraphQLObjectType):
        return wanted
    members = dict(wanted.members)
    if wanted.whole:
        for name, field in owner.fields.items():
            is_leaf = is_leaf_type(get_named_type(field.type)) and not field.args
            if is_leaf and f"{owner.name}.{name}" not in resolved:
                members.setdefault(name, Members(whole=True))
    return Members(
        {
            name: spelled_out(inner, get_named_type(owner.fields[name].type), resolved)
            if name in owner.fields
            else inner
            for name, inner in members.items()
        },
        wanted.whole,
    )


def as_tree(members: Members) -> FieldTree:
    """The mapping room's names as loaders have them."""
    return FieldTree({name: as_tree(inner) for name, inner in members.members.items()})
