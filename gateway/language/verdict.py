"""Whether a document that one schema finds valid is valid by another, without validating it again. Pure.

Validation looks at nothing of a schema but what a document names: the fields that it selects with their arguments, the
types of its conditions and variables, its directives, and what is below those. Where all of that means the same in
both schemas, so does the document. Names of the whole are compared once, however many documents have them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    TypeNode,
    get_named_type,
    is_abstract_type,
)

from gateway.language.defaults import has_default

Read = tuple[str, str]
"""A type ("Video", ""), one of its fields ("Video", "title"), or a directive ("@", "include")."""
DIRECTIVE = "@"


class StrangeDocumentError(Exception):
    """A document that reads more than it names: it is validated again."""


def reads_of(schema: GraphQLSchema, document: DocumentNode) -> set[Read]:
    """What a valid document names of its schema. Errors: StrangeDocumentError for one that asks for the schema."""
    found: set[Read] = set()
    rest: list[tuple[Any, SelectionSetNode]] = []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            rest.append((schema.get_root_type(definition.operation), definition.selection_set))
            for variable in definition.variable_definitions or ():
                kind = schema.get_type(_name_of(variable.type))
                found.update(_with_input_types(kind))
                found.update(_directives(schema, variable))
        elif isinstance(definition, FragmentDefinitionNode):
            condition = definition.type_condition.name.value
            rest.append((schema.get_type(condition), definition.selection_set))
        found.update(_directives(schema, definition))
    while rest:
        parent, selections = rest.pop()
        found.add((parent.name, ""))
        for node in selections.selections:
            found.update(_directives(schema, node))
            below = getattr(node, "selection_set", None)
            if isinstance(node, FieldNode):
                if node.name.value == "__typename":
                    continue
                field = getattr(parent, "fields", {}).get(node.name.value)
                if field is None:
                    raise StrangeDocumentError
                found.add((parent.name, node.name.value))
                found.update(_input_types(field.args))
                named = get_named_type(field.type)
                found.add((named.name, ""))
                if below is not None:
                    rest.append((named, below))
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition.name.value if node.type_condition else parent.name
                rest.append((schema.get_type(condition), node.selection_set))
    return found


class SameNames:
    """What two schemas mean by their names.

    Args:
        before: The one that documents are valid by.
        after: The other. The functions of its scalars are those of the first.
    """

    def __init__(self, before: GraphQLSchema, after: GraphQLSchema) -> None:
        self._before = before
        self._after = after
        self._known: dict[Read, bool] = {}

    def are_same(self, document: DocumentNode) -> bool:
        """Whether a document that is valid by the one is valid by the other. False where that is not known."""
        if not self._has_same_roots:
            return False
        try:
            return all(map(self._is_same, reads_of(self._before, document)))
        except StrangeDocumentError:
            return False

    @cached_property
    def _has_same_roots(self) -> bool:
        names = ("query_type", "mutation_type", "subscription_type")
        return all(
            getattr(getattr(self._before, name), "name", None)
            == getattr(getattr(self._after, name), "name", None)
            for name in names
        )

    def _is_same(self, read: Read) -> bool:
        known = self._known.get(read)
        if known is None:
            known = self._known[read] = self._compared(*read)
        return known

    def _compared(self, owner: str, member: str) -> bool:
        if owner == DIRECTIVE:
            one, other = (s.get_directive(member) for s in (self._before, self._after))
            if one is None or other is None:
                return False
            same = (one.locations, one.is_repeatable) == (other.locations, other.is_repeatable)
            return same and _have_same_values(one.args, other.args)
        old: Any = self._before.type_map.get(owner)
        new: Any = self._after.type_map.get(owner)
        if old is None or new is None or type(old) is not type(new):
            return False
        if not member:
            return self._are_same_types(old, new)
        before, after = old.fields.get(member), new.fields.get(member)
        if before is None or after is None or str(before.type) != str(after.type):
            return False
        return _have_same_values(before.args, after.args)

    def _are_same_types(self, old: Any, new: Any) -> bool:
        if isinstance(old, GraphQLEnumType):
            return list(old.values) == list(new.values)
        if isinstance(old, GraphQLInputObjectType):
            is_same = old.is_one_of == new.is_one_of
            return is_same and _have_same_values(old.fields, new.fields)
        if isinstance(old, GraphQLObjectType | GraphQLInterfaceType) and (
            _names(old.interfaces) != _names(new.interfaces)
        ):
            return False
        if is_abstract_type(old):
            possible = (
                _names(schema.get_possible_types(kind))
                for schema, kind in ((self._before, old), (self._after, new))
            )
            return len(set(possible)) == 1
        return True


def _have_same_values(
    old: Mapping[str, GraphQLArgument | GraphQLInputField],
    new: Mapping[str, GraphQLArgument | GraphQLInputField],
) -> bool:
    """Whether arguments, or fields of an input type, are given and left out alike; what a default is, is all one."""
    return old.keys() == new.keys() and all(
        str(old[name].type) == str(new[name].type)
        and has_default(old[name]) == has_default(new[name])
        for name in old
    )


def _input_types(values: Mapping[str, GraphQLArgument | GraphQLInputField]) -> Iterator[Read]:
    """The types of arguments, and all that stand in those."""
    for value in values.values():
        yield from _with_input_types(get_named_type(value.type))


def _with_input_types(kind: Any) -> Iterator[Read]:
    for named in input_types(kind):
        yield named.name, ""


def input_types(kind: GraphQLNamedType | None) -> list[GraphQLNamedType]:
    """A type and, of an input type, all that stand in it; each once."""
    found: dict[str, GraphQLNamedType] = {}
    rest = [kind]
    while rest:
        named = rest.pop()
        if named is not None and named.name not in found:
            found[named.name] = named
            if isinstance(named, GraphQLInputObjectType):
                rest += [get_named_type(field.type) for field in named.fields.values()]
    return list(found.values())


def _names(types: Any) -> frozenset[str]:
    return frozenset(kind.name for kind in types)


def _name_of(node: TypeNode) -> str:
    while (inner := getattr(node, "type", None)) is not None:
        node = inner
    name: str = node.name.value  # type: ignore[attr-defined]
    return name


def _directives(schema: GraphQLSchema, node: Any) -> Iterator[Read]:
    for directive in node.directives or ():
        name = directive.name.value
        yield DIRECTIVE, name
        definition = schema.get_directive(name)
        if definition is not None:
            yield from _input_types(definition.args)
