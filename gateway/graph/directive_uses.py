"""Whether the directives of a schema are given values of the types that their definitions name.

GraphQL's own rules for schemas stop at the names of arguments. A value that nobody can read would count as none:
`scope: private` in the place of `PRIVATE` would share what is one client's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from graphql import (
    ConstDirectiveNode,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    ValuesOfCorrectTypeRule,
    visit,
)


def wrong_values(
    schema: GraphQLSchema, document: DocumentNode, passed: Collection[str]
) -> list[GraphQLError]:
    """An error for each value of a directive's argument that is not of its type.

    Args:
        schema: Built of the document, with the definitions of all its directives.
        document: What is looked at.
        passed: The names of directives that are checked elsewhere.
    """
    found: list[GraphQLError] = []
    types = TypeInfo(schema)
    context = ValidationContext(schema, document, types, found.append)
    visitor = TypeInfoVisitor(types, ValuesOfCorrectTypeRule(context))
    for definition in document.definitions:
        for use in uses_in(definition):
            if use.arguments and use.name.value not in passed:
                visit(use, visitor)
    return found


def uses_in(definition: Any) -> Iterator[ConstDirectiveNode]:
    """The directives on a definition, and on all that it holds: fields, their arguments, values of enums."""
    yield from getattr(definition, "directives", None) or ()
    for part in ("fields", "arguments", "values"):
        for inner in getattr(definition, part, None) or ():
            yield from uses_in(inner)
