"""What stands in an operation or fragment itself: each selection set once, with its type."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLDirective,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    TypeNameMetaFieldDef,
    is_composite_type,
)
from graphql.utilities import do_types_overlap

from gateway.language.quick.doubt import MAX_NESTING, Doubt
from gateway.language.quick.values import VariableUse, check_arguments

LEAVES = (GraphQLScalarType, GraphQLEnumType)
# Rules look at where these stand, and at their labels.
NOT_PLAIN = frozenset({"defer", "stream"})


class SelectedField(NamedTuple):
    """A field as a selection set has it."""

    key: str
    node: FieldNode
    definition: GraphQLField


class SelectedSet(NamedTuple):
    """A selection set's fields, those of inline fragments too, and the names of the fragments that it spreads."""

    fields: list[SelectedField]
    spreads: list[str]


class Uses:
    """What an operation or fragment uses itself; not what the fragments that it spreads use.

    Attributes:
        variables: In arguments.
        spreads: Names of fragments.
        nesting: How many selection sets stand within each other.
    """

    __slots__ = ("nesting", "spreads", "variables")

    def __init__(self) -> None:
        self.nesting = 0
        self.variables: list[VariableUse] = []
        self.spreads: set[str] = set()


class Selections:
    """One document's.

    Attributes:
        selected: What each selection set has, by the identity of its node.
    """

    def __init__(self, schema: GraphQLSchema, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments
        self.selected: dict[int, SelectedSet] = {}

    @cached_property
    def _directives(self) -> dict[str, GraphQLDirective]:
        return {directive.name: directive for directive in self._schema.directives}

    def check_fragment(self, node: FragmentDefinitionNode) -> Uses:
        """What a fragment uses. Errors: Doubt."""
        if getattr(node, "variable_definitions", None):
            raise Doubt
        uses = Uses()
        self.check_directives(node.directives, "FRAGMENT_DEFINITION", uses)
        self._check_set(node.selection_set, self._composite(node.type_condition), uses, 0)
        return uses

    def check_operation(self, node: OperationDefinitionNode) -> Uses:
        """What an operation uses. Errors: Doubt."""
        root = self._schema.get_root_type(node.operation)
        if root is None or node.operation is OperationType.SUBSCRIPTION:
            raise Doubt
        uses = Uses()
        if node.directives:
            self.check_directives(node.directives, node.operation.name, uses)
        self._check_set(node.selection_set, root, uses, 0)
        return uses

    def _composite(self, condition: Any) -> Any:
        found = self._schema.type_map.get(condition.name.value)
        if not is_composite_type(found):
            raise Doubt
        return found

    def _check_set(self, node: SelectionSetNode, parent: Any, uses: Uses, depth: int) -> None:
        if id(node) in self.selected:
            raise Doubt  # one node in two places, of a document that was made
        selected = SelectedSet([], [])
        self._check_selections(node, parent, uses, depth, selected)
        self.selected[id(node)] = selected

    def _check_selections(
        self, owner: SelectionSetNode, parent: Any, uses: Uses, depth: int, into: SelectedSet
    ) -> None:
        if depth > uses.nesting:
            if depth > MAX_NESTING:
                raise Doubt
            uses.nesting = depth
        fields = None if isinstance(parent, GraphQLUnionType) else parent.fields
        for node in owner.selections:
            if type(node) is FieldNode:
                name = node.name.value
                definition = fields.get(name) if fields is not None else None
                if definition is None or name.startswith("__"):
                    if name != "__typename":
                        raise Doubt  # unknown, or introspection
                    definition = TypeNameMetaFieldDef
                self._check_field(node, definition, uses, depth)
                key = node.alias.value if node.alias else name
                into.fields.append(SelectedField(key, node, definition))
            elif type(node) is InlineFragmentNode:
                within = self._composite(node.type_condition) if node.type_condition else parent
                self._check_overlap(parent, within)
                if node.directives:
                    self.check_directives(node.directives, "INLINE_FRAGMENT", uses)
                self._check_selections(node.selection_set, within, uses, depth + 1, into)
            elif type(node) is FragmentSpreadNode:
                self._check_spread(node, parent, uses)
                into.spreads.append(node.name.value)
            else:
                raise Doubt

    def _check_spread(self, node: FragmentSpreadNode, parent: Any, uses: Uses) -> None:
        fragment = self._fragments.get(node.name.value)
        if fragment is None or getattr(node, "arguments", None):
            raise Doubt
        self._check_overlap(parent, self._composite(fragment.type_condition))
        if node.directives:
            self.check_directives(node.directives, "FRAGMENT_SPREAD", uses)
        uses.spreads.add(node.name.value)

    def _check_overlap(self, parent: Any, within: Any) -> None:
        if parent is not within and not do_types_overlap(self._schema, parent, within):
            raise Doubt

    def _check_field(
        self, node: FieldNode, definition: GraphQLField, uses: Uses, depth: int
    ) -> None:
        if node.directives:
            self.check_directives(node.directives, "FIELD", uses)
        if node.arguments or definition.args:
            check_arguments(node.arguments, definition.args, uses.variables)
        named: Any = definition.type
        while type(named) is GraphQLNonNull or type(named) is GraphQLList:
            named = named.of_type
        if node.selection_set is not None:
            if type(named) not in (GraphQLObjectType, GraphQLInterfaceType, GraphQLUnionType):
                raise Doubt
            self._check_set(node.selection_set, named, uses, depth + 1)
        elif type(named) not in LEAVES:
            raise Doubt

    def check_directives(
        self, nodes: Iterable[DirectiveNode] | None, location: str, uses: Uses
    ) -> None:
        """See that directives are known, may stand at a location, and not twice. Errors: Doubt."""
        seen: set[str] = set()
        for node in nodes or ():
            name = node.name.value
            directive = self._directives.get(name)
            if directive is None or name in NOT_PLAIN:
                raise Doubt
            if name in seen and not directive.is_repeatable:
                raise Doubt
            if all(allowed.name != location for allowed in directive.locations):
                raise Doubt
            seen.add(name)
            check_arguments(node.arguments, directive.args, uses.variables)
