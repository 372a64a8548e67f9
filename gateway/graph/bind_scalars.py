"""Lays scalars on the schema: the user's, and the gateway's own by name."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from concurrent.futures import Executor
from typing import Any

from graphql import (
    GraphQLScalarType,
    GraphQLSchema,
    is_specified_scalar_type,
)

from gateway.errors import Diagnostic
from gateway.graph.register import Mark
from gateway.graph.scalars import MEANINGS, checked_output, located_literal
from gateway.graph.sdl import place_of
from gateway.graph.signature import (
    finding,
    names_of_kinds,
    unknown,
)


def guard_scalars(schema: GraphQLSchema) -> None:
    """Hold every custom scalar to give JSON, and its errors of a literal to say where; those without functions too."""
    for declared in schema.type_map.values():
        if isinstance(declared, GraphQLScalarType) and not is_specified_scalar_type(declared):
            scalar: Any = declared
            scalar.serialize = checked_output(declared.name, scalar.serialize)
            scalar.coerce_output_value = scalar.serialize
            scalar.parse_literal = located_literal(scalar.parse_literal)


def bind_scalars(schema: GraphQLSchema, classes: dict[str, type]) -> None:
    """Give each declared custom scalar of that name its functions."""
    for name, implementation in classes.items():
        declared = schema.type_map.get(name)
        if isinstance(declared, GraphQLScalarType) and declared.ast_node is not None:
            _set_scalar(declared, implementation)


def scalars_by_name(schema: GraphQLSchema, chosen: Collection[str]) -> list[Diagnostic]:
    """A note for each scalar whose meaning nobody chose: it has that of the gateway's own of its name."""
    found: list[Diagnostic] = []
    for name, meaning in MEANINGS.items():
        declared = schema.type_map.get(name)
        if name in chosen or not isinstance(declared, GraphQLScalarType):
            continue
        if declared.ast_node is not None:
            file, line, column = place_of(declared.ast_node.name)
            message = f"by its name the scalar {name} is {meaning}"
            hint = f'another by @scalar("{name}") in Python or in [graph.scalars]: `{name} = "JSON"` takes values as they are'
            found.append(Diagnostic(message, "ScalarByName", file, line, column, hint, "note"))
    return found


def _set_scalar(declared: GraphQLScalarType, implementation: Any) -> None:
    scalar: Any = declared
    if serialize := getattr(implementation, "serialize", None):
        scalar.serialize = scalar.coerce_output_value = serialize
    if parse_value := getattr(implementation, "parse_value", None):
        scalar.parse_value = scalar.coerce_input_value = parse_value
    if parse_literal := getattr(implementation, "parse_literal", None):
        scalar.parse_literal = parse_literal


def bind_scalar(schema: GraphQLSchema, mark: Mark, _: Executor) -> list[Diagnostic]:
    declared = schema.type_map.get(mark.name)
    if not isinstance(declared, GraphQLScalarType):
        return [unknown(mark, "scalar", names_of_kinds(schema, GraphQLScalarType))]
    if is_specified_scalar_type(declared):
        hint = "give the field a scalar of your own"
        return [finding(mark, f"{mark.name} is GraphQL's own, and stays what it is", hint)]
    known = ("serialize", "parse_value", "parse_literal")
    if not any(hasattr(mark.target, name) for name in known):
        return [finding(mark, f"the scalar {mark.name} has none of {', '.join(known)}")]
    target = mark.target
    if inspect.isclass(target) and any(_takes_self(target, name) for name in known):
        try:
            target = target()
        except Exception as exc:
            hint = "methods with `self` need a class that is made without arguments; or write @staticmethod"
            return [finding(mark, f"the scalar {mark.name} cannot be made: {exc}", hint)]
    _set_scalar(declared, target)
    return []


def _takes_self(owner: type, name: str) -> bool:
    """Whether a method is one of the class's objects."""
    method = inspect.getattr_static(owner, name, None)
    return inspect.isfunction(method) and "self" in list(inspect.signature(method).parameters)[:1]
