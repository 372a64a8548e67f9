"""A whole document: its operations with the fragments and variables that they reach."""

from __future__ import annotations

from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    is_input_type,
    type_from_ast,
)
from graphql.validation.rules.variables_in_allowed_position import allowed_variable_usage

from gateway.language.quick.doubt import MAX_NESTING, MAX_STEPS, Doubt, StepsLeft
from gateway.language.quick.merging import Merging
from gateway.language.quick.selections import Selections, Uses
from gateway.language.quick.values import check_literal, note_variables


def is_certainly_valid(
    schema: GraphQLSchema, document: DocumentNode, max_steps: int = MAX_STEPS
) -> bool:
    """Whether every rule of the specification is kept, for certain. False says nothing: validate it.

    Args:
        schema: One that is valid itself.
        document: As parsed.
        max_steps: How many fields, spreads, variables and compared values may be looked at.
    """
    try:
        QuickCheck(schema, document, max_steps).check()
    except (Doubt, RecursionError):
        return False
    return True


class QuickCheck:
    """One document's check."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, max_steps: int) -> None:
        self._schema = schema
        self._operations: list[OperationDefinitionNode] = []
        self._fragments: dict[str, FragmentDefinitionNode] = {}
        for definition in document.definitions:
            if type(definition) is OperationDefinitionNode:
                self._operations.append(definition)
            elif type(definition) is FragmentDefinitionNode:
                if definition.name.value in self._fragments:
                    raise Doubt
                self._fragments[definition.name.value] = definition
            else:
                raise Doubt
        self._steps = StepsLeft(max_steps)
        self._selections = Selections(schema, self._fragments)
        self._uses: dict[str, Uses] = {}
        self._nesting: dict[str, int] = {}

    def check(self) -> None:
        """Errors: Doubt."""
        names = [node.name.value if node.name else None for node in self._operations]
        if len(set(names)) < len(names) or (None in names and len(names) > 1):
            raise Doubt
        for name, fragment in self._fragments.items():
            self._uses[name] = self._selections.check_fragment(fragment)
        reached: set[str] = set()
        for operation in self._operations:
            uses = self._selections.check_operation(operation)
            spread = self._reach(uses) if uses.spreads else set()
            reached |= spread
            used_by = [uses, *map(self._uses.__getitem__, spread)]
            if operation.variable_definitions or any(one.variables for one in used_by):
                self._check_variables(operation, used_by)
        if len(reached) < len(self._fragments):
            raise Doubt  # one is never used
        merging = Merging(self._selections.selected, self._fragments, self._steps)
        for operation in self._operations:
            merging.check((id(operation.selection_set),), 0)

    def _reach(self, uses: Uses) -> set[str]:
        """The names of all fragments that something spreads. Errors: Doubt of a cycle, or of deep nesting."""
        reached: set[str] = set()
        path: list[str] = []
        rest = [iter(uses.spreads)]
        while rest:
            name = next(rest[-1], None)
            if name is None:
                rest.pop()
                if path:
                    self._nesting[path[-1]] = self._nested(self._uses[path[-1]])
                    path.pop()
            elif name in path:
                raise Doubt
            elif name not in reached:
                self._steps.take()
                reached.add(name)
                path.append(name)
                rest.append(iter(self._uses[name].spreads))
        self._nested(uses)
        return reached

    def _nested(self, uses: Uses) -> int:
        """How deep something nests with the fragments that it spreads, at most. Errors: Doubt."""
        below = max((1 + self._nesting[name] for name in uses.spreads), default=0)
        if uses.nesting + below > MAX_NESTING:
            raise Doubt
        return uses.nesting + below

    def _check_variables(self, operation: OperationDefinitionNode, used_by: list[Uses]) -> None:
        defined: dict[str, Any] = {}
        for node in operation.variable_definitions or ():
            type_ = type_from_ast(self._schema, node.type)
            if node.variable.name.value in defined or not is_input_type(type_):
                raise Doubt
            if node.default_value is not None:
                check_literal(node.default_value, type_)
                note_variables(node.default_value, type_, [])
            self._selections.check_directives(node.directives, "VARIABLE_DEFINITION", Uses())
            defined[node.variable.name.value] = (type_, node.default_value)
        used: set[str] = set()
        for uses in used_by:
            for usage in uses.variables:
                self._steps.take()
                if usage.name not in defined:
                    raise Doubt
                type_, default = defined[usage.name]
                if type_ is not usage.type and not allowed_variable_usage(
                    self._schema, type_, default, usage.type, usage.default
                ):
                    raise Doubt
                used.add(usage.name)
        if len(used) < len(defined):
            raise Doubt
