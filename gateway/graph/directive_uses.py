"""Whether the directives of a schema are given values of the types that their definitions name.

GraphQL's own rules for schemas stop at the names of arguments. A value that nobody can read would count as none:
`scope: private` in the place of `PRIVATE` would share what is one client's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from graphql import (
    BooleanValueNode,
    ConstDirectiveNode,
    DocumentNode,
    EnumValueNode,
    FloatValueNode,
    GraphQLError,
    GraphQLSchema,
    IntValueNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    ValuesOfCorrectTypeRule,
    visit,
)

LEAVES = BooleanValueNode, EnumValueNode, FloatValueNode, IntValueNode, StringValueNode


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
    right: set[object] = set()
    for definition in document.definitions:
        for use in uses_in(definition):
            if not use.arguments or use.name.value in passed:
                continue
            said, count = _said(use), len(found)
            if said is None or said not in right:
                visit(use, visitor)
                if len(found) == count:
                    right.add(said)
    return found


def _said(use: ConstDirectiveNode) -> tuple[object, ...] | None:
    """Equal for uses that say the same: a large schema says `@tag(name: "internal")` a thousand times.

    None where a list or an object is said.
    """
    given: list[object] = [use.name.value]
    for argument in use.arguments or ():
        value: Any = argument.value
        if not isinstance(value, LEAVES):
            return None
        given += (argument.name.value, value.__class__, value.value)
    return tuple(given)


def uses_in(definition: Any) -> Iterator[ConstDirectiveNode]:
    """The directives on a definition, and on all that it holds: fields, their arguments, values of enums."""
    yield from getattr(definition, "directives", None) or ()
    for part in ("fields", "arguments", "values"):
        for inner in getattr(definition, part, None) or ():
            yield from uses_in(inner)
