"""What of the schema an operation uses, by schema coordinates: types, fields, arguments, input fields, enum values.

Made once of a plan. Of variables only those are told here whose types have members of their own: what of these is
used, each request says.

Source: GraphQL specification, September 2025, §3.12 schema coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    EnumValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    get_named_type,
    is_specified_scalar_type,
    type_from_ast,
)

from gateway.execute.prepared import Prepared

MOST_VALUES = 500
"""Values of one request's variables that are looked at."""


@dataclass(frozen=True, slots=True)
class OperationUse:
    """What an operation uses, whatever its variables are.

    Attributes:
        fields: The fields that it selects, `Type.field`, and whether they are deprecated. Under @skip and @include too;
            those of an interface or union by the type that the document names.
        others: Everything else by its coordinate, and whether it is deprecated.
        variables: Those that may use more: each with its type.
        deprecated: What of all this is deprecated.
    """

    fields: Mapping[str, bool]
    others: Mapping[str, bool]
    variables: tuple[tuple[str, Any], ...]
    deprecated: frozenset[str]


def use_of(prepared: Prepared) -> OperationUse:
    """What an operation uses."""
    walk = _UsedParts(prepared.schema, dict(prepared.source.fragments))
    operation = prepared.source.operation
    if operation is not None:
        walk.directives(operation)
        for definition in operation.variable_definitions or ():
            walk.variable(definition)
        walk.selections(operation.selection_set, prepared.schema.get_root_type(operation.operation))
    used = (walk.fields, walk.others)
    deprecated = frozenset([name for one in used for name, is_old in one.items() if is_old])
    return OperationUse(walk.fields, walk.others, tuple(walk.typed), deprecated)


def used_by_value(type_: Any, value: Any) -> Iterator[str]:
    """The input types, their fields and the enum values that a variable's value uses.

    Not more than the first `MOST_VALUES` of it are looked at.
    """
    todo, left = [(get_named_type(type_), value)], MOST_VALUES
    while todo and left:
        left -= 1
        named, one = todo.pop()
        if type(one) is list:
            todo += [(named, item) for item in one[:left]]
        elif type(one) is str and isinstance(named, GraphQLEnumType):
            if one in named.values:
                yield f"{named.name}.{one}"
        elif type(one) is dict and isinstance(named, GraphQLInputObjectType):
            yield named.name
            for name, inner in one.items():
                field = named.fields.get(name)
                if field is not None:
                    yield f"{named.name}.{name}"
                    todo.append((get_named_type(field.type), inner))


class _UsedParts:
    """Goes through an operation, each fragment once."""

    def __init__(self, schema: GraphQLSchema, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments
        self.fields: dict[str, bool] = {}
        self.others: dict[str, bool] = {}
        self.typed: list[tuple[str, Any]] = []

    def variable(self, definition: Any) -> None:
        """Note a variable's type, and what its default uses."""
        type_: Any = type_from_ast(self._schema, definition.type)
        self._type(type_)
        if isinstance(get_named_type(type_), GraphQLEnumType | GraphQLInputObjectType):
            self.typed.append((definition.variable.name.value, type_))
        self._value(type_, definition.default_value)

    def directives(self, node: Any) -> None:
        """Note the directives of a node."""
        for use in node.directives or ():
            definition = self._schema.get_directive(use.name.value)
            if definition is not None:
                self.others[f"@{definition.name}"] = False
                self._arguments(f"@{definition.name}", definition.args, use)

    def selections(self, selections: Any, parent: Any) -> None:
        """Note what selections on a type use."""
        todo = [(selections, parent)]
        while todo:
            found, parent = todo.pop()
            self._type(parent)
            for node in found.selections:
                if node.directives:
                    self.directives(node)
                inner = self._selected(node, parent)
                if inner is not None:
                    todo.append(inner)

    def _selected(self, node: Any, parent: Any) -> tuple[Any, Any] | None:
        """Note one selection; what is below it."""
        if isinstance(node, FieldNode):
            name = node.name.value
            if name.startswith("__"):
                return None
            field = parent.fields.get(name)
            if field is None:
                return None
            coordinate = f"{parent.name}.{name}"
            self.fields[coordinate] = field.deprecation_reason is not None
            if node.arguments:
                self._arguments(coordinate, field.args, node)
            named = get_named_type(field.type)
            self._named(named)
            return None if node.selection_set is None else (node.selection_set, named)
        if isinstance(node, FragmentSpreadNode):
            # Walked once, wherever it is spread: its type is its own.
            node = self._fragments.pop(node.name.value, None)
            if node is None:
                return None
        assert isinstance(node, InlineFragmentNode | FragmentDefinitionNode)
        condition = node.type_condition
        on = self._schema.get_type(condition.name.value) if condition else parent
        return node.selection_set, on

    def _arguments(self, coordinate: str, definitions: Mapping[str, Any], node: Any) -> None:
        for given in node.arguments or ():
            definition = definitions.get(given.name.value)
            if definition is not None:
                is_deprecated = definition.deprecation_reason is not None
                self.others[f"{coordinate}({given.name.value}:)"] = is_deprecated
                self._type(definition.type)
                self._value(definition.type, given.value)

    def _type(self, type_: Any) -> None:
        self._named(get_named_type(type_))

    def _named(self, type_: Any) -> None:
        if type_.name not in self.others and not is_specified_scalar_type(type_):
            self.others[type_.name] = False

    def _value(self, type_: Any, node: Any) -> None:
        named = get_named_type(type_)
        if isinstance(node, ListValueNode):
            for item in node.values:
                self._value(named, item)
        elif isinstance(node, EnumValueNode) and isinstance(named, GraphQLEnumType):
            value = named.values[node.value]
            self.others[f"{named.name}.{node.value}"] = value.deprecation_reason is not None
        elif isinstance(node, ObjectValueNode) and isinstance(named, GraphQLInputObjectType):
            for member in node.fields:
                field = named.fields[member.name.value]
                is_deprecated = field.deprecation_reason is not None
                self.others[f"{named.name}.{member.name.value}"] = is_deprecated
                self._type(field.type)
                self._value(field.type, member.value)


def is_deprecated(schema: GraphQLSchema, coordinate: str) -> bool:
    """Whether an input field or enum value, `Type.member`, is deprecated; a type never is."""
    owner, _, name = coordinate.partition(".")
    if not name:
        return False
    type_: Any = schema.get_type(owner)
    members = type_.values if isinstance(type_, GraphQLEnumType) else type_.fields
    return members[name].deprecation_reason is not None
