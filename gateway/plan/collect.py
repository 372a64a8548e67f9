"""Which fields a selection set asks for, decided at plan time.

The specification's CollectFields with the values of the shaping variables known: a plan is made for one
set of them, so `@skip` and `@include` leave no trace in it. Must never look at a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    is_abstract_type,
)
from graphql.utilities import type_from_ast

# Directives that change how the executor delivers or propagates, and never mean anything here.
FOREIGN_DIRECTIVES = frozenset({"defer", "stream", "experimental_disableErrorPropagation"})


class CannotCompileError(Exception):
    """The operation has something that no plan can express: it runs on graphql-core instead."""


class Collector:
    """Collects the fields of one operation for one set of shaping values.

    Attributes:
        numbers: Every field node's number in document order, by `id(node)`.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        shaping: Mapping[str, bool | None],
    ) -> None:
        self.schema = schema
        self.operation = operation
        self.shaping = shaping
        self.numbers = {id(node): i for i, node in enumerate(field_nodes(document))}
        self.fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def collect_fields(
        self, runtime_type: GraphQLObjectType, selection_sets: Iterable[SelectionSetNode | None]
    ) -> dict[str, list[FieldNode]]:
        """The field nodes of each response key, in the order of the response. §6.3.2"""
        grouped: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        for selection_set in selection_sets:
            if selection_set is not None:
                self._visit(runtime_type, selection_set, grouped, visited)
        return grouped

    def _visit(
        self,
        runtime_type: GraphQLObjectType,
        selection_set: SelectionSetNode,
        grouped: dict[str, list[FieldNode]],
        visited: set[str],
    ) -> None:
        for node in selection_set.selections:
            if not self._is_included(node.directives):
                continue
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias else node.name.value
                grouped.setdefault(key, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if self._applies(node, runtime_type):
                    self._visit(runtime_type, node.selection_set, grouped, visited)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.fragments.get(node.name.value)
                if fragment is None or not self._applies(fragment, runtime_type):
                    continue
                if node.name.value not in visited:
                    visited.add(node.name.value)
                    self._visit(runtime_type, fragment.selection_set, grouped, visited)

    def _is_included(self, directives: Iterable[DirectiveNode] | None) -> bool:
        included = True
        for directive in directives or ():
            name = directive.name.value
            if name == "skip":
                included = included and not self._condition(directive)
            elif name == "include":
                included = included and self._condition(directive)
        return included

    def _condition(self, directive: DirectiveNode, name: str | None = None) -> bool:
        for argument in directive.arguments or ():
            if name is not None and argument.name.value != name:
                continue
            value = argument.value
            if isinstance(value, BooleanValueNode):
                return value.value
            if isinstance(value, VariableNode):
                known = self.shaping.get(value.name.value)
                if isinstance(known, bool):
                    return known
        raise CannotCompileError(f"@{directive.name.value} without a boolean")

    def _applies(
        self, fragment: InlineFragmentNode | FragmentDefinitionNode, runtime_type: GraphQLObjectType
    ) -> bool:
        condition = fragment.type_condition
        if condition is None:
            return True
        conditional = type_from_ast(self.schema, condition)
        if conditional is runtime_type:
            return True
        return is_abstract_type(conditional) and self.schema.is_sub_type(conditional, runtime_type)


def field_nodes(document: DocumentNode) -> list[FieldNode]:
    """Every field node of a document, in document order: a plan names them by their place here."""
    return [node for node in walk(document) if isinstance(node, FieldNode)]


def shaping_variables(
    document: DocumentNode, operation: OperationDefinitionNode, *, defers: bool = False
) -> tuple[str, ...]:
    """The names of the variables that `@skip` and `@include` read, sorted; and `@defer`, where the plan defers.

    Of this operation and the fragments that it spreads alone: another one's variables of these names are others.

    Errors: CannotCompileError for operations that no plan can express, whatever their variables.
    """
    names = set()
    for node in _walk_reached(document, operation):
        if isinstance(node, FragmentDefinitionNode) and node.variable_definitions:
            raise CannotCompileError("fragment variables")
        if not isinstance(node, DirectiveNode):
            continue
        if node.name.value in FOREIGN_DIRECTIVES and not (defers and node.name.value == "defer"):
            raise CannotCompileError(f"@{node.name.value}")
        if node.name.value in ("skip", "include", "defer"):
            names |= {
                a.value.name.value
                for a in node.arguments or ()
                if isinstance(a.value, VariableNode)
            }
    return tuple(sorted(names))


def conditions_of(document: DocumentNode, operation: OperationDefinitionNode) -> tuple[str, ...]:
    """The names of the variables that `@skip` and `@include` of an operation read, sorted."""
    names = {
        argument.value.name.value
        for node in _walk_reached(document, operation)
        if isinstance(node, DirectiveNode) and node.name.value in ("skip", "include")
        for argument in node.arguments or ()
        if isinstance(argument.value, VariableNode)
    }
    return tuple(sorted(names))


def _walk_reached(document: DocumentNode, operation: OperationDefinitionNode) -> list[Node]:
    """An operation and the fragments that it spreads, each once, with their selections and directives."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    found: list[Node] = []
    _walk(operation, found)
    for node in found:  # which grows
        if isinstance(node, FragmentSpreadNode):
            fragment = fragments.pop(node.name.value, None)
            if fragment is not None:
                _walk(fragment, found)
    return found


def walk(document: DocumentNode) -> list[Node]:
    """Operations and fragments of a document with their selections and directives, in document order."""
    found: list[Node] = []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            _walk(definition, found)
    return found


def _walk(node: Any, found: list[Node]) -> None:
    found.append(node)
    if node.directives:
        found += node.directives
    selection_set = getattr(node, "selection_set", None)
    if selection_set is not None:
        for child in selection_set.selections:
            _walk(child, found)
