"""A view as it is served: its schema, made when it is first asked for, and what of an operation it changes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    get_named_type,
    is_abstract_type,
    type_from_ast,
)

from gateway.graph.views.filtered import filtered_schema
from gateway.graph.views.parts import ViewParts, of_type, own_types
from gateway.graph.views.settings import ViewSettings

INTROSPECTION = ("__schema", "__type")


class SchemaView:
    """One view of a schema.

    An operation that is valid in a view runs by the plan of the whole schema, but for one that may meet what is
    hidden on the way out or in its variables: that one has a plan of the view's own.

    Args:
        name: As configured.
        whole: The schema that is executed.
        settings: What is in the view.
        names: Which directive each name of one is.
    """

    def __init__(
        self, name: str, whole: GraphQLSchema, settings: ViewSettings, names: Mapping[str, str]
    ) -> None:
        self.name = name
        self._whole = whole
        self._settings = settings
        self._names = names

    @cached_property
    def parts(self) -> ViewParts:
        """What is in it."""
        return ViewParts(self._whole, self._settings, self._names)

    @cached_property
    def schema(self) -> GraphQLSchema:
        """What its clients see."""
        return filtered_schema(self.parts)

    @cached_property
    def narrowed(self) -> frozenset[str]:
        """The names of its types whose values may be something that is hidden: in a result, or in a variable."""
        parts, found = self.parts, set[str]()
        shown = [type_ for type_ in own_types(self._whole) if parts.shows_type(type_)]
        for type_ in shown:
            if isinstance(type_, GraphQLEnumType | GraphQLInputObjectType):
                members: Any = type_.fields if hasattr(type_, "fields") else type_.values
                is_less = len(parts.members[type_.name]) < len(members)
            else:
                is_less = is_abstract_type(type_) and any(
                    not self.shows(one.name) for one in self._whole.get_possible_types(type_)
                )
            if is_less:
                found.add(type_.name)
        inputs = [type_ for type_ in shown if isinstance(type_, GraphQLInputObjectType)]
        size = -1
        while len(found) != size:
            size = len(found)
            for one in inputs:
                if any(of_type(m).name in found for m in parts.members[one.name].values()):
                    found.add(one.name)
        return frozenset(found)

    def shows(self, name: str) -> bool:
        """Whether its clients see a type of this name."""
        return name in self.schema.type_map

    def enum(self, type_: GraphQLEnumType) -> GraphQLEnumType:
        """An enum type with the values that its clients see."""
        found: Any = self.schema.type_map.get(type_.name)
        return found if isinstance(found, GraphQLEnumType) else type_

    def changes(self, document: DocumentNode) -> bool:
        """Whether a document that is valid in it may be answered otherwise than by the whole schema."""
        return any(
            self._changes_variables(node) or self._changes_fields(node)
            for node in document.definitions
        )

    def _changes_variables(self, node: Any) -> bool:
        if not isinstance(node, OperationDefinitionNode):
            return False
        for definition in node.variable_definitions or ():
            type_: Any = type_from_ast(self.schema, definition.type)
            if get_named_type(type_).name in self.narrowed:
                return True
        return False

    def _changes_fields(self, definition: Any) -> bool:
        schema, narrowed = self.schema, self.narrowed
        if isinstance(definition, OperationDefinitionNode):
            parent: Any = schema.get_root_type(definition.operation)
        elif isinstance(definition, FragmentDefinitionNode):
            parent = schema.get_type(definition.type_condition.name.value)
        else:
            return False
        todo = [(definition.selection_set, parent)]
        while todo:
            selections, parent = todo.pop()
            for node in selections.selections:
                if isinstance(node, FieldNode):
                    if node.name.value in INTROSPECTION:
                        return True
                    field = schema.get_field(parent, node.name.value)
                    named: Any = get_named_type(field.type) if field else None
                    if named is not None and named.name in narrowed:
                        return True
                    if node.selection_set is not None:
                        todo.append((node.selection_set, named))
                elif isinstance(node, InlineFragmentNode):
                    condition = node.type_condition
                    on = schema.get_type(condition.name.value) if condition else parent
                    todo.append((node.selection_set, on))
        return False


def views_of(
    whole: GraphQLSchema, settings: Mapping[str, ViewSettings], names: Mapping[str, str]
) -> dict[str, SchemaView]:
    """The views of a schema, by their names."""
    return {name: SchemaView(name, whole, one, names) for name, one in settings.items()}
