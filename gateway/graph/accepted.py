"""What schemas written for other servers have and GraphQL's rules alone would refuse, in a form that loads.

It changes the document before it is built and says what it changed; it never guesses what was meant.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from graphql import (
    DefinitionNode,
    DirectiveNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    EnumTypeExtensionNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    InputObjectTypeExtensionNode,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    ScalarTypeDefinitionNode,
    ScalarTypeExtensionNode,
    SchemaDefinitionNode,
    SchemaExtensionNode,
    StringValueNode,
    TypeDefinitionNode,
    TypeExtensionNode,
    UnionTypeDefinitionNode,
    UnionTypeExtensionNode,
    print_ast,
)

from gateway.errors import Diagnostic
from gateway.graph.sdl import place_of

FEDERATION_URL: Final = "https://specs.apollo.dev/federation/"
COMPOSED_URLS: Final = ("https://specs.apollo.dev/join/", "https://specs.apollo.dev/core/")
ROOTS: Final = frozenset({"Query", "Mutation", "Subscription"})
DEFINITIONS: Final[dict[type, type]] = {
    ScalarTypeExtensionNode: ScalarTypeDefinitionNode,
    ObjectTypeExtensionNode: ObjectTypeDefinitionNode,
    InterfaceTypeExtensionNode: InterfaceTypeDefinitionNode,
    UnionTypeExtensionNode: UnionTypeDefinitionNode,
    EnumTypeExtensionNode: EnumTypeDefinitionNode,
    InputObjectTypeExtensionNode: InputObjectTypeDefinitionNode,
}
_DEPRECATED: Final = re.compile(
    r"Interface field \S+ is not deprecated, so implementation field \S+ must not be deprecated\."
)


def accepted(document: DocumentNode) -> tuple[DocumentNode, list[Diagnostic]]:
    """The document with bases for the types that it only extends, and without fields that stand twice."""
    found: list[Diagnostic] = []
    definitions = [_without_repeats(item, found) for item in _with_bases(document)]
    return DocumentNode(definitions=tuple(definitions)), found


def without_repeats(document: DocumentNode) -> DocumentNode:
    """The document without fields that stand twice."""
    return DocumentNode(definitions=tuple(_without_repeats(d, []) for d in document.definitions))


def _with_bases(document: DocumentNode) -> list[DefinitionNode]:
    """`extend type Product @key(…)` in a subgraph stands for the whole type: another service has the rest."""
    defined = {
        item.name.value for item in document.definitions if isinstance(item, TypeDefinitionNode)
    }
    is_subgraph = linked(document, (FEDERATION_URL,)) is not None
    result: list[DefinitionNode] = []
    for item in document.definitions:
        if isinstance(item, TypeExtensionNode) and item.name.value not in defined:
            names = {use.name.value.rpartition("__")[2] for use in item.directives or ()}
            if is_subgraph or names & {"key", "extends"} or item.name.value in ROOTS:
                defined.add(item.name.value)
                given: dict[str, Any] = {key: getattr(item, key, None) for key in item.keys}
                result.append(DEFINITIONS[type(item)](**given))
                continue
        result.append(item)
    return result


def _without_repeats(definition: DefinitionNode, found: list[Diagnostic]) -> DefinitionNode:
    """A field that stands twice and means the same, once: generated schemas have such fields."""
    fields = getattr(definition, "fields", None)
    if not fields or not isinstance(definition, TypeDefinitionNode | TypeExtensionNode):
        return definition
    first: dict[str, FieldDefinitionNode] = {}
    kept = []
    for item in fields:
        before = first.setdefault(item.name.value, item)
        if before is not item and _text(before) == _text(item):
            file, line, column = place_of(item)
            message = f"{definition.name.value}.{item.name.value} is declared twice"
            place = place_of(before)[1]
            hint = f"the first is on line {place}; remove one"
            found.append(Diagnostic(message, "RepeatedField", file, line, column, hint, "warning"))
            continue
        kept.append(item)
    if len(kept) == len(fields):
        return definition
    changed: Any = definition
    result: DefinitionNode = replace(changed, fields=tuple(kept))
    return result


def _text(node: FieldDefinitionNode) -> str:
    return print_ast(replace(node, description=None))


def is_of_2025(message: str) -> bool:
    """Whether an error is of the rule that came in 2025: before, such schemas were right.

    Source: GraphQL specification, September 2025, §3.6 IsValidImplementation.
    """
    return _DEPRECATED.fullmatch(message) is not None


def linked(document: DocumentNode, urls: tuple[str, ...]) -> DirectiveNode | None:
    """The first `@link` or `@core` of a document that names one of the specifications."""
    for definition in document.definitions:
        if not isinstance(definition, SchemaDefinitionNode | SchemaExtensionNode):
            continue
        for use in definition.directives or ():
            for argument in use.arguments or ():
                value = argument.value
                is_name = argument.name.value in ("url", "feature")
                if is_name and isinstance(value, StringValueNode) and value.value.startswith(urls):
                    return use
    return None
