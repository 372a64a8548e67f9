"""The fields that an operation selects, each with the type that it is asked of, in every fragment that is spread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    get_named_type,
    type_from_ast,
)


def selected_fields(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> Iterator[tuple[Any, FieldNode, GraphQLField]]:
    """Owner, node and definition of each field; without `__typename` and introspection.

    A fragment is walked once, wherever it is spread: its type is its own.

    Args:
        schema: The operation is valid by it.
        document: Has the fragments.
        operation: Of the document.
    """
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    root = schema.get_root_type(operation.operation)
    rest: list[tuple[Any, Any]] = [(root, operation.selection_set)]
    while rest:
        parent, selections = rest.pop()
        for node in selections.selections:
            if isinstance(node, FieldNode):
                definition = getattr(parent, "fields", {}).get(node.name.value)
                if definition is None:
                    continue
                yield parent, node, definition
                if node.selection_set is not None:
                    rest.append((get_named_type(definition.type), node.selection_set))
                continue
            inner: Any = node
            if not isinstance(node, InlineFragmentNode):
                inner = fragments.pop(node.name.value, None)
            if inner is not None:
                condition = inner.type_condition
                of = type_from_ast(schema, condition) if condition else parent
                rest.append((of, inner.selection_set))
