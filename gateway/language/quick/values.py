"""Arguments, the literals in them, and the variables that are used there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from graphql import (
    GraphQLArgument,
    ListValueNode,
    ObjectValueNode,
    Undefined,
    VariableNode,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    is_required_argument,
)

from gateway.language.defaults import default_of
from gateway.language.quick.doubt import Doubt, doubt

try:
    from graphql.utilities import validate_input_literal
except ImportError:  # graphql-core 3.2: literals are left to its rule
    validate_input_literal = None  # type: ignore[assignment]


class VariableUse(NamedTuple):
    """A variable where it is used: the type of the place, and what stands there without it."""

    name: str
    type: Any
    default: Any


def check_arguments(
    nodes: Sequence[Any] | None, allowed: dict[str, GraphQLArgument], uses: list[VariableUse]
) -> None:
    """See that all that is given is known, once and of its type, and all that is required is given. Errors: Doubt."""
    given: set[str] = set()
    for node in nodes or ():
        name = node.name.value
        argument = allowed.get(name)
        if argument is None or name in given:
            raise Doubt
        given.add(name)
        check_value(node.value, argument, uses)
    for name, argument in allowed.items():
        if name not in given and is_required_argument(argument):
            raise Doubt


def check_value(node: Any, place: GraphQLArgument, uses: list[VariableUse]) -> None:
    """See that a value may stand in a place; a variable is noted, for each operation that uses it. Errors: Doubt."""
    if type(node) is VariableNode:
        uses.append(VariableUse(node.name.value, place.type, default_of(place)))
        return
    check_literal(node, place.type)
    if type(node) is ListValueNode or type(node) is ObjectValueNode:
        note_variables(node, place.type, uses)


def check_literal(node: Any, type_: Any) -> None:
    """See that a literal is of a type, as the reference sees it. Errors: Doubt."""
    if validate_input_literal is None:
        raise Doubt
    validate_input_literal(node, type_, doubt, None, None, True)


def note_variables(node: Any, type_: Any, uses: list[VariableUse]) -> None:
    """Note the variables of a literal that has the right shape, and see that no field of it stands twice."""
    type_ = get_nullable_type(type_)
    if type(node) is ListValueNode:
        item = type_.of_type if is_list_type(type_) else type_
        for value in node.values:
            if type(value) is VariableNode:
                uses.append(VariableUse(value.name.value, item, Undefined))
            else:
                note_variables(value, item, uses)
    elif type(node) is ObjectValueNode:
        while is_list_type(type_):  # one item may stand for a list
            type_ = get_nullable_type(type_.of_type)
        if not is_input_object_type(type_) or type_.is_one_of:
            raise Doubt  # a scalar of one's own, whose variables have no type
        if len({field.name.value for field in node.fields}) < len(node.fields):
            raise Doubt
        for field in node.fields:
            value, place = field.value, type_.fields[field.name.value]
            if type(value) is VariableNode:
                uses.append(VariableUse(value.name.value, place.type, default_of(place)))
            else:
                note_variables(value, place.type, uses)
