"""The field sets of `@key`, `@requires` and `@provides`: `"id organization { id ... on Shop { code } }"`.

They are read without a schema, since the schema is made with what they say, and held against it afterwards.

Source: Apollo Federation subgraph specification, "scalar FieldSet".
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FieldsOnCorrectTypeRule,
    FragmentsOnCompositeTypesRule,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    KnownTypeNamesRule,
    PossibleFragmentSpreadsRule,
    ScalarLeafsRule,
    SelectionNode,
    SelectionSetNode,
    StringValueNode,
    get_named_type,
    is_interface_type,
    parse,
    validate,
)

from gateway.errors import Diagnostic
from gateway.graph.builtin import subgraph_names
from gateway.graph.field_tree import LEAF, FieldTree
from gateway.graph.sdl import place_of

ON = "... on "
"""How a tree names what is selected of one type only."""
RULES = (
    KnownTypeNamesRule,
    FieldsOnCorrectTypeRule,
    ScalarLeafsRule,
    FragmentsOnCompositeTypesRule,
    PossibleFragmentSpreadsRule,
)


def field_set(use: DirectiveNode, type_name: str) -> FieldTree | None:
    """The fields of a type that a directive names; None for a set that is none, which `check_field_sets` tells."""
    try:
        return _tree(_selections(use), type_name)
    except GraphQLError:
        return None


def flattened(tree: FieldTree) -> FieldTree:
    """What any type may have of a tree."""
    parts = [
        flattened(below) if name.startswith(ON) else FieldTree({name: flattened(below)})
        for name, below in tree.items()
    ]
    return reduce(FieldTree.joined, parts, LEAF)


def check_field_sets(schema: GraphQLSchema, document: DocumentNode) -> list[Diagnostic]:
    """An error for each set that is none, and a warning for keys of interfaces, which nothing is served by."""
    found = []
    for use, title, type_name in _uses(schema, document):
        file, line, column = place_of(use)
        is_resolved = argument(use, "resolvable") is not False
        if title == "key" and is_resolved and is_interface_type(schema.get_type(type_name)):
            message = f"@key of {type_name}: entities of an interface are not served"
            hint = "put the key on its types, or add resolvable: false"
            found.append(Diagnostic(message, "FieldSet", file, line, column, hint, "warning"))
        for message in _mistakes(schema, use, type_name):
            message = f"@{title} of {type_name}: {message}"
            found.append(Diagnostic(message, "FieldSet", file, line, column))
    return found


def argument(use: DirectiveNode, name: str) -> Any:
    """The value of a directive's argument; None where it has none that is a scalar."""
    found = next((one.value for one in use.arguments or () if one.name.value == name), None)
    return getattr(found, "value", None)


def _uses(
    schema: GraphQLSchema, document: DocumentNode
) -> Iterator[tuple[DirectiveNode, str, str]]:
    """The directives with a set, what each is called, and the type whose fields it names."""
    names = subgraph_names(document)
    for node in document.definitions:
        owner = getattr(getattr(node, "name", None), "value", "")
        fields = getattr(schema.get_type(owner), "fields", {})
        for use in getattr(node, "directives", None) or ():
            if names.get(use.name.value) == "key":
                yield use, "key", owner
        for field in getattr(node, "fields", None) or ():
            for use in field.directives or ():
                title = names.get(use.name.value)
                if title == "requires":
                    yield use, title, owner
                elif title == "provides" and field.name.value in fields:
                    yield use, title, get_named_type(fields[field.name.value].type).name


def _mistakes(schema: GraphQLSchema, use: DirectiveNode, type_name: str) -> list[str]:
    try:
        selections = _selections(use)
    except GraphQLError as error:
        return [error.message]
    foreign = [what for one in _all_selections(selections) if (what := _foreign_to_sets(one))]
    if foreign:
        return foreign
    text = argument(use, "fields")
    fragment = parse(f"fragment Fields on {type_name} {{ {text}\n}}", no_location=True)
    return [error.message for error in validate(schema, fragment, RULES)]


def _selections(use: DirectiveNode) -> SelectionSetNode:
    """Errors: GraphQLError for what is no set of fields."""
    value = next((one.value for one in use.arguments or () if one.name.value == "fields"), None)
    if not isinstance(value, StringValueNode):
        raise GraphQLError("`fields` is a text with names of fields")
    if not value.value.strip():
        raise GraphQLError("`fields` names none")
    definitions = parse(f"{{ {value.value}\n}}", no_location=True).definitions
    selections = getattr(definitions[0], "selection_set", None)
    if len(definitions) > 1 or selections is None:
        raise GraphQLError("`fields` is one set of fields")
    found: SelectionSetNode = selections
    return found


def _all_selections(selections: SelectionSetNode) -> Iterator[SelectionNode]:
    for one in selections.selections:
        yield one
        below = getattr(one, "selection_set", None)
        if below is not None:
            yield from _all_selections(below)


def _foreign_to_sets(one: SelectionNode) -> str | None:
    """What a selection has that a set of fields cannot; None where it has nothing of the kind."""
    if one.directives:
        return f"@{one.directives[0].name.value} has no place among its fields"
    if isinstance(one, FieldNode):
        if one.alias or one.arguments:
            return f"{one.name.value} has an alias or arguments: a set has neither"
        return None
    return None if isinstance(one, InlineFragmentNode) else "a set has inline fragments only"


def _tree(selections: SelectionSetNode, type_name: str | None) -> FieldTree:
    """Errors: GraphQLError for a fragment that is none of its own."""
    found = LEAF
    for one in selections.selections:
        if isinstance(one, FieldNode):
            below = _tree(one.selection_set, None) if one.selection_set else LEAF
            found = found.joined(FieldTree({one.name.value: below}))
        elif isinstance(one, InlineFragmentNode):
            condition = one.type_condition.name.value if one.type_condition else type_name
            tree = _tree(one.selection_set, condition)
            is_of_all = condition == type_name
            found = found.joined(tree if is_of_all else FieldTree({f"{ON}{condition}": tree}))
        else:
            raise GraphQLError("a set has inline fragments only")
    return found
