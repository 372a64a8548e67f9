"""What each part of a schema asks of the client: `@authenticated`, `@requiresScopes` and `@policy` in the SDL.

A field is under the rules of its own, of its type, of the type that it gives, and of every interface's field and
interface that it implements: a directive on an interface holds whichever way an object is reached. A field that is
asked of an interface is under those of all that implement it. An argument that is given is under those of its type.

Source: the directives as federation 2.5 and 2.6 have them; GHSA-x33c-7c2v-mrj9, GHSA-mx7m-j9xf-62hw and
GHSA-g8jh-vg5j-4h3f for what has to be thought of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLSchema,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    VariableNode,
    get_named_type,
    type_from_ast,
)

from gateway.auth.decisions import NO_NEED, Need, Rule
from gateway.errors import Diagnostic
from gateway.graph.builtin import authorization_names
from gateway.graph.rules import check_rules, rule_of
from gateway.graph.selected import selected_fields

NEEDS = "gateway.needs"


class Needs:
    """What a schema's parts need.

    Args:
        schema: Built.
        names: What the directives are called: `{"auth": "authenticated"}`.
    """

    def __init__(self, schema: GraphQLSchema, names: Mapping[str, str]) -> None:
        self.schema = schema
        self._names = names
        self.types: dict[str, Need] = {}
        self.fields: dict[tuple[str, str], Need] = {}
        self._inputs: dict[str, Need] = {}
        for type_ in schema.type_map.values():
            own = self._rules(type_)
            if own:
                self.types[type_.name] = own
            for name, field in getattr(type_, "fields", {}).items():
                if isinstance(field, GraphQLField) and (rules := self._rules(field)):
                    self.fields[type_.name, name] = rules
        self._reached: dict[tuple[str, str], Need] = {}

    def __bool__(self) -> bool:
        return bool(self.types or self.fields)

    def of_type(self, type_: Any) -> Need:
        """What a type needs, by itself and by its interfaces."""
        need = self.types.get(type_.name, NO_NEED)
        for interface in getattr(type_, "interfaces", ()):
            need |= self.types.get(interface.name, NO_NEED)
        return need

    def of_field(self, parent: Any, name: str) -> Need:
        """What a field of an object type or interface needs, what it gives included."""
        known = self._reached.get((parent.name, name))
        if known is None:
            known = self._reached[parent.name, name] = self._of_field(parent, name)
        return known

    def _of_field(self, parent: Any, name: str) -> Need:
        need = self.of_type(parent) | self.fields.get((parent.name, name), NO_NEED)
        for interface in parent.interfaces:
            need |= self.fields.get((interface.name, name), NO_NEED)
        if name in parent.fields:
            need |= self.of_type(get_named_type(parent.fields[name].type))
        if isinstance(parent, GraphQLInterfaceType):
            for implementer in self.schema.get_possible_types(parent):
                need |= self.of_field(implementer, name)
        return need

    def of_argument(self, type_: Any, value: Any) -> Need:
        """What an argument needs that is given: its type, and of an input object those of what is in it.

        What a variable may hold counts where it does: such a rule names the variable.
        """
        named = get_named_type(type_)
        if isinstance(value, VariableNode):
            need = (
                self._of_input(named)
                if isinstance(named, GraphQLInputObjectType)
                else self.types.get(named.name, NO_NEED)
            )
            return frozenset(replace(rule, given=value.name.value) for rule in need)
        if not isinstance(named, GraphQLInputObjectType):
            return self.types.get(named.name, NO_NEED)
        if isinstance(value, ListValueNode):
            return joined_needs(self.of_argument(named, item) for item in value.values)
        if isinstance(value, ObjectValueNode):
            return joined_needs(
                self.of_argument(named.fields[member.name.value].type, member.value)
                for member in value.fields
                if member.name.value in named.fields
            )
        return NO_NEED

    def of_value(self, type_: Any, value: Any) -> Need:
        """What a variable's value needs, as the client has sent it. What is null is not given."""
        named = get_named_type(type_)
        if value is None:
            return NO_NEED
        if isinstance(value, list):
            return joined_needs(self.of_value(named, item) for item in value)
        if not isinstance(named, GraphQLInputObjectType):
            return self.types.get(named.name, NO_NEED)
        if not isinstance(value, dict):
            return NO_NEED
        return joined_needs(
            self.of_value(named.fields[name].type, inner)
            for name, inner in value.items()
            if name in named.fields
        )

    def of_variables(
        self, operation: OperationDefinitionNode, raw: Mapping[str, Any]
    ) -> dict[str, Need]:
        """What the values of an operation's variables need, by the variable; of one that is not sent, its default."""
        found = {}
        for definition in operation.variable_definitions or ():
            name, type_ = (
                definition.variable.name.value,
                type_from_ast(self.schema, definition.type),
            )
            if name in raw:
                found[name] = self.of_value(type_, raw[name])
            elif definition.default_value is not None:
                found[name] = self.of_argument(type_, definition.default_value)
            else:
                found[name] = NO_NEED
        return found

    def _of_input(self, type_: GraphQLInputObjectType) -> Need:
        known = self._inputs.get(type_.name)
        if known is None:
            found: set[Rule] = set()
            seen, rest = {type_.name}, [type_]
            while rest:
                for field in rest.pop().fields.values():
                    inner = get_named_type(field.type)
                    found |= self.types.get(inner.name, NO_NEED)
                    if isinstance(inner, GraphQLInputObjectType) and inner.name not in seen:
                        seen.add(inner.name)
                        rest.append(inner)
            known = self._inputs[type_.name] = frozenset(found)
        return known

    def _rules(self, element: Any) -> Need:
        """The rules that are written at a type or field, and at the extensions of a type."""
        nodes = [element.ast_node, *getattr(element, "extension_ast_nodes", ())]
        uses = [use for node in nodes if node is not None for use in node.directives or ()]
        return frozenset(
            rule_of(self._names[use.name.value], use)
            for use in uses
            if use.name.value in self._names
        )


def joined_needs(needs: Iterable[Need]) -> Need:
    """All of them."""
    return NO_NEED.union(*needs)


def add_needs(
    schema: GraphQLSchema,
    document: DocumentNode,
    own: Collection[str] = (),
    *,
    is_asked: bool = True,
    is_decided: bool = True,
) -> list[Diagnostic]:
    """Keep what a schema's parts need with it, where there is something; errors and warnings.

    Args:
        schema: Built from `document`.
        document: The SDL.
        own: Names of directives that the user's Python implements: these mean what it says.
        is_asked: Whether a client can show who it is.
        is_decided: Whether a function decides policies.
    """
    names = {n: meant for n, meant in authorization_names(document).items() if n not in own}
    found = check_rules(document, names, is_decided=is_decided)
    needs = Needs(schema, names)
    if not needs:
        return found
    schema.extensions[NEEDS] = needs
    if is_asked:
        return found
    return [
        *found,
        Diagnostic(
            "directives of authorization are used, and nobody can show who it is: what is under them is denied to all",
            code="NobodyIsKnown",
            hint="set [[authentication.jwt.jwks]] or [authentication.api_keys]",
            severity="warning",
        ),
    ]


def needs_of(schema: GraphQLSchema) -> Needs | None:
    """What a schema's parts need; None for a schema without such directives."""
    return schema.extensions.get(NEEDS)


def find_needs(
    needs: Needs, document: DocumentNode, operation: OperationDefinitionNode
) -> dict[int, tuple[Need, Need]]:
    """What the field nodes of an operation need, and of this what the type needs that they are asked of; by `id`.

    Nodes that need nothing are left out. A node is under one type, wherever its fragment is spread.
    """
    found: dict[int, tuple[Need, Need]] = {}
    for parent, node, definition in selected_fields(needs.schema, document, operation):
        need = needs.of_field(parent, node.name.value) | joined_needs(
            needs.of_argument(definition.args[a.name.value].type, a.value)
            for a in node.arguments or ()
            if a.name.value in definition.args
        )
        if need:
            found[id(node)] = need, needs.of_type(parent)
    return found
