"""Which parts of a schema a view has. It decides by names and tags; it builds no schema and changes none.

1 marked     excluded by a tag, `@inaccessible`, or (fields) without a tag that the view includes
2 dependent  fields, arguments and input fields whose type was taken out as a whole go too, until none is left
3 found      what a client would notice: a required argument without its definition, a type without fields
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    Node,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
)

from gateway.graph.views.settings import ViewSettings

Composite = GraphQLObjectType | GraphQLInterfaceType
Members = dict[str, Any]
# Of a subgraph: they give any entity, and the text of the whole schema.
OF_SUBGRAPH = {"_service", "_entities"}


class ViewParts:
    """The parts of a schema that a view has.

    Args:
        schema: The whole.
        settings: The view's.
        names: Which directive each name of one is: "tag" or "inaccessible".

    Attributes:
        removed: The names of types that are taken out as a whole, by a mark of their own.
        tags: All tags that stand in the schema.
        reachable: The names of types that the roots lead to.
        members: By type the fields, values or input fields that are left.
        arguments: By type and field, and by `@directive`, the arguments that are left.
    """

    def __init__(
        self, schema: GraphQLSchema, settings: ViewSettings, names: Mapping[str, str]
    ) -> None:
        self.schema = schema
        self._settings = settings
        self._tag = {name for name, meant in names.items() if meant == "tag"}
        self._inaccessible = names.keys() - self._tag
        self._included = frozenset(settings.include_tags)
        self._excluded = frozenset(settings.exclude_tags)
        self.removed: set[str] = set()
        self.tags: set[str] = set()
        self.members: dict[str, Members] = {}
        self.arguments: dict[tuple[str, str], dict[str, GraphQLArgument]] = {}
        for type_ in own_types(schema):
            self._mark(type_)
        for directive in schema.directives:
            self.arguments[f"@{directive.name}", ""] = self._left(directive.args)
        while self._take_dependents():
            pass
        self.reachable = self._reach()

    def has_type(self, type_: Any) -> bool:
        """Whether a named type is in the view: it is not taken out, and something is left of it."""
        if is_shared_type(type_):
            return True
        if type_.name in self.removed:
            return False
        if isinstance(type_, GraphQLUnionType):
            return any(self.has_type(member) for member in type_.types)
        return bool(self.members.get(type_.name, True))

    def shows_type(self, type_: GraphQLNamedType) -> bool:
        """Whether clients see a named type."""
        if not self.has_type(type_):
            return False
        return not self._settings.hide_unreachable_types or type_.name in self.reachable

    def possible(self, type_: Any) -> Iterator[GraphQLObjectType]:
        """The object types of an abstract type that are in the view."""
        return (one for one in self.schema.get_possible_types(type_) if self.has_type(one))

    def _mark(self, type_: GraphQLNamedType) -> None:
        """Take out of a type, or with it, what marks take out."""
        tags = self._tags(nodes_of(type_))
        if self._is_out(nodes_of(type_)):
            self.removed.add(type_.name)
        if isinstance(type_, Composite):
            is_root = type_ is self.schema.query_type
            fields = self.members[type_.name] = {
                name: field
                for name, field in type_.fields.items()
                if not self._is_out((field.ast_node,))
                and (not self._included or self._included & (tags | self._tags((field.ast_node,))))
                and not (is_root and name in OF_SUBGRAPH)
            }
            for name, field in fields.items():
                self.arguments[type_.name, name] = self._left(field.args)
        elif isinstance(type_, GraphQLEnumType):
            self.members[type_.name] = self._left(type_.values)
        elif isinstance(type_, GraphQLInputObjectType):
            self.members[type_.name] = self._left(type_.fields)

    def _left(self, members: Mapping[str, Any]) -> Members:
        return {
            name: member for name, member in members.items() if not self._is_out((member.ast_node,))
        }

    def _is_out(self, nodes: Iterable[Any]) -> bool:
        """Whether something is `@inaccessible` or has a tag that is excluded."""
        found = tuple(nodes)
        if self._excluded & self._tags(found):
            return True
        return any(use.name.value in self._inaccessible for use in _uses(found))

    def _tags(self, nodes: Iterable[Any]) -> frozenset[str]:
        found = frozenset(
            argument.value.value
            for use in _uses(nodes)
            if use.name.value in self._tag
            for argument in use.arguments or ()
            if argument.name.value == "name"
        )
        self.tags |= found
        return found

    def _take_dependents(self) -> bool:
        """Take out what is of a type that was taken out as a whole; whether that was anything."""
        found = False
        for arguments in self.arguments.values():
            found |= self._drop(arguments)
        for owner, members in self.members.items():
            if not isinstance(self.schema.type_map[owner], GraphQLEnumType):
                found |= self._drop(members)
        return found

    def _drop(self, members: Members) -> bool:
        gone = [
            name for name, one in members.items() if get_named_type(one.type).name in self.removed
        ]
        for name in gone:
            del members[name]
        return bool(gone)

    def _reach(self) -> set[str]:
        """The names of types that the roots lead to, and the arguments of directives."""
        schema = self.schema
        roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
        found: set[str] = set()
        todo: list[Any] = [root for root in roots if root is not None]
        for directive in schema.directives:
            todo += map(of_type, self.arguments[f"@{directive.name}", ""].values())
        while todo:
            type_ = todo.pop()
            if type_.name in found or not self.has_type(type_):
                continue
            found.add(type_.name)
            todo += self._below(type_)
        return found

    def _below(self, type_: Any) -> Iterator[Any]:
        if isinstance(type_, GraphQLUnionType | GraphQLInterfaceType):
            yield from self.schema.get_possible_types(type_)
        if isinstance(type_, GraphQLInterfaceType):
            yield from self.schema.get_implementations(type_).interfaces
        if isinstance(type_, Composite):
            yield from type_.interfaces
            for name, field in self.members[type_.name].items():
                yield of_type(field)
                yield from map(of_type, self.arguments[type_.name, name].values())
        elif isinstance(type_, GraphQLInputObjectType):
            yield from map(of_type, self.members[type_.name].values())


def of_type(member: GraphQLField | GraphQLArgument | Any) -> Any:
    """The named type of a field, an argument or an input field."""
    return get_named_type(member.type)


def own_types(schema: GraphQLSchema) -> Iterator[GraphQLNamedType]:
    """The types that a schema defines."""
    for type_ in schema.type_map.values():
        if not is_shared_type(type_):
            yield type_


def is_shared_type(type_: Any) -> bool:
    """Whether every schema has a type: the specification's scalars, and those of introspection."""
    return is_specified_scalar_type(type_) or is_introspection_type(type_)


def nodes_of(thing: Any) -> tuple[Node | None, ...]:
    """Where a type stands in SDL, its extensions too."""
    return (thing.ast_node, *(thing.extension_ast_nodes or ()))


def _uses(nodes: Iterable[Any]) -> Iterator[Any]:
    for node in nodes:
        if node is not None:
            yield from node.directives or ()
