"""The schema of a view: what clients read, and what their documents and variables are validated by.

Nothing is executed by it: operations run on the whole schema, with the view's eyes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLDirective,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    Undefined,
    is_list_type,
    is_non_null_type,
)

from gateway.graph.schema import FIXED
from gateway.graph.views.defaults import is_shown
from gateway.graph.views.parts import ViewParts, is_shared_type, own_types

KINDS: Mapping[type, str] = {
    GraphQLObjectType: "_object",
    GraphQLInterfaceType: "_object",
    GraphQLUnionType: "_union",
    GraphQLEnumType: "_enum",
    GraphQLInputObjectType: "_input",
}


class NarrowedEnumType(GraphQLEnumType):
    """An enum type of which a view hides values: what it cannot represent may be one of them, and is not told."""

    def coerce_output_value(self, output_value: Any) -> str:
        """As the type's. Errors: GraphQLError."""
        try:
            return super().coerce_output_value(output_value)
        except GraphQLError:
            raise GraphQLError(f"Enum '{self.name}' cannot represent the value.") from None


def filtered_schema(parts: ViewParts) -> GraphQLSchema:
    """The schema of a view. It is not validated."""
    return _Filter(parts).schema()


class _Filter:
    """Makes the types of one view, each of which refers to others of it."""

    def __init__(self, parts: ViewParts) -> None:
        self._parts = parts
        self._types: dict[str, Any] = {}
        for type_ in own_types(parts.schema):
            if parts.shows_type(type_):
                kind = next((name for of, name in KINDS.items() if isinstance(type_, of)), None)
                # Scalars refer to nothing, and are taken as they are.
                make: Callable[[Any], Any] = getattr(self, kind) if kind else _itself
                self._types[type_.name] = make(type_)

    def schema(self) -> GraphQLSchema:
        """The whole of it."""
        before = self._parts.schema
        kwargs = before.to_kwargs()
        for root in ("query", "mutation", "subscription"):
            type_ = kwargs[root]
            kwargs[root] = self._types.get(type_.name) if type_ is not None else None
        kwargs["types"] = tuple(self._types.values())
        kwargs["directives"] = tuple(map(self._directive, before.directives))
        kwargs["extensions"] = {FIXED: True}
        kwargs["assume_valid"] = True
        return GraphQLSchema(**kwargs)

    def _object(self, type_: Any) -> Any:
        kwargs = type_.to_kwargs()
        members = self._parts.members[type_.name]
        kwargs["fields"] = lambda: {
            name: self._field(type_.name, name, field) for name, field in members.items()
        }
        kwargs["interfaces"] = lambda: [
            self._types[one.name] for one in type_.interfaces if one.name in self._types
        ]
        return type(type_)(**kwargs)

    def _field(self, owner: str, name: str, field: GraphQLField) -> GraphQLField:
        kwargs = field.to_kwargs()
        kwargs["type_"] = self._typed(field.type)
        kwargs["args"] = self._arguments(self._parts.arguments[owner, name])
        return GraphQLField(**kwargs)

    def _arguments(self, arguments: Mapping[str, GraphQLArgument]) -> dict[str, GraphQLArgument]:
        return {
            name: GraphQLArgument(**self._given(argument)) for name, argument in arguments.items()
        }

    def _given(self, member: GraphQLArgument | GraphQLInputField) -> dict[str, Any]:
        """An argument's or input field's keywords; a default that the view does not show is no default there."""
        kwargs: dict[str, Any] = {**member.to_kwargs()}
        kwargs["type_"] = self._typed(member.type)
        if not is_shown(self._parts, member):
            kwargs["default_value"], kwargs["default"] = Undefined, None
        return kwargs

    def _union(self, type_: GraphQLUnionType) -> GraphQLUnionType:
        kwargs: dict[str, Any] = {**type_.to_kwargs()}
        kwargs["types"] = lambda: [
            self._types[one.name] for one in type_.types if one.name in self._types
        ]
        return GraphQLUnionType(**kwargs)

    def _enum(self, type_: GraphQLEnumType) -> GraphQLEnumType:
        left = self._parts.members[type_.name]
        if len(left) == len(type_.values):
            return type_
        kwargs: dict[str, Any] = {**type_.to_kwargs(), "values": left}
        return NarrowedEnumType(**kwargs)

    def _input(self, type_: GraphQLInputObjectType) -> GraphQLInputObjectType:
        kwargs: dict[str, Any] = {**type_.to_kwargs()}
        members = self._parts.members[type_.name]
        kwargs["fields"] = lambda: {
            name: GraphQLInputField(**self._given(member)) for name, member in members.items()
        }
        return GraphQLInputObjectType(**kwargs)

    def _directive(self, directive: GraphQLDirective) -> GraphQLDirective:
        kwargs = directive.to_kwargs()
        kwargs["args"] = self._arguments(self._parts.arguments[f"@{directive.name}", ""])
        return GraphQLDirective(**kwargs)

    def _typed(self, type_: Any) -> Any:
        if is_non_null_type(type_):
            return GraphQLNonNull(self._typed(type_.of_type))
        if is_list_type(type_):
            return GraphQLList(self._typed(type_.of_type))
        # A type of the schema's own that is not in the view is a KeyError: never the whole of it in its place.
        return type_ if is_shared_type(type_) else self._types[type_.name]


def _itself(type_: Any) -> Any:
    return type_
